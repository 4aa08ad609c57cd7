"""What is said and shown at each contact: the size that was verified, and a checkpoint.

* Every call says how much of the ledger its member has verified, in metadata.
* Every answer that shows something of the ledger carries a checkpoint.

It compares nothing: `history` does.
"""

from typing import Final, Protocol

import grpc
import grpc.aio

from forewarn.exchange.v1 import directory_service_pb2, exchange_service_pb2, log_service_pb2
from forewarn_client import answers

VERIFIED_SIZE: Final = "forewarn-verified-size"
STREAM_OPEN: Final = ("forewarn-stream", "open")
"""Initial metadata of a stream of submissions that the exchange has let in."""

_BEHIND: Final = "LEDGER_UNAVAILABLE"


class Past(Protocol):
    """Whoever compares checkpoints with what was verified before."""

    @property
    def size(self) -> int:
        """Size of the ledger that was verified."""
        ...

    async def see(self, note: bytes, floor: int) -> int:
        """Compare a checkpoint; give its size."""
        ...

    async def question(self) -> None:
        """Ask an exchange that shows nothing whether it was rolled back."""
        ...


def said(size: int) -> tuple[tuple[str, str], ...]:
    """Say in a call's metadata how much of the ledger was verified.

    Args:
        size: The size; 0 for nothing yet.

    Returns:
        The metadata.
    """
    return ((VERIFIED_SIZE, str(size)),) if size else ()


def is_behind(error: grpc.aio.AioRpcError) -> bool:
    """Tell whether an exchange answers that it cannot show as much as was verified, or nothing.

    Args:
        error: The error of a call.

    Returns:
        True where its ledger is not to be had at present.
    """
    return error.code() is grpc.StatusCode.UNAVAILABLE and answers.parse(error).reason == _BEHIND


def checkpoint(response: object) -> bytes | None:
    """Give the checkpoint that an answer carries.

    Args:
        response: Any answer of the exchange.

    Returns:
        The signed note; None for an answer that has none.
    """
    match response:
        case exchange_service_pb2.SubmitResponse():
            return response.receipt.checkpoint
        case (
            exchange_service_pb2.GetEntryResponse()
            | exchange_service_pb2.ListEntriesResponse()
            | exchange_service_pb2.GetCaseResponse()
            | directory_service_pb2.ListDirectoryEntriesResponse()
            | log_service_pb2.GetCheckpointResponse()
            | log_service_pb2.GetInclusionProofResponse()
        ):
            return response.checkpoint
        case _:
            return None
