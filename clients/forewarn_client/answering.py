"""Whether what an exchange shows is an answer to what it was asked.

All of it may be genuine, and still be other entries, the same ones again, or no way on: whoever
took that would believe that nothing else is there, or never come to an end.
"""

from collections.abc import Sequence

from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.filters import Filter
from forewarn_client.records import VerifiedRecord


def check_asked(records: Sequence[VerifiedRecord], entry_filter: Filter, member: str) -> None:
    """Refuse entries that a filter does not mean, however genuine they are.

    Args:
        records: The verified records.
        entry_filter: What was asked for.
        member: Id of the member that asked.

    Raises:
        VerificationError: ANSWER_MISMATCHED.
    """
    if not all(entry_filter.admits(record, member) for record in records):
        raise mismatch("shows an entry that was not asked for")


def check_advance(indexes: Sequence[int], shown: int, *, more: bool) -> None:
    """Refuse a page that goes back, or that holds nothing and says that more is there.

    Args:
        indexes: Where its items stand in the ledger.
        shown: Where the item before them stands; -1 for none.
        more: Whether it says that more is there.

    Raises:
        VerificationError: ANSWER_MISMATCHED.
    """
    if list(indexes) != sorted({*indexes}) or (indexes and indexes[0] <= shown):
        raise mismatch("shows again what it has shown")
    if more and not indexes:
        raise mismatch("shows nothing and says that more is there")


def mismatch(what: str) -> VerificationError:
    """Make the error for an answer to another question.

    Args:
        what: What the exchange does, in words.

    Returns:
        The error, to be raised.
    """
    return VerificationError(Flaw.ANSWER_MISMATCHED, f"the exchange {what}")
