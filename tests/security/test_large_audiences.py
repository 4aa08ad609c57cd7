"""A statement of the largest size reaches everybody it is addressed to, however many they are."""

from __future__ import annotations

from gateway.core.fold import MAX_BODY_BYTES, MAX_KEY_BYTES, MAX_KEYS, Entry
from gateway.core.identity import MemberId
from gateway.edge.paging import PAGE_BYTES
from gateway.ports.blocks import MAX_BLOCK_BYTES
from gateway.wire.blocks import encode_block, encode_entry
from gateway.wire.entries import Body, encode
from gateway.wire.statements import MAX_STATEMENT_BYTES
from tests.edge.ledgers import START

LONGEST = 32
GRPC_MESSAGE_BYTES = 4 << 20


def test_the_largest_statement_goes_to_thirty_thousand() -> None:
    audience = tuple(MemberId(f"{number:0{LONGEST}}") for number in range(30_000))

    body = encode(
        Body(
            envelope=bytes(MAX_STATEMENT_BYTES),
            submitting_system="spiffe://exchange.example/agency/civil-ai/incident",
            received_time=START,
            audience=audience,
            profile_version="",
            case_state="ISSUED",
        )
    )

    assert len(body) <= MAX_BODY_BYTES


def test_the_largest_entry_fits_into_a_block_and_into_an_answer() -> None:
    entry = Entry(
        body=bytes(MAX_BODY_BYTES),
        salt=bytes(32),
        judged_at=2**64 - 1,
        reads=("r" * MAX_KEY_BYTES,) * MAX_KEYS,
        writes=("w" * MAX_KEY_BYTES,) * MAX_KEYS,
    )

    assert len(encode_block([encode_entry(entry)], node="n" * 64, sealed_time=START)) < (
        MAX_BLOCK_BYTES
    )
    # A page holds one entry in any case, and others up to its own size.
    assert max(MAX_BODY_BYTES, PAGE_BYTES) < GRPC_MESSAGE_BYTES * 3 // 4
