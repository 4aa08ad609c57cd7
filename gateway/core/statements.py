"""The header of a statement: what it says of itself, typed and checked.

* A `Header` holds everything that case tables, audiences, markings and clocks read.
* Constructing one checks each field for itself; whether the fields fit the caller, the ledger and
  the time is for the admission to say.
* A kind's facts are one of the classes of `gateway.core.facts`.

It does not parse: `gateway.wire.statements` makes headers out of bytes. It never looks at a body.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum, unique
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.core.errors import Reason, invalid
from gateway.core.identity import MemberId, MemberKind

if TYPE_CHECKING:
    from gateway.core.facts import Facts

DIGEST_BYTES: Final = 32
MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
SLUG: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_HANDLE: Final = re.compile(r"h-[a-z2-7]{26}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@unique
class Kind(IntEnum):
    """What a statement says; the numbers are those of `StatementKind` in the protos."""

    GENESIS = 32
    MEMBER_ENROLMENT = 33
    MEMBER_UPDATE = 34
    KEY_REGISTRATION = 35
    KEY_REVOCATION = 36
    SYSTEM_REGISTRATION = 37
    SYSTEM_SUSPENSION = 38
    MEMBER_SUSPENSION = 39
    MEMBER_REINSTATEMENT = 40
    MEMBER_SUCCESSION = 41
    MEMBER_DEPARTURE = 42
    REGISTRAR_SUCCESSION = 43
    PARTICIPATION = 44

    ACKNOWLEDGEMENT = 64
    QUESTION = 65
    ANSWER = 66
    DECLINATION = 67
    FEEDBACK = 68

    PRE_RELEASE_NOTICE = 80
    NOTICE_AMENDMENT = 81
    NOTICE_WITHDRAWAL = 82
    RELEASE_CONFIRMATION = 83

    EARLY_ACCESS_APPLICATION = 96
    MODEL_ACCESS_GRANT = 97
    GRANT_ACCEPTANCE = 98
    GRANT_COSIGNATURE = 99
    GRANT_ACTIVATION = 100
    GRANT_SUSPENSION = 101
    GRANT_RESUMPTION = 102
    GRANT_NARROWING = 103
    GRANT_REVOCATION = 104
    GRANT_COMPLETION = 105
    GRANT_WITHDRAWAL = 106
    DESTRUCTION_ATTESTATION = 107

    BREACH_REPORT = 112
    TRIAGE = 113
    CASE_CLOSURE = 114

    ALERT = 128
    ALERT_UPDATE = 129
    ALERT_CANCELLATION = 130
    SIGHTING = 131

    COVERAGE_REQUEST = 144
    CASE_PROGRESS = 145
    COVERAGE_DETERMINATION = 146
    RECONSIDERATION_REQUEST = 147

    @property
    def is_directory(self) -> bool:
        """Whether it belongs to the directory's chain, which every member may read."""
        return self in _DIRECTORY


_DIRECTORY: Final = frozenset(kind for kind in Kind if kind < Kind.ACKNOWLEDGEMENT)


@unique
class Tlp(IntEnum):
    """Traffic Light Protocol 2.0 (FIRST); a greater number is stricter."""

    CLEAR = 1
    GREEN = 2
    AMBER = 3
    AMBER_STRICT = 4
    RED = 5


@unique
class Group(StrEnum):
    """What a group recipient collects."""

    SECTOR = "sector"
    KIND = "kind"
    COMMUNITY = "community"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRecipient:
    """One member, or one of its desks.

    Attributes:
        member: The member.
        desk: Slug of its desk; empty for the member as a whole.
    """

    member: MemberId
    desk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecipient:
    """Every active member of a group.

    Attributes:
        group: What the group collects.
        name: Slug of the sector, kind or community.
    """

    group: Group
    name: str

    def __post_init__(self) -> None:
        """Refuse a name that cannot be one."""
        check_slug("header.recipients", self.name)
        if self.group is Group.KIND and self.name not in {kind.value for kind in MemberKind}:
            raise invalid("header.recipients", "names a kind of member that does not exist")


