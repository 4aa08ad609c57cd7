"""What can go wrong for a member, and what to do next.

* `VerificationError`: what was received cannot be proven. Nothing of it was handed on.
* `RefusedError`: the exchange answered no, with a stable reason. Nothing was recorded but the
  refusal itself, in the audit log.
* `UnavailableError`: no answer, or none that decides. Trying again later is safe.
* `HomeError`: the member's own folder is not fit for use. Nothing was sent.
* `RequestError`: the call makes no sense as made. Nothing was sent.

No text here ever holds a payload, a private key or an unreleased model's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from pathlib import Path
from typing import Final


class Flaw(StrEnum):
    """Why something is not verified. The values are stable."""

    @staticmethod
    def _generate_next_value_(name: str, _start: int, _count: int, _last_values: list[str]) -> str:
        return name

    CHECKPOINT_MALFORMED = auto()
    """The note, or the checkpoint in it, is not one."""
    CHECKPOINT_UNSIGNED = auto()
    """No signature by the pinned log key."""
    CHECKPOINT_SIGNATURE_INVALID = auto()
    """A signature in the name of the pinned log key does not verify."""
    CHECKPOINT_FOREIGN = auto()
    """A checkpoint of another ledger."""
    LOG_KEY_MALFORMED = auto()
    """The pinned log key is not a verifier key."""
    WITNESS_KEY_MALFORMED = auto()
    """A witness's key is not a verifier key of a kind that cosigns."""
    COSIGNATURE_INVALID = auto()
    """A signature in the name of a pinned witness does not verify."""
    POLICY_MALFORMED = auto()
    """The file of witnesses that the member trusts is not a policy."""
    SALT_INVALID = auto()
    """The opening is not 32 bytes."""
    PROOF_INVALID = auto()
    """The proof does not lead from the entry to the checkpoint's root."""
    ENTRY_MALFORMED = auto()
    """The entry body is not the one encoding of one."""
    ENVELOPE_MALFORMED = auto()
    """The envelope, or one of its keyids, is not one."""
    PAYLOAD_TYPE_UNSUPPORTED = auto()
    """The envelope carries something else than a statement."""
    STATEMENT_MALFORMED = auto()
    """The statement breaks the rules of its message types."""
    SENDER_UNKNOWN = auto()
    """The directory holds no such member at that index."""
    SENDER_INACTIVE = auto()
    """The sender was suspended, or had left, at that index."""
    SYSTEM_NAME_INVALID = auto()
    """A system's name, or the certificate that carries it, is not one of this exchange."""
    SYSTEM_FOREIGN = auto()
    """The submitting system was not one of the sender's at that index."""
    KEY_UNKNOWN = auto()
    """A signature by a key that was not the sender's at that index."""
    KEY_ALGORITHM_UNSUPPORTED = auto()
    """A key of a kind that this version does not verify."""
    SIGNATURE_INVALID = auto()
    """A signature does not verify."""
    SIGNATURE_MISSING = auto()
    """Nobody signed."""
    SIGNATURES_INSUFFICIENT = auto()
    """Fewer keys signed than have to."""
    EXCHANGE_FOREIGN = auto()
    """A statement that was made for another exchange."""
    GENESIS_FOREIGN = auto()
    """The ledger does not begin with the pinned genesis statement."""
    DIRECTORY_STALE = auto()
    """The directory is not known up to that index."""
    DIRECTORY_CONTRADICTORY = auto()
    """A directory statement does not follow from those before it."""
    ANSWER_MISMATCHED = auto()
    """A sound answer, but to another question."""
    HISTORY_REWRITTEN = auto()
    """The ledger is shown with another past than the one that this member has verified."""
    HISTORY_UNPROVEN = auto()
    """The exchange refuses to prove that the ledger goes on from what this member has verified."""
    LEDGER_ROLLED_BACK = auto()
    """The exchange's newest checkpoint is older than one that this member has verified."""
    INBOX_DIFFERS = auto()
    """What this member was shown of its inbox is not what the exchange holds for it."""
    LOG_MALFORMED = auto()
    """A tile or bundle of the published log is not one."""
    LOG_INCOMPLETE = auto()
    """The published log does not show what its checkpoint covers."""
    LOG_CONTRADICTORY = auto()
    """Leaves, tiles and checkpoint of the published log do not fit together."""
    STATEMENT_REPEATED = auto()
    """A statement of the member's stands in the log twice."""
    PROOF_MALFORMED = auto()
    """The file is not a tlog-proof."""
    EVIDENCE_MALFORMED = auto()
    """The file is not an evidence bundle."""
    RECEIPT_MALFORMED = auto()
    """The file is not a saved receipt."""
    CONFIRMED_MALFORMED = auto()
    """A line of what the exchange confirmed of an inbox is not one."""


