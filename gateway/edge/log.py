"""LogService: heads and proofs of the transparency log, for every member. No content, no opening.

* Only what a signed checkpoint covers is shown.
* A leaf's hash tells that something was recorded, and nothing of what.
"""

from __future__ import annotations

from forewarn.exchange.v1 import log_service_pb2 as pb
from gateway.core.errors import Reason, invalid
from gateway.edge.callers import Caller
from gateway.edge.readings import Readings
from gateway.edge.released import entry_not_found
from gateway.ports.reading import LedgerHead, LedgerReader, SignedHead


class LogService:
    """See `forewarn.exchange.v1.LogService`."""

    def __init__(
        self,
        *,
        reader: LedgerReader,
        head: LedgerHead,
        readings: Readings,
        cosigned: LedgerHead | None = None,
    ) -> None:
        """Keep where it reads.

        Args:
            reader: The store.
            head: The newest signed checkpoint.
            readings: Where calls read the store.
            cosigned: The newest that witnesses stand behind; None where there are no witnesses.
        """
        self._cosigned = cosigned
        self._readings = readings
        self._reader = reader
        self._head = head

    async def get_checkpoint(
        self, _caller: Caller, _request: pb.GetCheckpointRequest
    ) -> pb.GetCheckpointResponse:
        """Give the newest signed checkpoint, and the newest that witnesses stand behind."""
        cosigned = self._cosigned
        return pb.GetCheckpointResponse(
            checkpoint=self._head.current.note,
            cosigned_checkpoint=cosigned.current.note if cosigned and cosigned.size else b"",
        )

    async def get_inclusion_proof(
        self, caller: Caller, request: pb.GetInclusionProofRequest
    ) -> pb.GetInclusionProofResponse:
        """Prove a leaf in the tree of a size."""
        return await self._readings.run(caller.id, self._prove, request)

    async def get_consistency_proof(
        self, caller: Caller, request: pb.GetConsistencyProofRequest
    ) -> pb.GetConsistencyProofResponse:
        """Prove that one tree is the beginning of another."""
        check_signed("new_size", request.new_size, self._head.current)
        if request.old_size > request.new_size:
            raise invalid("old_size", "is larger than new_size; ask the other way round")
        proof = await self._readings.run(caller.id, self._compare, request)
        return pb.GetConsistencyProofResponse(consistency_proof=proof)

    def _compare(self, request: pb.GetConsistencyProofRequest) -> tuple[bytes, ...]:
        with self._reader.snapshot() as snapshot:
            return snapshot.consistency(request.old_size, request.new_size)

    def _prove(self, request: pb.GetInclusionProofRequest) -> pb.GetInclusionProofResponse:
        head = self._head.current
        size = request.tree_size or head.size
        check_signed("tree_size", size, head)
        if request.index >= size:
            raise entry_not_found()
        with self._reader.snapshot() as snapshot:
            (proof,) = snapshot.prove([request.index], size)
            return pb.GetInclusionProofResponse(
                leaf_hash=snapshot.leaf_hash(request.index),
                inclusion_proof=proof,
                tree_size=size,
                checkpoint=head.note,
            )


def check_signed(field: str, size: int, head: SignedHead) -> None:
    """Refuse a size that no checkpoint has signed yet.

    Args:
        field: Field of the request that states it.
        size: The size.
        head: The newest signed checkpoint.

    Raises:
        Refusal: TREE_SIZE_UNAVAILABLE.
    """
    if size > head.size:
        raise invalid(field, "is beyond the newest signed checkpoint", Reason.TREE_SIZE_UNAVAILABLE)
