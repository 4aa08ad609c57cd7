"""Errors turned into a sentence and an exit code, in one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from forewarn_client.cli import output
from forewarn_client.errors import (
    Flaw,
    ForewarnError,
    HistoryError,
    HomeError,
    InboxError,
    RefusedError,
    RequestError,
    UnavailableError,
    VerificationError,
)
from forewarn_client.problems import AuthoringError

LOCAL: Final = 1
MISTYPED: Final = 2
REFUSED: Final = 3
UNAVAILABLE: Final = 4
UNVERIFIED: Final = 5
INTERRUPTED: Final = 130

_NOBODYS: Final = {
    *(Flaw.RECEIPT_MALFORMED, Flaw.PROOF_MALFORMED, Flaw.EVIDENCE_MALFORMED),
    Flaw.CONFIRMED_MALFORMED,
}
_UNVERIFIED_HELP: Final = (
    "What was received is not what it has to be. Do not rely on it, keep the folder as it is, and "
    "tell whoever runs the exchange."
)
_HISTORY_HELP: Final = (
    "Both checkpoints, as the exchange signed them, are in {evidence}. Send nothing more and rely "
    "on nothing that it shows. Keep this folder as it is: your receipts still prove what was "
    "recorded. Send that file to the registrar and to other members, not through the exchange, "
    "and compare what it shows to them. Every command says this again until the ledger that you "
    "knew is back."
)

_INBOX_HELP: Final = (
    "What you were shown, and what the exchange made of it, is in {evidence}. Keep this folder as "
    "it is. Tell the registrar and those who write to you, not through the exchange, and ask them "
    "for evidence of what they sent you (`forewarn evidence export`): `forewarn inbox dispute "
    "FILE` says whether it was withheld from you, and proves it. `forewarn inbox confirm --anew` "
    "lists your inbox once more, compares that, and names what had been left out; `--no-confirm` "
    "reads on without comparing."
)
_CONTRADICTED: Final[Mapping[type[VerificationError], tuple[str, str]]] = {
    HistoryError: ("THE LEDGER IS NOT THE ONE YOU KNEW", _HISTORY_HELP),
    InboxError: ("YOUR INBOX IS NOT WHOLE", _INBOX_HELP),
}


class CommandFailedError(ForewarnError):
    """A command that the user had run for a delivery did not deal with it."""


_LOCAL_REASONS: Final[Mapping[type[ForewarnError], str]] = {
    HomeError: "HOME_UNFIT",
    RequestError: "REQUEST_INVALID",
    CommandFailedError: "COMMAND_FAILED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An error as it is told.

    Attributes:
        code: The exit code.
        reason: Why, stable, UPPER_SNAKE.
        detail: A sentence or two: what is wrong and what to do next.
        violations: Fields at fault, each with what is wrong with it.
        audit_index: Where a refusal is on record in the audit log; None where that is not known.
    """

    code: int
    reason: str
    detail: str
    violations: tuple[tuple[str, str], ...] = ()
    audit_index: int | None = None


def report(error: ForewarnError, about: str = "") -> int:
    """Write an error and give the exit code for it.

    Args:
        error: Any error of the library.
        about: What it is about, as the name of a file; empty for the command itself.

    Returns:
        The exit code.
    """
    told = tell(error)
    output.error(
        told.reason, told.detail, told.violations, about=about, audit_index=told.audit_index
    )
    return told.code


def tell(error: ForewarnError) -> Told:
    """Turn an error into what is told of it.

    Args:
        error: Any error of the library.

    Returns:
        What is told.
    """
    match error:
        case AuthoringError():
            problems = tuple((problem.field, problem.description) for problem in error.problems)
            detail = "The document does not make a statement, and nothing was sent. Mend this:"
            return Told(code=LOCAL, reason="DOCUMENT_INVALID", detail=detail, violations=problems)
        case RefusedError():
            violations = tuple((item.field, item.description) for item in error.violations)
            detail = f"The exchange refused: {error.detail}"
            return Told(
                code=REFUSED,
                reason=error.reason,
                detail=detail,
                violations=violations,
                audit_index=error.audit_index,
            )
        case UnavailableError():
            return Told(code=UNAVAILABLE, reason=error.reason, detail=error.detail)
        case HistoryError() | InboxError():
            said, help_ = _CONTRADICTED[type(error)]
            detail = f"{said}: {error.detail}.\n{help_.format(evidence=error.evidence)}"
            return Told(code=UNVERIFIED, reason=str(error.reason), detail=detail)
        case VerificationError():
            # A file that is no receipt at all came from nobody.
            help_ = "" if error.reason in _NOBODYS else f"\n{_UNVERIFIED_HELP}"
            detail = f"VERIFICATION FAILED: {error.detail}{help_}"
            return Told(code=UNVERIFIED, reason=str(error.reason), detail=detail)
        case _:
            reasons = (reason for kind, reason in _LOCAL_REASONS.items() if isinstance(error, kind))
            return Told(code=LOCAL, reason=next(reasons, "NOT_POSSIBLE"), detail=str(error))