class ForewarnError(Exception):
    """Anything that this library raises on purpose."""


class VerificationError(ForewarnError):
    """Something received is not what it has to be; none of it was handed on.

    Attributes:
        reason: Why, stable.
        detail: Why, for people.
        rule: The rule of the format that was broken, as the project's vectors name it; empty where
            the reason says it all.
    """

    def __init__(self, reason: Flaw, detail: str, rule: str = "") -> None:
        """Keep the reason, the sentence and the rule."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.rule = rule


class HistoryError(VerificationError):
    """The exchange does not stand by a checkpoint that it had signed.

    Attributes:
        evidence: The file that holds both signed checkpoints.
    """

    def __init__(self, reason: Flaw, detail: str, evidence: Path, rule: str = "") -> None:
        """Keep what a `VerificationError` keeps, and where the evidence is."""
        super().__init__(reason, detail, rule)
        self.evidence = evidence


class InboxError(VerificationError):
    """The exchange does not show this member's inbox as it holds it, or not always the same.

    Attributes:
        evidence: The file that says what was shown, and what came of comparing it.
    """

    def __init__(self, detail: str, evidence: Path) -> None:
        """Keep the sentence, and where the evidence is."""
        super().__init__(Flaw.INBOX_DIFFERS, detail)
        self.evidence = evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A field that the exchange refused.

    Attributes:
        field: Path of the field, as in `header.recipients[0].member`.
        description: What is wrong with it.
    """

    field: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an error answer of the exchange carried beside its text.

    Attributes:
        reason: Stable reason of `google.rpc.ErrorInfo`; the gRPC code's name where there was none.
        metadata: Its metadata.
        violations: Fields that were refused.
        retry_after: Seconds after which a new attempt makes sense; None where nothing was said.
    """

    reason: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    retry_after: float | None = None


OF_THE_CALLER: Final = frozenset(
    {
        *("SPIFFE_ID_MISSING", "SPIFFE_ID_AMBIGUOUS", "SPIFFE_ID_MALFORMED"),
        *("TRUST_DOMAIN_FOREIGN", "CLIENT_AUTH_EKU_MISSING", "CERTIFICATE_EXPIRED"),
        *("MEMBER_UNKNOWN", "MEMBER_INACTIVE", "SYSTEM_UNKNOWN", "SYSTEM_SUSPENDED"),
        *("TOO_MANY_CALLS", "RATE_EXCEEDED", "READER_TOO_SLOW"),
    }
)
"""Reasons that say something of who calls, and nothing of what was said or asked."""


_MOST_DIGITS: Final = 19


class RefusedError(ForewarnError):
    """The exchange refused; asking the same again gets the same answer.

    `NOT_FOUND` stands for what does not exist and for what is not this member's alike.

    Attributes:
        reason: Why, stable, UPPER_SNAKE.
        detail: Why, for people.
        violations: Fields that were refused.
        metadata: What the exchange added.
    """

    def __init__(self, detail: str, answer: Answer) -> None:
        """Keep what the exchange said."""
        fields = "".join(f"; {item.field}: {item.description}" for item in answer.violations)
        super().__init__(f"{answer.reason}: {detail}{fields}")
        self.reason = answer.reason
        self.detail = detail
        self.violations = answer.violations
        self.metadata = answer.metadata

    @property
    def audit_index(self) -> int | None:
        """Index of its record in the audit log (`Member.audit_event`); None where it has none.

        Where there are too many refusals, and while the audit log does not work, they are counted
        together and recorded later.
        """
        said = self.metadata.get("audit_index", "")
        fits = said.isascii() and said.isdecimal() and len(said) <= _MOST_DIGITS
        return int(said) if fits else None

    @property
    def is_of_the_caller(self) -> bool:
        """Whether it was refused for who calls: the same from another, or later, may do."""
        return self.reason in OF_THE_CALLER


class UnavailableError(ForewarnError):
    """No answer that decides anything. Submitting the same statement again later is safe.

    Attributes:
        reason: Stable reason where the exchange gave one, else the gRPC code's name.
        detail: What happened and what to do.
    """

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason and the sentence."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class HomeError(ForewarnError):
    """The member's folder, or a file for it, is not fit for use; the text says what to do."""


class RequestError(ForewarnError):
    """A call that cannot be made as it stands; nothing was sent."""
