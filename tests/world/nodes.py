"""Nodes of one exchange that share NATS servers: the gateway's own commands, each in its folder."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from certs.authority import SERVER_AUTH
from certs.files import write_pair
from gateway.compose import turn
from gateway.compose.config import Config
from tests.world.live import Live, run
from tests.world.nats_cluster import Cluster

LEASE_SECONDS = 3


@dataclass(slots=True, kw_only=True)
class Node(Live):
    """One of them."""

    cluster: Cluster
    replicas: int
    first: Path | None = None

    @classmethod
    def begun(cls, folder: Path, cluster: Cluster, *, replicas: int) -> Node:
        """Make certificates and a genesis, and begin an exchange on a cluster."""
        folder.mkdir()
        live = Live.make(folder)
        node = cls(folder=folder, authority=live.authority, cluster=cluster, replicas=replicas)
        node.init()
        node.set("name", "one")
        return node

    def joined(self, name: str) -> Node:
        """Make another node of the same exchange."""
        folder = self.folder.with_name(name)
        folder.mkdir()
        pair = self.authority.leaf([], dns=["localhost"], ips=["127.0.0.1"], usages=[SERVER_AUTH])
        write_pair(folder / "gateway.crt", folder / "gateway.key", pair)
        node = Node(
            folder=folder,
            authority=self.authority,
            cluster=self.cluster,
            replicas=self.replicas,
            first=self.state / "exchange.toml",
        )
        node.init()
        node.set("name", name)
        return node

    @property
    def init_command(self) -> list[str]:
        external = self.cluster.external
        begin = (
            ("--join", str(self.first))
            if self.first is not None
            else ("--genesis", str(self.folder / "genesis.dsse"))
        )
        return [
            *("init", "--state", str(self.state), *begin, "--listen", "127.0.0.1:0"),
            *("--client-ca", str(self.authority_file)),
            *("--tls-cert", str(self.folder / "gateway.crt")),
            *("--tls-key", str(self.folder / "gateway.key")),
            *(word for url in external.urls for word in ("--nats-url", url)),
            *("--nats-ca", str(external.ca), "--nats-credentials", str(external.credentials)),
            *("--nats-replicas", str(self.replicas)),
        ]

    @property
    def authority_file(self) -> Path:
        path = self.folder / "client-ca.pem"
        path.write_bytes(self.authority.bundle)
        return path

    def set(self, key: str, value: str) -> None:
        """Edit gateway.toml, as whoever runs the node does; the lease is short besides."""
        config = self.state / "gateway.toml"
        lines = config.read_text().splitlines()
        known = {key: json.dumps(value), "lease_seconds": str(LEASE_SECONDS)}
        for number, line in enumerate(lines):
            name = line.partition(" = ")[0]
            if name in known:
                lines[number] = f"{name} = {known[name]}"
        config.write_text("\n".join(lines) + "\n")

    def copy_keys(self, other: Node) -> None:
        """Copy the log keys of another node by hand, on purpose."""
        for keeper in ("keeper", "audit-keeper"):
            path = self.state / keeper / "log.pem"
            path.write_bytes((other.state / keeper / "log.pem").read_bytes())
            path.chmod(0o600)

    @property
    def signer(self) -> str | None:
        """Name of the node that holds the lease."""

        async def look() -> str | None:
            async with turn.place_of(Config.read(self.state / "gateway.toml")) as place:
                return (await turn.show(place)).holder

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, look()).result()

    def lease(self, verb: str) -> dict[str, object]:
        """Run `forewarn-gateway lease`, which has to succeed."""
        done = run("lease", verb, "--state", str(self.state), "--json")
        assert done.returncode == 0, done.stderr
        shown: dict[str, object] = json.loads(done.stdout)
        return shown
