"""Errors turned into a sentence and an exit code, in one place."""

from typing import Final

from forewarn_client.cli import output
from forewarn_client.errors import (
    ForewarnError,
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


def report(error: ForewarnError) -> int:
    """Write an error and give the exit code for it.

    Args:
        error: Any error of the library.

    Returns:
        The exit code.
    """
    match error:
        case AuthoringError():
            problems = [(problem.field, problem.description) for problem in error.problems]
            detail = (
                "The document does not make a statement; nothing was sent. Mend and send again:"
            )
            output.error("DOCUMENT_INVALID", detail, problems)
            return LOCAL
        case RefusedError():
            violations = [(item.field, item.description) for item in error.violations]
            output.error(error.reason, f"The exchange refused: {error.detail}", violations)
            return REFUSED
        case UnavailableError():
            output.error(error.reason, error.detail)
            return UNAVAILABLE
        case VerificationError():
            output.error(
                str(error.reason),
                f"VERIFICATION FAILED: {error.detail}\nWhat was received is not what it has to be. "
                "Do not rely on it, keep the folder as it is, and tell whoever runs the exchange.",
            )
            return UNVERIFIED
        case HomeError():
            output.error("HOME_UNFIT", str(error))
        case RequestError():
            output.error("REQUEST_INVALID", str(error))
        case _:
            output.error("NOT_POSSIBLE", str(error))
    return LOCAL
