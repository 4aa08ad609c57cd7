"""What to list or follow.

* A filter narrows by box, kinds, sender and case; each part that is left empty narrows nothing.
* A cursor belongs to its filter: another filter begins again.
"""

from dataclasses import dataclass
from enum import Enum

from forewarn.exchange.v1 import exchange_service_pb2
from forewarn.statement.v1 import header_pb2
from forewarn_client import kinds as kinds_of_statement
from forewarn_client.records import VerifiedRecord


class Box(Enum):
    """Which of a member's entries are meant."""

    RECEIVED = exchange_service_pb2.BOX_RECEIVED
    """Those delivered to the member."""
    SENT = exchange_service_pb2.BOX_SENT
    """Those that it sent."""
    ALL = exchange_service_pb2.BOX_ALL
    """Both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Narrows what is listed or followed.

    Attributes:
        box: Received, sent, or both.
        kinds: Only these kinds, by name as in `Alert`; all where empty. At most 32.
        sender: Only this sender; all where empty.
        case: Only the case of this digest; all where empty.
    """

    box: Box = Box.RECEIVED
    kinds: tuple[str, ...] = ()
    sender: str = ""
    case: bytes = b""

    def admits(self, record: VerifiedRecord, member: str) -> bool:
        """Tell whether an entry is one of those that are meant.

        Args:
            record: The entry.
            member: Id of the member that asks.

        Returns:
            True if it is.
        """
        boxes = {
            Box.RECEIVED: member in record.audience,
            Box.SENT: member == record.sender,
            Box.ALL: member == record.sender or member in record.audience,
        }
        names = {kinds_of_statement.find(name).name for name in self.kinds}
        return (
            boxes[self.box]
            and (not names or record.kind in names)
            and self.sender in {"", record.sender}
            and self.case in {b"", record.case_digest}
        )

    def message(self) -> exchange_service_pb2.EntryFilter:
        """Put the filter into the form in which it travels.

        Returns:
            The message; the same for the same filter, in whatever order its kinds stand.

        Raises:
            KindError: A kind does not exist.
        """
        numbers = sorted({kinds_of_statement.find(name).number for name in self.kinds})
        return exchange_service_pb2.EntryFilter(
            box=exchange_service_pb2.Box.Name(self.box.value),
            kinds=[header_pb2.StatementKind.Name(number) for number in numbers],
            sender=self.sender,
            case_digest=self.case,
        )
