"""Receipts brought under a checkpoint that witnesses stand behind.

* An exchange may answer before its witnesses have cosigned. The same entry is then proven again, in
  the tree of the newest checkpoint that they have.
* What comes back is verified as a whole before it takes a receipt's place, and compared with what
  the member has verified of the ledger.

Which witnesses count is for the policy in the member's folder.
"""

from dataclasses import replace

from forewarn.exchange.v1 import log_service_pb2
from forewarn_client.connection import Connection
from forewarn_client.errors import RequestError
from forewarn_client.receipt import Receipt
from forewarn_client.verifier import Verifier
from forewarn_client.witness_policy import Standing


async def brought_up(connection: Connection, receipt: Receipt) -> tuple[Receipt, Standing]:
    """Prove a receipt's entry under the newest cosigned checkpoint, where that is more.

    Args:
        connection: The member's connection.
        receipt: The receipt.

    Returns:
        The receipt as it is best known, and what the member's witnesses say about it.

    Raises:
        RequestError: The member names no witnesses.
        VerificationError: What the exchange shows does not hold.
        RefusedError: It refused.
        UnavailableError: No answer in time.
    """
    policy = connection.witnesses()
    if policy is None:
        raise RequestError(
            "there is no witnesses.policy in the member's folder: name the witnesses that you trust"
        )
    before = policy.standing(receipt.entry.checkpoint)
    if before.met:
        return receipt, before
    session, verifier = connection.session, Verifier(connection.home.exchange)
    answer = await session.call(session.log.GetCheckpoint, log_service_pb2.GetCheckpointRequest())
    note = answer.cosigned_checkpoint
    if not note:
        return receipt, before
    head, standing = verifier.checkpoint(note), policy.standing(note)
    await session.see(note, 0)
    better = len(standing.cosigned) > len(before.cosigned)
    if head.size <= receipt.entry.index or not (standing.met or better):
        return receipt, before
    request = log_service_pb2.GetInclusionProofRequest(
        index=receipt.entry.index, tree_size=head.size
    )
    proof = await session.call(session.log.GetInclusionProof, request)
    found = replace(
        receipt,
        entry=replace(receipt.entry, inclusion_proof=tuple(proof.inclusion_proof), checkpoint=note),
    )
    found.verify(verifier)
    return found, standing
