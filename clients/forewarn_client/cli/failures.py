"""Errors turned into a sentence and an exit code, in one place."""

from typing import Final

from forewarn_client.cli import output
from forewarn_client.errors import (
    Flaw,
    ForewarnError,
    HistoryError,
    HomeError,
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

_NOBODYS: Final = {Flaw.RECEIPT_MALFORMED, Flaw.PROOF_MALFORMED, Flaw.EVIDENCE_MALFORMED}
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


class CommandFailedError(ForewarnError):
    """A command that the user had run for a delivery did not deal with it."""


def report(error: ForewarnError, about: str = "") -> int:
    """Write an error and give the exit code for it.

    Args:
        error: Any error of the library.
        about: What it is about, as the name of a file; empty for the command itself.

    Returns:
        The exit code.
    """
    match error:
        case AuthoringError():
            problems = [(problem.field, problem.description) for problem in error.problems]
            detail = "The document does not make a statement, and nothing was sent. Mend this:"
            output.error("DOCUMENT_INVALID", detail, problems, about)
            return LOCAL
        case RefusedError():
            violations = [(item.field, item.description) for item in error.violations]
            detail = f"The exchange refused: {error.detail}"
            output.error(error.reason, detail, violations, about)
            return REFUSED
        case UnavailableError():
            output.error(error.reason, error.detail, (), about)
            return UNAVAILABLE
        case HistoryError():
            help_ = _HISTORY_HELP.format(evidence=error.evidence)
            detail = f"THE LEDGER IS NOT THE ONE YOU KNEW: {error.detail}.\n{help_}"
            output.error(str(error.reason), detail, (), about)
            return UNVERIFIED
        case VerificationError():
            # A file that is no receipt at all came from nobody.
            help_ = "" if error.reason in _NOBODYS else f"\n{_UNVERIFIED_HELP}"
            detail = f"VERIFICATION FAILED: {error.detail}{help_}"
            output.error(str(error.reason), detail, (), about)
            return UNVERIFIED
        case HomeError():
            output.error("HOME_UNFIT", str(error), (), about)
        case RequestError():
            output.error("REQUEST_INVALID", str(error), (), about)
        case CommandFailedError():
            output.error("COMMAND_FAILED", str(error), (), about)
        case _:
            output.error("NOT_POSSIBLE", str(error), (), about)
    return LOCAL
