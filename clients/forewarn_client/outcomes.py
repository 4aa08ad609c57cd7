"""What calls give back.

* Records in here are verified; lead times are the exchange's reckoning, for information.
"""

from dataclasses import dataclass
from datetime import datetime

from forewarn.exchange.v1 import exchange_service_pb2
from forewarn_client import times
from forewarn_client.receipt import Receipt
from forewarn_client.records import VerifiedRecord
from forewarn_client.witness_policy import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTime:
    """What a lead-time profile says of a notice. Information, never a condition.

    Attributes:
        profile: Profile and version, as in `us-draft-2026-05@1`.
        named: Whether the notice names this profile.
        anchor: What the profile counts back from, as in `public_release`.
        anchor_time: When that is planned, UTC; None where the notice does not plan it.
        min_lead_days: Notice that the profile asks for, in days; 0 for no floor.
        max_access_days: Longest access of government, in days; 0 for no ceiling.
        lead_days: Days from the date of receipt to that of the anchor, both in UTC, whatever the
            hour; negative where the anchor has passed.
        short_by_days: Days missing to the floor; 0 where the notice is in time.
        access_from_time: When government's access could begin at the earliest, UTC; None where
            the profile says nothing of it.
    """

    profile: str
    named: bool
    anchor: str
    anchor_time: datetime | None
    min_lead_days: int
    max_access_days: int
    lead_days: int
    short_by_days: int
    access_from_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A statement that is recorded, durable and proven.

    Attributes:
        digest: Its digest, 32 bytes.
        index: Its index in the ledger.
        record: The verified record.
        receipt: Its receipt; `receipt.save(home.receipts)` keeps it.
        lead_times: For a notice, what each lead-time profile would say.
        standing: What the folder's witnesses say about the receipt's checkpoint: how many stand
            behind it, and whether that is the quorum, or still pending. None where it names none.
    """

    digest: bytes
    index: int
    record: VerifiedRecord
    receipt: Receipt
    lead_times: tuple[LeadTime, ...] = ()
    standing: Standing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An entry that was delivered over a stream.

    Attributes:
        record: The verified record.
        cursor: Where to go on after it.
    """

    record: VerifiedRecord
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of entries.

    Attributes:
        records: The verified records, in the ledger's order.
        cursor: Where the next page begins; kept, it lists later what has come since.
        more: Whether more is there already.
    """

    records: tuple[VerifiedRecord, ...]
    cursor: str
    more: bool


def lead_time(message: exchange_service_pb2.LeadTime) -> LeadTime:
    """Take a lead time out of the form in which it travels.

    Args:
        message: The message.

    Returns:
        What it says.
    """

    def time(name: str) -> datetime | None:
        value = getattr(message, name)
        return times.from_timestamp(value) if message.HasField(name) else None

    return LeadTime(
        profile=message.profile,
        named=message.named,
        anchor=message.anchor,
        anchor_time=time("anchor_time"),
        min_lead_days=message.min_lead_days,
        max_access_days=message.max_access_days,
        lead_days=message.lead_days,
        short_by_days=message.short_by_days,
        access_from_time=time("access_from_time"),
    )
