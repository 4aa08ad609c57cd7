"""Three nats-servers on loopback that form one cluster, as somebody else would run them.

* TLS for clients, from the first byte, and mutual TLS between the servers.
* Their users are what `forewarn-gateway nats permissions` prints, word for word.
* Servers are killed by their process id and started again on their ports, with what they kept.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from certs.authority import CLIENT_AUTH, SERVER_AUTH, Authority
from certs.files import write_pair
from gateway.ledger import tether
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_external import ExternalNats, make_keys, permissions
from gateway.ledger.nats_roles import LEDGER, Role
from gateway.ledger.nats_server import server_binary

_WAIT_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A cluster in a folder."""

    folder: Path
    ports: dict[str, int]
    routes: dict[str, int]
    sync_interval: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, *names: str) -> Cluster:
        """Make keys, certificates and ports; nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        authority = Authority.create(folder / "ca", trust_domain="nats.example")
        pair = authority.leaf(
            [], dns=["localhost"], ips=["127.0.0.1"], usages=[SERVER_AUTH, CLIENT_AUTH]
        )
        write_pair(folder / "server.crt", folder / "server.key", pair)
        keys = make_keys(folder / "credentials")
        (folder / "accounts.conf").write_text(permissions(keys))
        free = _free_ports(2 * len(names))
        return cls(
            folder=folder,
            ports=dict(zip(names, free[: len(names)], strict=True)),
            routes=dict(zip(names, free[len(names) :], strict=True)),
        )

    @property
    def external(self) -> ExternalNats:
        return ExternalNats(
            urls=tuple(f"tls://127.0.0.1:{port}" for port in self.ports.values()),
            ca=self.folder / "ca" / "ca.pem",
            credentials=self.folder / "credentials",
        )

    def start(self, *names: str) -> None:
        for name in names or self.ports:
            conf = self.folder / f"{name}.conf"
            conf.write_text(self._conf(name))
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    tether.command(signal.SIGKILL, str(server_binary()), "-c", str(conf)),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def wait(self) -> None:
        """Wait until the servers have found one another and can make streams."""
        end = time.monotonic() + _WAIT_SECONDS
        logs = [self.folder / f"{name}.log" for name in self.ports]
        while not any(b"metadata leader" in log.read_bytes() for log in logs if log.exists()):
            assert time.monotonic() < end, "no cluster in time"
            time.sleep(0.05)

    def leader(self, stream: str = LEDGER.stream) -> str:
        """Name the server that leads a stream."""
        return asyncio.run(self._leader(stream))

    async def _leader(self, stream: str) -> str:
        endpoint = self.external.endpoint({Role.INTEGRATOR})
        connection = await RoleConnection.open(endpoint, Role.INTEGRATOR, within=_WAIT_SECONDS)
        try:
            session = await connection.session(within=_WAIT_SECONDS)
            info = await session.client.jsm().stream_info(stream)
        finally:
            await connection.close()
        assert info.cluster is not None
        return info.cluster.leader or ""

    def kill(self, name: str) -> None:
        """End a server as a crash would."""
        process = self.processes.pop(name)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=_WAIT_SECONDS)

    def stop(self) -> None:
        for name in tuple(self.processes):
            self.kill(name)

    def _conf(self, name: str) -> str:
        tls = (
            f'cert_file: "{self.folder}/server.crt", key_file: "{self.folder}/server.key", '
            'min_version: "1.3"'
        )
        routes = ", ".join(f'"tls://127.0.0.1:{port}"' for port in self.routes.values())
        sync = self.sync_interval.get(name, "always")
        # One alone is a server, and no cluster of which others are missing.
        cluster = f"""
cluster: {{
  name: exchange
  listen: "127.0.0.1:{self.routes[name]}"
  routes: [ {routes} ]
  tls: {{ {tls}, ca_file: "{self.folder}/ca/ca.pem", verify: true }}
}}"""
        return f"""
server_name: {name}
listen: "127.0.0.1:{self.ports[name]}"
max_payload: 8MB
tls: {{ {tls}, handshake_first: true }}
jetstream: {{ store_dir: "{self.folder}/{name}", sync_interval: "{sync}" }}
include "accounts.conf"{cluster if len(self.ports) > 1 else ""}
"""


@contextmanager
def running(folder: Path, *names: str) -> Iterator[Cluster]:
    """Run a cluster for a while."""
    cluster = Cluster.make(folder, *(names or ("n1", "n2", "n3")))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
