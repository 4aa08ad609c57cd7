"""A small ledger made by hand: real entries, proofs and checkpoints, and any lie that is asked for.

It shares no code with the gateway or the client: protobuf, cryptography, and the tree as RFC 6962
writes it down. It judges nothing, so that tests can record what an exchange never would.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf.message import Message

from forewarn.exchange.v1 import directory_service_pb2, envelope_pb2, ledger_pb2
from forewarn.statement.v1 import directory_pb2, header_pb2
from tests.vectors.rfc6962 import Tree, leaf_hash

TRUST_DOMAIN = "exchange.example"
ORIGIN = f"{TRUST_DOMAIN}/ledger"
PAYLOAD_TYPE = "application/vnd.forewarn.statement.v1+protobuf"
START = datetime(2026, 11, 21, 9, tzinfo=UTC)


def spki(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def keyid(key: Ed25519PrivateKey) -> str:
    return sha256(spki(key)).hexdigest()


def signing_key(key: Ed25519PrivateKey) -> directory_pb2.SigningKey:
    return directory_pb2.SigningKey(algorithm="KEY_ALGORITHM_ED25519", spki=spki(key))


def pae(payload: bytes) -> bytes:
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def digest(payload: bytes) -> bytes:
    return sha256(pae(payload)).digest()


def envelope(payload: bytes, *keys: Ed25519PrivateKey) -> bytes:
    """Sign a payload with some keys."""
    return envelope_pb2.Envelope(
        payload=payload,
        payload_type=PAYLOAD_TYPE,
        signatures=[
            envelope_pb2.EnvelopeSignature(sig=key.sign(pae(payload)), keyid=keyid(key))
            for key in keys
        ],
    ).SerializeToString(deterministic=True)


def seed(label: str) -> Ed25519PrivateKey:
    """Derive a throw-away key from a name."""
    return Ed25519PrivateKey.from_private_bytes(
        sha256(b"ledger builder: " + label.encode()).digest()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A member as tests use it."""

    member: str
    kind: str
    key: Ed25519PrivateKey
    system: str


def party(member: str, kind: str, system: str = "desk") -> Party:
    uri = f"spiffe://{TRUST_DOMAIN}/{kind}/{member}/{system}"
    return Party(member=member, kind=kind, key=seed(member), system=uri)


@dataclass(slots=True, kw_only=True)
class Entry:
    """What a leaf commits to, and its opening."""

    body: bytes
    salt: bytes
    directory: bool


