"""Whether answers prove what they say: a sample, with the client's own verifier, in one pass.

The verifier starts from the pins of the join file and from nothing that the gateway says.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc

from forewarn.exchange.v1 import directory_service_pb2 as directory_pb
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn_client.directory import DirectoryView, listed
from forewarn_client.join import JoinFile
from forewarn_client.records import Evidence
from forewarn_client.verifier import Verifier
from tests.bench.callers import CALL_SECONDS, DIRECTORY


async def check(join_file: Path, channel: grpc.aio.Channel, evidences: Iterable[Evidence]) -> int:
    """Verify entries: checkpoint, inclusion, signatures under the directory, canonical form.

    Args:
        join_file: What a member pins.
        channel: Where the directory is fetched.
        evidences: The entries.

    Returns:
        How many hold; one that does not raises `VerificationError`.
    """
    verifier = Verifier(JoinFile.load(join_file).exchange)
    chain: list[Evidence] = []
    start, more, size = 0, True, 0
    response = directory_pb.ListDirectoryEntriesResponse
    call: Any = channel.unary_unary(DIRECTORY, response_deserializer=response.FromString)
    while more:
        request = directory_pb.ListDirectoryEntriesRequest(from_index=start, page_size=1000)
        page = await call(request.SerializeToString(), timeout=CALL_SECONDS)
        chain += listed(page)
        more, start = page.more, chain[-1].index + 1
        size = verifier.checkpoint(page.checkpoint).size
    view = DirectoryView.of_chain(verifier, chain, size)
    held = 0
    for evidence in evidences:
        verifier.verify(evidence, view)
        held += 1
    return held


def of_submissions(answers: Iterable[bytes]) -> Iterable[Evidence]:
    """Read the entries out of answers to Submit."""
    for answer in answers:
        parsed = pb.SubmitResponse.FromString(answer)
        yield Evidence.of_receipt(parsed.receipt, parsed.entry_body)


def of_stream(answers: Iterable[bytes]) -> Iterable[bytes]:
    """Give the answers to Submit within answers to SubmitStream, none of which may be a refusal."""
    for answer in answers:
        parsed = pb.SubmitStreamResponse.FromString(answer)
        if parsed.WhichOneof("outcome") != "recorded":
            raise RuntimeError(f"a statement was refused: {parsed.refused!r}")
        yield parsed.recorded.SerializeToString()


def of_pages(pages: Iterable[bytes], every: int) -> Iterable[Evidence]:
    """Read some of the entries out of answers to ListEntries."""
    for page in pages:
        parsed = pb.ListEntriesResponse.FromString(page)
        for record in parsed.records[::every]:
            yield Evidence.of_record(record, parsed.checkpoint)
