"""What the embedded nats-server is told: its configuration and its certificate.

* Loopback only, TLS 1.3 from the first byte, no monitoring port (it has no authentication).
* JetStream syncs every message before it acknowledges it (`sync_interval: always`).
* The certificate is made for one gateway process and trusted by it alone: whoever answers on the
  port without its key is not our child. It says nothing about time, so no clock can void it.
* The configuration file holds public keys only.

The module writes no files and starts nothing.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.ledger.nats_roles import LOGS, PERMISSIONS, Log, Role, in_generations, public_key

LOOPBACK: Final = "127.0.0.1"
MAX_PAYLOAD_BYTES: Final = 8 * 1024 * 1024
SYNC_INTERVAL: Final = "always"
SYSTEM_ACCOUNT: Final = "SYS"
LOG_FILE: Final = "nats-server.log"
CERTIFICATE_FILE: Final = "nats-server.crt"
KEY_FILE: Final = "nats-server.key"
_LOG_BYTES: Final = 1024 * 1024
_LOG_FILES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerIdentity:
    """A certificate that only its maker trusts.

    Attributes:
        certificate: PEM.
        key: PEM, unencrypted; for the server alone.
    """

    certificate: bytes
    key: bytes = field(repr=False)

    def pin(self) -> ssl.SSLContext:
        """Return a client context that accepts exactly this certificate."""
        return pinned(self.certificate.decode())


def pinned(certificate: str) -> ssl.SSLContext:
    """Make a client context that accepts exactly one certificate, or those of given authorities.

    Args:
        certificate: PEM.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=certificate)
    return context


def fresh_identity() -> ServerIdentity:
    """Make a new key and a self-signed certificate for the loopback address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "forewarn nats-server")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # The widest span there is (RFC 5280, 4.1.2.5): the key dies with the process anyway.
        .not_valid_before(datetime(1970, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return ServerIdentity(
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def render(
    *,
    run_dir: Path,
    store_dir: Path,
    port: int,
    seeds: Mapping[Role, str],
    logs: Sequence[Log] = LOGS,
) -> bytes:
    """Write the configuration; JSON is a subset of what nats-server reads.

    Args:
        run_dir: Where certificate, key, log and ports file are, absolute.
        store_dir: Where JetStream keeps its files, absolute.
        port: The port to listen on; -1 lets the system choose.
        seeds: The roles that may connect; their public keys go into the file.
        logs: The logs, with the generations of their streams.
    """
    keys = {role: public_key(seed) for role, seed in seeds.items()}
    conf: dict[str, Any] = {
        "server_name": "forewarn",
        "listen": f"{LOOPBACK}:{port}",
        "ports_file_dir": str(run_dir),
        "max_payload": MAX_PAYLOAD_BYTES,
        "log_file": str(run_dir / LOG_FILE),
        "logfile_size_limit": _LOG_BYTES,
        "logfile_max_num": _LOG_FILES,
        "tls": {
            "cert_file": str(run_dir / CERTIFICATE_FILE),
            "key_file": str(run_dir / KEY_FILE),
            "min_version": "1.3",
            # A client that waits for a plaintext greeting could be greeted by anybody.
            "handshake_first": True,
        },
        "jetstream": {"store_dir": str(store_dir), "sync_interval": SYNC_INTERVAL},
        "accounts": accounts(keys, "LEDGER", logs),
        "system_account": SYSTEM_ACCOUNT,
    }
    return json.dumps(conf, indent=1).encode()


def accounts(keys: Mapping[Role, str], account: str, logs: Sequence[Log] = LOGS) -> dict[str, Any]:
    """Give the accounts block of a server at which the roles may connect.

    Args:
        keys: The public nkey of each role that may.
        account: Name of the account that is the exchange's alone.
        logs: The logs, with the generations of their streams.
    """
    users = {
        role: {"nkey": keys[role], "permissions": permissions_of(role, logs)}
        for role in Role
        if role in keys
    }
    return {
        account: {
            "jetstream": "enabled",
            "users": [user for role, user in users.items() if role is not Role.SYS],
        },
        SYSTEM_ACCOUNT: {"users": [user for role, user in users.items() if role is Role.SYS]},
    }


def permissions_of(role: Role, logs: Sequence[Log] = LOGS) -> dict[str, list[str]]:
    """Give the subjects that a role may publish and subscribe to; all others are refused."""
    allowed = in_generations(PERMISSIONS[role], logs)
    return {
        "publish": list(allowed.publish),
        "subscribe": [f"{role.inbox_prefix}.>", *allowed.subscribe],
    }
