"""LogService: heads and proofs of the transparency log, for every member. No content, no opening.

* Only what a signed checkpoint covers is shown.
* A leaf's hash tells that something was recorded, and nothing of what.
"""

from __future__ import annotations

import asyncio

from forewarn.exchange.v1 import log_service_pb2 as pb
from gateway.core.errors import Reason, invalid
from gateway.edge.callers import Caller
from gateway.edge.released import entry_not_found
from gateway.ports import LedgerHead, LedgerReader


class LogService:
    """See `forewarn.exchange.v1.LogService`."""

    def __init__(self, *, reader: LedgerReader, head: LedgerHead) -> None:
        """Keep where it reads.

        Args:
            reader: The store.
            head: The newest signed checkpoint.
        """
        self._reader = reader
        self._head = head

    async def get_checkpoint(
        self, _caller: Caller, _request: pb.GetCheckpointRequest
    ) -> pb.GetCheckpointResponse:
        """Give the newest signed checkpoint."""
        return pb.GetCheckpointResponse(checkpoint=self._head.current.note)

    async def get_inclusion_proof(
        self, _caller: Caller, request: pb.GetInclusionProofRequest
    ) -> pb.GetInclusionProofResponse:
        """Prove a leaf in the tree of a size."""
        return await asyncio.to_thread(self._prove, request)

    def _prove(self, request: pb.GetInclusionProofRequest) -> pb.GetInclusionProofResponse:
        head = self._head.current
        size = request.tree_size or head.size
        if size > head.size:
            raise invalid(
                "tree_size",
                "is beyond the newest signed checkpoint",
                Reason.TREE_SIZE_UNAVAILABLE,
            )
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
