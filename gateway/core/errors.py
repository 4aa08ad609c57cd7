"""Refusals and faults: the only two ways in which the exchange says no.

* A `Refusal` is the caller's to mend. It carries a stable `Reason`, text that says what to do
  next, and, where a field is at fault, its path.
* A `Fault` is ours. The caller may retry the same bytes; submission is idempotent.
* Neither ever holds a payload, a key, or an unreleased model's name.
* What does not exist and what is not the caller's answer with the same reason and the same text.

The module does not map reasons to a transport: `gateway.edge.status` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Reason(StrEnum):
    """Why the exchange refused. Stable: a reason is never renamed and never reused."""

    # Identity: which system calls.
    SPIFFE_ID_MISSING = "SPIFFE_ID_MISSING"
    SPIFFE_ID_AMBIGUOUS = "SPIFFE_ID_AMBIGUOUS"
    SPIFFE_ID_MALFORMED = "SPIFFE_ID_MALFORMED"
    TRUST_DOMAIN_FOREIGN = "TRUST_DOMAIN_FOREIGN"
    CLIENT_AUTH_EKU_MISSING = "CLIENT_AUTH_EKU_MISSING"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    MEMBER_UNKNOWN = "MEMBER_UNKNOWN"
    MEMBER_INACTIVE = "MEMBER_INACTIVE"
    SYSTEM_UNKNOWN = "SYSTEM_UNKNOWN"
    SYSTEM_SUSPENDED = "SYSTEM_SUSPENDED"
    TOO_MANY_CALLS = "TOO_MANY_CALLS"
    RATE_EXCEEDED = "RATE_EXCEEDED"
    READER_TOO_SLOW = "READER_TOO_SLOW"

    # Envelope: which member says.
    STATEMENT_TOO_LARGE = "STATEMENT_TOO_LARGE"
    ENVELOPE_MALFORMED = "ENVELOPE_MALFORMED"
    PAYLOAD_TYPE_UNSUPPORTED = "PAYLOAD_TYPE_UNSUPPORTED"
    SIGNATURE_MISSING = "SIGNATURE_MISSING"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    SIGNATURES_INSUFFICIENT = "SIGNATURES_INSUFFICIENT"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    KEY_NOT_OF_SENDER = "KEY_NOT_OF_SENDER"
    KEY_REVOKED = "KEY_REVOKED"
    KEY_ALGORITHM_UNSUPPORTED = "KEY_ALGORITHM_UNSUPPORTED"

    # Statement: what is said.
    STATEMENT_MALFORMED = "STATEMENT_MALFORMED"
    STATEMENT_NOT_CANONICAL = "STATEMENT_NOT_CANONICAL"
    ENUM_UNKNOWN = "ENUM_UNKNOWN"
    FIELD_MISSING = "FIELD_MISSING"
    FIELD_INVALID = "FIELD_INVALID"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"
    EXCHANGE_FOREIGN = "EXCHANGE_FOREIGN"
    SENDER_MISMATCH = "SENDER_MISMATCH"
    CREATED_IN_FUTURE = "CREATED_IN_FUTURE"
    STATEMENT_EXPIRED = "STATEMENT_EXPIRED"
    EQUIVOCATION = "EQUIVOCATION"
    PROFILE_UNKNOWN = "PROFILE_UNKNOWN"

    # Recipients and markings: who may have it.
    RECIPIENTS_EMPTY = "RECIPIENTS_EMPTY"
    RECIPIENT_UNKNOWN = "RECIPIENT_UNKNOWN"
    RECIPIENT_NOT_PARTY = "RECIPIENT_NOT_PARTY"
    RECIPIENT_KIND_NOT_PERMITTED = "RECIPIENT_KIND_NOT_PERMITTED"
    TLP_MISSING = "TLP_MISSING"
    TLP_NEEDS_NAMED_MEMBERS = "TLP_NEEDS_NAMED_MEMBERS"
    TLP_NEEDS_SEALED_LAYER = "TLP_NEEDS_SEALED_LAYER"
    TLP_RELAXED = "TLP_RELAXED"

    # Cases: whether it may be said now, by this member.
    SENDER_NOT_PERMITTED = "SENDER_NOT_PERMITTED"
    CASE_NOT_FOUND = "CASE_NOT_FOUND"
    CASE_WRONG_STATE = "CASE_WRONG_STATE"
    CASE_UNEXPECTED = "CASE_UNEXPECTED"
    REFERENCE_INVALID = "REFERENCE_INVALID"
    GRANT_WIDENED = "GRANT_WIDENED"
    COSIGNATURES_MISSING = "COSIGNATURES_MISSING"
    DIRECTORY_CONFLICT = "DIRECTORY_CONFLICT"

    # Reading.
    ENTRY_NOT_FOUND = "ENTRY_NOT_FOUND"
    PAGE_SIZE_INVALID = "PAGE_SIZE_INVALID"
    CURSOR_INVALID = "CURSOR_INVALID"
    TREE_SIZE_UNAVAILABLE = "TREE_SIZE_UNAVAILABLE"
    INBOX_DIFFERS = "INBOX_DIFFERS"

    # Ours.
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    LEDGER_NOT_PROVEN = "LEDGER_NOT_PROVEN"
    LEDGER_CONTENDED = "LEDGER_CONTENDED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldViolation:
    """One field at fault.

    Attributes:
        field: Path of the field, as in `header.recipients[0].member`.
        description: What is wrong with it and what would be right; never its content.
    """

    field: str
    description: str


class Refusal(Exception):  # noqa: N818 - the domain's word; it is an answer, not an error of ours
    """The exchange refuses what a caller sent.

    Attributes:
        reason: The stable reason.
        detail: One sentence for a person, without content of the statement.
        violations: The fields at fault, if any.
        retry_after: Seconds after which the same will do; None where that is not known.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        violations: tuple[FieldViolation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        """Keep the reason, the sentence, the fields and the time."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.violations = violations
        self.retry_after = retry_after


class Fault(Exception):  # noqa: N818 - paired with Refusal
    """The exchange cannot answer, through no fault of the caller.

    Attributes:
        reason: One of the reasons that are ours.
        detail: One sentence for a person; never a payload or a key.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        """Keep the reason and the sentence."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def invalid(field: str, description: str, reason: Reason = Reason.FIELD_INVALID) -> Refusal:
    """Build the refusal of one field.

    Args:
        field: Path of the field.
        description: What is wrong and what would be right; never the field's content.
        reason: The reason, where a more exact one than FIELD_INVALID exists.

    Returns:
        The refusal, to be raised by the caller of this function.
    """
    violation = FieldViolation(field=field, description=description)
    return Refusal(reason, f"{field} {description}", violations=(violation,))
