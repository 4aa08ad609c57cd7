"""The join file: what a member has to know of an exchange before it believes anything.

* Whoever runs the gateway writes it (`exchange.toml`); a member obtains it out of band.
* It is public, but what it says is pinned: the digest of the genesis statement, the log's key, and
  the authorities that sign the gateway's certificate.

A member that takes the file from the wrong hands joins another exchange: compare the digest by
another channel.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography import x509

from forewarn_client import files, note
from forewarn_client.errors import HomeError, VerificationError

_KEYS: Final = ("origin", "trust_domain", "genesis_digest", "log_key", "address")
# What is pinned only where an exchange has it.
_MORE: Final = ("audit_log_key", "log_url", "audit_log_url")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_ADDRESS: Final = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An exchange as a member pins it.

    Attributes:
        origin: Name of its ledger, as in `exchange.example/ledger`.
        trust_domain: SPIFFE trust domain of its systems.
        genesis_digest: Digest of the statement that the ledger begins with, 32 bytes.
        log_key: The log's key, as in `exchange.example/ledger+1a2b3c4d+AQ...`.
        address: Where the gateway listens, `host:port`.
        audit_log_key: Its audit log's key, as in `exchange.example/audit+5e6f7a8b+AQ...`; empty
            where none is pinned.
        log_url: Where everybody reads its ledger's tree, as in `https://exchange.example/ledger`;
            empty where nobody can. Nothing is believed because it came from there.
        audit_log_url: The same of its audit log.
    """

    origin: str
    trust_domain: str
    genesis_digest: bytes
    log_key: str
    address: str
    audit_log_key: str = ""
    log_url: str = ""
    audit_log_url: str = ""

    def __post_init__(self) -> None:
        """Refuse log keys that are none, or another log's.

        Raises:
            HomeError: The log key is not the key of this origin, or the audit log's is.
        """
        if _key("log_key", self.log_key).name != self.origin:
            raise HomeError("log_key is the key of another log: its name is not the origin")
        if self.audit_log_key and _key("audit_log_key", self.audit_log_key).name == self.origin:
            raise HomeError("audit_log_key is a key of the ledger, not of its audit log")

    @property
    def log_verifier(self) -> note.VerifierKey:
        """The log's key, ready to verify."""
        return note.VerifierKey.parse(self.log_key)

    @classmethod
    def of(cls, table: dict[str, object], source: str) -> Self:
        """Read an exchange from a table of a configuration file.

        Args:
            table: The table; other keys are left to their readers.
            source: Name of the file, for errors.

        Returns:
            The exchange.

        Raises:
            HomeError: A key is missing or malformed; the text names it.
        """
        texts = {key: table.get(key) for key in _KEYS}
        for key, value in texts.items():
            if not isinstance(value, str) or not value:
                raise HomeError(
                    f"{source}: {key} is missing; copy the exchange's join file once more"
                )
        stated = {key: str(value) for key, value in texts.items()}
        if _DIGEST.fullmatch(stated["genesis_digest"]) is None:
            raise HomeError(f"{source}: genesis_digest is not 64 lower-case hex digits")
        if _ADDRESS.fullmatch(stated["address"]) is None:
            raise HomeError(f"{source}: address is not host:port")
        more = {key: table.get(key, "") for key in _MORE}
        for key, value in more.items():
            if not isinstance(value, str):
                raise HomeError(f"{source}: {key} is not a text")
        return cls(
            origin=stated["origin"],
            trust_domain=stated["trust_domain"],
            genesis_digest=bytes.fromhex(stated["genesis_digest"]),
            log_key=stated["log_key"],
            address=stated["address"],
            **{key: str(value) for key, value in more.items()},
        )

    def table(self) -> dict[str, str]:
        """Write the exchange as a table of a configuration file.

        Returns:
            What `of` reads.
        """
        return {
            "origin": self.origin,
            "trust_domain": self.trust_domain,
            "genesis_digest": self.genesis_digest.hex(),
            "log_key": self.log_key,
            "address": self.address,
            **{key: value for key in _MORE if (value := getattr(self, key))},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinFile:
    """A parsed join file.

    Attributes:
        exchange: The exchange.
        ca: Certificates of the authorities that sign the gateway's certificate, PEM.
    """

    exchange: Exchange
    ca: bytes

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a join file.

        Args:
            path: The file.

        Returns:
            What it says.

        Raises:
            HomeError: It cannot be read, or is not a join file.
        """
        table = load_toml(path)
        exchange = Exchange.of(table, path.name)
        ca = table.get("ca")
        if not isinstance(ca, str) or not is_certificates(ca.encode()):
            raise HomeError(f"{path.name}: ca holds no certificates in PEM form")
        return cls(exchange=exchange, ca=ca.encode())


def _key(field: str, text: str) -> note.VerifierKey:
    try:
        return note.VerifierKey.parse(text)
    except VerificationError as error:
        raise HomeError(f"{field}: {error.detail}") from None


def load_toml(path: Path) -> dict[str, object]:
    """Read a TOML file.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        HomeError: It cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(files.read(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HomeError(f"{path} is not TOML: {error}") from None


def is_certificates(pem: bytes) -> bool:
    """Tell whether a text holds certificates.

    Args:
        pem: Any bytes.

    Returns:
        True for one or more X.509 certificates in PEM form.
    """
    try:
        return bool(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return False
