"""What the exchange hands out, before and after it is verified.

* `Evidence` is what came: an entry, where it stands, and the proof of it. It proves itself to
  whoever holds the exchange's pinned keys and the directory.
* `VerifiedRecord` is what came out of `verifier` and of nowhere else.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from google.protobuf.message import Message

from forewarn.exchange.v1 import ledger_pb2
from forewarn.statement.v1 import header_pb2
from forewarn_client import dsse


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An entry with what it takes to verify it; nothing here is verified.

    Attributes:
        entry_body: A serialized `EntryBody`.
        index: Its index in the ledger, from 0.
        salt: The opening of its commitment.
        inclusion_proof: Hashes from leaf to root.
        checkpoint: The signed note that the proof leads to.
    """

    entry_body: bytes
    index: int
    salt: bytes
    inclusion_proof: tuple[bytes, ...]
    checkpoint: bytes

    @classmethod
    def of_record(cls, record: ledger_pb2.Record, checkpoint: bytes) -> Self:
        """Take a record of a listing.

        Args:
            record: The record.
            checkpoint: The checkpoint that stands beside it.

        Returns:
            The evidence.
        """
        return cls(
            entry_body=record.entry_body,
            index=record.index,
            salt=record.salt,
            inclusion_proof=tuple(record.inclusion_proof),
            checkpoint=checkpoint,
        )

    @classmethod
    def of_receipt(cls, receipt: ledger_pb2.Receipt, entry_body: bytes) -> Self:
        """Take the answer to a submission.

        Args:
            receipt: The receipt.
            entry_body: The entry that stands beside it.

        Returns:
            The evidence.
        """
        return cls(
            entry_body=entry_body,
            index=receipt.index,
            salt=receipt.salt,
            inclusion_proof=tuple(receipt.inclusion_proof),
            checkpoint=receipt.checkpoint,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRecord:
    """An entry of the ledger that holds in every respect.

    What the sender signed: `digest`, `sender`, `kind`, `header`, `body`, `envelope`. What the
    exchange added, and is trusted for: `submitting_system`, `received_time`, `audience`,
    `profile_version`, `case_state`.

    Attributes:
        index: Its index in the ledger, from 0.
        digest: Digest of the statement, 32 bytes: its name.
        sender: Id of the member that said it.
        kind: Name of its kind, as in `PreReleaseNotice`.
        header: Its header.
        body: Its body message; None where the kind has none.
        envelope: The envelope as received: a serialized `Envelope`.
        signed_by: Keyids of the keys that signed it.
        submitting_system: SPIFFE ID of the system that handed it in; empty for genesis.
        received_time: When the exchange received it, UTC.
        audience: Ids of the members that it is delivered to, ascending, without the sender.
        profile_version: The policy profile that it names, and its version; empty for none.
        case_state: State of its case after it, as in `NOTIFIED`; empty where there is no case.
        evidence: What it was verified from.
    """

    index: int
    digest: bytes
    sender: str
    kind: str
    header: header_pb2.Header = field(repr=False)
    body: Message | None = field(repr=False)
    envelope: bytes = field(repr=False)
    signed_by: frozenset[str] = field(repr=False)
    submitting_system: str
    received_time: datetime
    audience: tuple[str, ...]
    profile_version: str
    case_state: str
    evidence: Evidence = field(repr=False)

    @property
    def statement_id(self) -> str:
        """The sender's own id of the statement."""
        return self.header.statement_id

    @property
    def case_digest(self) -> bytes:
        """Digest that names its case; its own where it opens one, empty where it has none."""
        if not self.case_state:
            return b""
        return self.header.case_digest or self.digest

    @property
    def facts(self) -> Message | None:
        """Its facts; None where the kind has none."""
        name = self.header.WhichOneof("facts")
        facts: Message | None = getattr(self.header, name) if name else None
        return facts

    @property
    def statement(self) -> header_pb2.Statement:
        """The statement as signed: header and body as bytes."""
        payload = dsse.Envelope.parse(self.envelope).payload
        return header_pb2.Statement.FromString(payload)