@dataclass(slots=True, kw_only=True)
class Ledger:
    """A ledger that begins with a genesis statement of two keys out of three."""

    origin: str = ORIGIN
    log_key: Ed25519PrivateKey = field(default_factory=lambda: seed("log"))
    registrar: Party = field(default_factory=lambda: party("exchange-registrar", "registrar"))
    registrar_keys: list[Ed25519PrivateKey] = field(
        default_factory=lambda: [seed("registrar 1"), seed("registrar 2"), seed("registrar 3")]
    )
    quorum: int = 2
    entries: list[Entry] = field(default_factory=list)
    genesis_digest: bytes = b""

    def __post_init__(self) -> None:
        facts = directory_pb2.GenesisFacts(
            trust_domain=TRUST_DOMAIN,
            registrar=self.registrar.member,
            keys=[signing_key(key) for key in self.registrar_keys],
            quorum=self.quorum,
            systems=[self.registrar.system],
        )
        payload = self.statement("GENESIS", self.registrar.member, facts=facts)
        self.genesis_digest = digest(payload)
        self.append(envelope(payload, *self.registrar_keys), system="", directory=True)

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def log_vkey(self) -> str:
        material = b"\x01" + self.log_key.public_key().public_bytes_raw()
        return f"{self.origin}+{self._key_id().hex()}+{base64.b64encode(material).decode()}"

    def statement(
        self,
        kind: str,
        sender: str,
        *,
        facts: Message | None = None,
        body: Message | None = None,
        **header: Any,
    ) -> bytes:
        """Serialize a statement; the header's fields may be anything."""
        stated: dict[str, Any] = {
            "exchange": self.origin,
            "statement_id": str(UUID(int=(0x7 << 76) | (0x2 << 62) | self.size)),
            "kind": f"STATEMENT_KIND_{kind}",
            "sender": sender,
            "created_time": START,
            "tlp": "TLP_LEVEL_CLEAR",
        }
        made = header_pb2.Header(**{**stated, **header})
        if facts is not None:
            getattr(made, kind.lower()).CopyFrom(facts)
        return header_pb2.Statement(
            header=made.SerializeToString(deterministic=True),
            body=body.SerializeToString(deterministic=True) if body is not None else b"",
        ).SerializeToString(deterministic=True)

    def append(
        self,
        signed: bytes,
        *,
        system: str,
        audience: Sequence[str] = (),
        case_state: str = "",
        directory: bool = False,
    ) -> int:
        """Record an envelope as it is."""
        body = ledger_pb2.EntryBody(
            envelope=signed,
            submitting_system=system,
            received_time=START,
            audience=audience,
            case_state=case_state,
        ).SerializeToString(deterministic=True)
        return self.append_body(body, directory=directory)

    def append_body(self, body: bytes, *, directory: bool = False) -> int:
        """Record any bytes as an entry body."""
        salt = sha256(b"salt %d" % self.size).digest()
        self.entries.append(Entry(body=body, salt=salt, directory=directory))
        return self.size - 1

    def say(self, who: Party, kind: str, *keys: Ed25519PrivateKey, **statement: Any) -> int:
        """Record a statement of a member."""
        audience = statement.pop("audience", ())
        case_state = statement.pop("case_state", "")
        payload = self.statement(kind, who.member, **statement)
        signed = envelope(payload, *(keys or (who.key,)))
        return self.append(signed, system=who.system, audience=audience, case_state=case_state)

    def direct(self, kind: str, facts: Message, *keys: Ed25519PrivateKey) -> int:
        """Record a directory statement of the registrar."""
        payload = self.statement(kind, self.registrar.member, facts=facts)
        signers = keys or self.registrar_keys[: self.quorum]
        return self.append(
            envelope(payload, *signers), system=self.registrar.system, directory=True
        )

    def direct_own(self, who: Party, kind: str, facts: Message, **header: Any) -> int:
        """Record a directory statement of a member about itself."""
        payload = self.statement(kind, who.member, facts=facts, **header)
        return self.append(envelope(payload, who.key), system=who.system, directory=True)

    def enrol(self, who: Party, *more: Ed25519PrivateKey, **profile: Any) -> Party:
        """Record a member's enrolment."""
        if who.kind == "agency":
            profile.setdefault("agency_type", "AGENCY_TYPE_CIVIL")
        facts = directory_pb2.MemberEnrolmentFacts(
            member=who.member,
            kind=f"MEMBER_KIND_{who.kind.upper()}",
            profile=directory_pb2.MemberProfile(display_name=who.member.title(), **profile),
            keys=[signing_key(key) for key in (who.key, *more)],
            systems=[who.system],
        )
        payload = self.statement(
            "MEMBER_ENROLMENT",
            self.registrar.member,
            facts=facts,
            body=directory_pb2.MemberEnrolmentBody(),
        )
        signers = self.registrar_keys[: self.quorum]
        self.append(envelope(payload, *signers), system=self.registrar.system, directory=True)
        return who

    def checkpoint(self, size: int | None = None, key: Ed25519PrivateKey | None = None) -> bytes:
        """Sign the head of some size."""
        size = self.size if size is None else size
        root = base64.b64encode(self._tree().root(size)).decode()
        text = f"{self.origin}\n{size}\n{root}\n".encode()
        signature = (key or self.log_key).sign(text)
        line = base64.b64encode(self._key_id() + signature).decode()
        return text + f"\n\u2014 {self.origin} {line}\n".encode()

    def record(self, index: int, size: int | None = None) -> ledger_pb2.Record:
        """Prove an entry."""
        entry = self.entries[index]
        return ledger_pb2.Record(
            entry_body=entry.body,
            index=index,
            salt=entry.salt,
            inclusion_proof=self._tree().path(index, self.size if size is None else size),
        )

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of a size begins with that of a smaller one."""
        return self._tree().proof(old, new)

    def directory_page(
        self, from_index: int = 0, page_size: int = 100
    ) -> directory_service_pb2.ListDirectoryEntriesResponse:
        """List directory entries as an exchange does."""
        indexes = [
            index
            for index, entry in enumerate(self.entries)
            if entry.directory and index >= from_index
        ]
        return directory_service_pb2.ListDirectoryEntriesResponse(
            records=[self.record(index) for index in indexes[:page_size]],
            checkpoint=self.checkpoint(),
            more=len(indexes) > page_size,
        )

    def _tree(self) -> Tree:
        def hashed(index: int) -> bytes:
            entry = self.entries[index]
            commitment = hmac_digest(entry.salt, b"forewarn/commit/v1\x00" + entry.body, "sha256")
            return leaf_hash(b"forewarn/leaf/v1\n\x00" + commitment)

        return Tree(hashed)

    def _key_id(self) -> bytes:
        public = self.log_key.public_key().public_bytes_raw()
        return sha256(self.origin.encode() + b"\n\x01" + public).digest()[:4]