Recipient: TypeAlias = NamedRecipient | GroupRecipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a statement says of itself.

    Attributes:
        exchange: Origin of the ledger that it is meant for.
        statement_id: UUIDv7, canonical text, chosen by the sender.
        kind: What it says.
        sender: Who says it.
        on_behalf_of: For whom; None where the sender speaks for itself.
        recipients: Whom it is addressed to.
        case: Digest of the case's opener, 32 bytes; None on an opener.
        refers_to: Digests of statements, 32 bytes each.
        created_time: When it was made, UTC.
        expire_time: After this it is no longer admitted; None for never.
        embargo_until_time: Recipients keep silent until then; None for no embargo.
        tlp: The marking.
        community: Community of a TLP:GREEN statement; may be empty.
        protection_regime_date: ISO 8601 date; may be empty.
        profile: Policy profile that it names; may be empty.
        facts: The facts of its kind; None where the kind has none.
    """

    exchange: str
    statement_id: str
    kind: Kind
    sender: MemberId
    on_behalf_of: MemberId | None
    recipients: tuple[Recipient, ...]
    case: bytes | None
    refers_to: tuple[bytes, ...]
    created_time: datetime
    expire_time: datetime | None
    embargo_until_time: datetime | None
    tlp: Tlp
    community: str
    protection_regime_date: str
    profile: str
    facts: Facts | None

    def __post_init__(self) -> None:
        """Refuse fields that can never be right."""
        check_uuid7("header.statement_id", self.statement_id)
        if self.case is not None and len(self.case) != DIGEST_BYTES:
            raise invalid("header.case_digest", "is not 32 bytes of SHA-256")
        if any(len(digest) != DIGEST_BYTES for digest in self.refers_to):
            raise invalid("header.refers_to", "holds a digest that is not 32 bytes of SHA-256")
        if len(set(self.refers_to)) != len(self.refers_to):
            raise invalid("header.refers_to", "names the same statement twice")
        if len(set(self.recipients)) != len(self.recipients):
            raise invalid("header.recipients", "names the same recipient twice")
        if self.community:
            check_slug("header.community", self.community)
        if self.protection_regime_date and not _is_date(self.protection_regime_date):
            raise invalid("header.protection_regime_date", "is not an ISO 8601 date")
        if self.on_behalf_of == self.sender:
            raise invalid("header.on_behalf_of", "names the sender itself; leave it empty")

    def check_addressing(self, exchange: str, sender: MemberId) -> None:
        """Refuse a statement for another exchange, or one that another member is named for.

        Args:
            exchange: Origin of this ledger.
            sender: The member whose system calls.

        Raises:
            Refusal: EXCHANGE_FOREIGN or SENDER_MISMATCH.
        """
        if self.exchange != exchange:
            raise invalid(
                "header.exchange",
                f"names another exchange; this one is {exchange}",
                Reason.EXCHANGE_FOREIGN,
            )
        if self.sender != sender:
            raise invalid(
                "header.sender",
                "is not the member whose system calls; send it from the sender's own system",
                Reason.SENDER_MISMATCH,
            )

    def check_times(self, now: datetime) -> None:
        """Refuse a statement from the future, and one that has expired.

        Args:
            now: When the gateway received it, UTC.

        Raises:
            Refusal: CREATED_IN_FUTURE or STATEMENT_EXPIRED.
        """
        if self.created_time - now > MAX_CLOCK_SKEW:
            raise invalid(
                "header.created_time",
                "is more than 5 minutes ahead of the exchange; check the sender's clock",
                Reason.CREATED_IN_FUTURE,
            )
        if self.expire_time is not None and self.expire_time <= now:
            raise invalid(
                "header.expire_time",
                "has passed; make a new statement",
                Reason.STATEMENT_EXPIRED,
            )


def check_slug(field: str, text: str) -> str:
    """Give back a slug: lower-case letters and digits, with single inner hyphens or dots.

    Args:
        field: Path of the field, for the refusal.
        text: What should be a slug.

    Returns:
        The text itself.

    Raises:
        Refusal: FIELD_INVALID.
    """
    if not SLUG.fullmatch(text):
        raise invalid(field, "is not a slug: lower-case letters, digits, inner hyphens or dots")
    return text


def check_handle(field: str, handle: str) -> str:
    """Give back a handle: `h-` and 26 characters of base32, so that none can be a name.

    Args:
        field: Path of the field, for the refusal.
        handle: What should be a handle.

    Returns:
        The handle itself.

    Raises:
        Refusal: FIELD_INVALID.
    """
    if not _HANDLE.fullmatch(handle):
        raise invalid(field, "is not a random handle: h- and 26 characters of a-z and 2-7")
    return handle


def check_uuid7(field: str, text: str) -> str:
    """Give back a UUIDv7 in its canonical lower-case form (RFC 9562).

    Args:
        field: Path of the field, for the refusal.
        text: What should be one.

    Returns:
        The text itself.

    Raises:
        Refusal: FIELD_INVALID.
    """
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text or parsed.variant != uuid.RFC_4122:
        raise invalid(field, "is not a UUID in its canonical lower-case form")
    if parsed.version != 7:  # noqa: PLR2004 - the version that the format asks for
        raise invalid(field, "is not a version 7 UUID")
    return text


def parse_member(field: str, text: str) -> MemberId:
    """Parse the id of a member.

    Args:
        field: Path of the field, for the refusal.
        text: The id.

    Returns:
        The id, typed.

    Raises:
        Refusal: FIELD_INVALID.
    """
    try:
        return MemberId(text)
    except ValueError:
        raise invalid(
            field, "is not a member id: 1 to 32 of a-z and 0-9, with '-' inside only"
        ) from None


def _is_date(text: str) -> bool:
    """Tell whether a text is a calendar date in ISO 8601's extended form."""
    try:
        return bool(_DATE.fullmatch(text)) and datetime.fromisoformat(text) is not None
    except ValueError:
        return False
