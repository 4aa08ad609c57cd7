"""An exchange in a folder: its authority, its registrar, its gateway and its members.

* Everything that it is lies in that folder; removing the folder removes the exchange.
* Each party has a folder of its own with mode 0700 and acts through processes that get that folder
  and no other. The registrar's keys are never in the gateway's.
* It is built in one go and marked when it is whole; what was left half-way is built anew.
* The gateway listens on loopback only, on a port that was free when the exchange was made.

It is for demonstration: whoever may read the folder holds everybody's keys.
"""

import base64
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from certs.authority import Authority
from certs.files import write_public
from tests.story import cast
from tests.story.cast import Role
from tests.story.claims import BrokenStoryError
from tests.story.processes import BIN, Answer, Object, Processes, Stream, environment

_FORMAT: Final = "forewarn-demonstration/2\n"
_LOCK: Final = "lock"
_WHOLE: Final = "whole"
_GENESIS: Final = "genesis.dsse"
_PARTS: Final = frozenset(
    {"examples", "gateway", "logs", "members", "pki", "registrar", "stranger", _GENESIS, _WHOLE}
)
# The demonstration's own folder lies in that of the exchange which keeps running.
_BESIDE: Final = "demo"
_READY_SECONDS: Final = 30.0
_AT_ONCE: Final = 3
_SOON: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member, or the registrar, as its own people use it.

    Attributes:
        role: Who it is.
        home: Its folder.
        processes: What starts its commands.
    """

    role: Role
    home: Path
    processes: Processes

    @property
    def own(self) -> dict[str, str]:
        """What its commands find in their environment."""
        return {"FOREWARN_HOME": str(self.home), "HOME": str(self.home)}

    def forewarn(self, *arguments: str | Path) -> Answer:
        """Run `forewarn` with `--json` in its folder."""
        command: list[str | Path] = [BIN / "forewarn", "--json", *arguments]
        return self.processes.run(command, cwd=self.home, env=self.own)

    def did(self, *arguments: str | Path) -> list[Object]:
        """Run `forewarn`, insist that it succeeds, and give what it printed."""
        return self.forewarn(*arguments).require().objects

    def stream(self, *arguments: str, log: Path) -> Stream:
        """Run a `forewarn` that goes on printing."""
        with log.open("ab") as errors:
            process = self.processes.start(
                [BIN / "forewarn", "--json", *arguments],
                cwd=self.home,
                env=environment(self.own),
                out=subprocess.PIPE,
                err=errors.fileno(),
            )
        return Stream.of(process)

    def checkpoint(self) -> tuple[int, bytes]:
        """Give size and root of the newest checkpoint that its folder has verified."""
        _, count, root, *_ = (self.home / "state" / "checkpoint").read_text("utf-8").splitlines()
        return int(count), base64.b64decode(root, validate=True)

    def attack(self, *arguments: str | Path) -> Answer:
        """Make a call that no honest client makes, with nothing but its folder."""
        attack = Path(__file__).with_name("attack.py")
        command: list[str | Path] = [sys.executable, attack, "--home", self.home, *arguments]
        return self.processes.run(command, cwd=self.home, env=self.own)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """An exchange.

    Attributes:
        folder: Where all of it lies.
        processes: What starts its processes.
        port: Where a new gateway is to listen; 0 takes a free port.
        gateway: The running gateway, if one runs.
    """

    folder: Path
    processes: Processes
    port: int = 0
    gateway: subprocess.Popen[bytes] | None = None
    _lock: int = -1

    @property
    def join_file(self) -> Path:
        """What members obtain out of band, to pin."""
        return self.state / "exchange.toml"

    @property
    def state(self) -> Path:
        """The gateway's own folder."""
        return self.folder / "gateway"

    @property
    def pki(self) -> Path:
        """The development authority."""
        return self.folder / "pki"

    @property
    def logs(self) -> Path:
        """What the gateway and open streams wrote for people."""
        return self.folder / "logs"

    @property
    def gateway_log(self) -> Path:
        """What the gateway wrote."""
        return self.logs / "gateway.log"

    @property
    def address(self) -> str:
        """Where the gateway listens, as the join file says."""
        return str(tomllib.loads(self.join_file.read_text("utf-8"))["address"])

    @property
    def is_whole(self) -> bool:
        """Whether it was built to the end, by this version."""
        mark = self.folder / _WHOLE
        return mark.is_file() and mark.read_text("utf-8") == _FORMAT

    def take(self) -> None:
        """Take the folder, so that nobody else uses it until this process ends.

        Raises:
            BrokenStoryError: Somebody has it, or it holds something else.
        """
        if not (self.folder / _LOCK).exists():
            strange = {path.name for path in self.folder.glob("*")} - _PARTS - {_BESIDE}
            if strange:
                raise BrokenStoryError(
                    f"{self.folder} holds something else ({min(strange)}): name another folder"
                )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BrokenStoryError(
                f"an exchange is running in {self.folder} already: use that one, or stop it first"
            ) from None

    def clear(self) -> None:
        """Remove what an earlier exchange left, and nothing else."""
        for path in map(self.folder.joinpath, sorted(_PARTS)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def member(self, role: Role) -> Member:
        """Give a member."""
        home = self.folder / "members" / role.member
        if role is cast.REGISTRAR:
            home = self.folder / "registrar"
        return Member(role=role, home=home, processes=self.processes)

    def build(self) -> None:
        """Make the exchange, with all its members enrolled, and leave it serving.

        Raises:
            BrokenStoryError: A step failed; the text says which and why.
        """
        self.clear()
        for part in (self.logs, self.folder / "members"):
            part.mkdir(mode=0o700)
        self._run("python", "-m", "certs", "mint", str(self.pki))
        self._begin_ledger(self.port or free_port())
        authority = Authority.load(self.pki)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            roles = (cast.REGISTRAR, *cast.MEMBERS)
            homes = list(pool.map(lambda role: self._join(role, authority), roles))
        self.serve()
        enrolments = [home / "enrolment.toml" for home in homes[1:]]
        self.member(cast.REGISTRAR).did("registrar", "enrol", *enrolments)
        (self.folder / _WHOLE).write_text(_FORMAT, "utf-8")

    def renew(self) -> None:
        """Give a new certificate to each member whose own does not last for another week."""
        authority, soon = Authority.load(self.pki), datetime.now(UTC) + _SOON
        for member in map(self.member, (cast.REGISTRAR, *cast.MEMBERS)):
            chain = (member.home / "tls.crt").read_bytes()
            if x509.load_pem_x509_certificates(chain)[0].not_valid_after_utc < soon:
                self._certify(member, authority)

    def serve(self) -> None:
        """Start the gateway, and wait until it serves.

        Raises:
            BrokenStoryError: Somebody else has its port, it ended, or it does not serve in time.
        """
        if not is_free(self.address):
            raise BrokenStoryError(
                f"another program listens on {self.address}: stop it, or remove {self.folder} and"
                " begin anew"
            )
        with self.gateway_log.open("ab") as log:
            self.gateway = self.processes.start(
                [BIN / "forewarn-gateway", "serve", "--state", self.state, "--json"],
                cwd=self.folder,
                env=environment(),
                out=subprocess.PIPE,
                err=log.fileno(),
            )
        said = Stream.of(self.gateway)
        try:
            said.wait(lambda value: "serving" in value, _READY_SECONDS)
        except BrokenStoryError:
            raise BrokenStoryError(
                f"the gateway does not serve: {last_line(self.gateway_log)}"
            ) from None

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """End the gateway, and say how it ended."""
        if self.gateway is None:
            raise BrokenStoryError("there is no gateway to stop")
        status = self.processes.stop(self.gateway, by)
        self.gateway = None
        return status

    def _begin_ledger(self, port: int) -> None:
        """Have the registrar begin the ledger, and the gateway take it over."""
        registrar = self.member(cast.REGISTRAR)
        registrar.home.mkdir(mode=0o700)
        names = ("--origin", cast.ORIGIN, "--trust-domain", cast.TRUST_DOMAIN)
        genesis = self.folder / _GENESIS
        who = ("--registrar", cast.REGISTRAR.member, "--system", cast.REGISTRAR.system)
        keys = ("--keys", "3", "--quorum", "2")
        registrar.did("registrar", "genesis", *names, *who, *keys, "--output", genesis)
        tls = ("--tls-cert", "gateway.pem"), ("--tls-key", "gateway.key"), ("--client-ca", "ca.pem")
        self._run(
            *("forewarn-gateway", "init", "--state", str(self.state), "--genesis", str(genesis)),
            *("--listen", f"127.0.0.1:{port}"),
            *(text for option, name in tls for text in (option, str(self.pki / name))),
        )

    def _join(self, role: Role, authority: Authority) -> Path:
        """Make a member's folder: its own keys, and a certificate for its request."""
        member = self.member(role)
        member.home.mkdir(mode=0o700, exist_ok=True)
        names = ("--member", role.member, "--kind", role.kind, "--system", role.system)
        profile = [
            text for key, values in role.profile.items() for value in values
            for text in (f"--{key}", value)
        ]  # fmt: skip
        member.did("init", "--exchange", self.join_file, *names, *profile)
        self._certify(member, authority)
        return member.home

    def _certify(self, member: Member, authority: Authority) -> None:
        """Have the authority sign a request, and the member put the certificate in its place."""
        issued = member.home / "issued.crt"
        write_public(issued, authority.issue((member.home / "tls.csr").read_bytes()))
        member.did("init", "--certificate", issued)

    def _run(self, *command: str) -> Answer:
        """Run a command of this project, from its root."""
        root = Path(__file__).resolve().parents[2]
        return self.processes.run([BIN / command[0], *command[1:]], cwd=root).require()


def free_port() -> int:
    """Find a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def is_free(address: str) -> bool:
    """Tell whether an address can be listened on."""
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        # What an earlier gateway left half-closed is no obstacle to the next one.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError:
            return False
    return True


def last_line(log: Path) -> str:
    """Give the last line of a log, and where the rest is."""
    lines: Sequence[str] = log.read_text("utf-8", "replace").splitlines() if log.exists() else ()
    return f"{lines[-1] if lines else 'it said nothing'} (all of it: {log})"
