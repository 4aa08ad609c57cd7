"""Blocks come back as they went out; anything else is no block, and nothing raises."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forewarn.exchange.v1 import ledger_pb2
from gateway.core.fold import Entry
from gateway.wire.blocks import (
    MAX_BLOCK_ENTRIES,
    decode_block,
    decode_entry,
    encode_block,
    encode_entry,
)

NOW = datetime(2026, 11, 21, 12, 30, 0, 123456, tzinfo=UTC)
ENTRY = Entry(body=b"b", salt=bytes(32), judged_at=7, reads=("a", "é"), writes=("a",))

keys = st.lists(st.text(max_size=5), max_size=3).map(tuple)
entries = st.builds(
    Entry,
    body=st.binary(max_size=40),
    salt=st.binary(max_size=40),
    judged_at=st.integers(0, 2**64 - 1),
    reads=keys,
    writes=keys,
)


def block(*parts: bytes) -> bytes:
    return encode_block(parts, node="node-a", sealed_time=NOW)


@given(st.lists(entries, max_size=5))
def test_a_block_holds_what_was_put_in(given_entries: list[Entry]) -> None:
    message = block(*map(encode_entry, given_entries))
    assert decode_block(message) == tuple(given_entries)
    parsed = ledger_pb2.Block.FromString(message)
    assert (parsed.version, parsed.node) == (1, "node-a")
    assert parsed.sealed_time.ToDatetime(tzinfo=UTC) == NOW


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff" * 20)
def test_any_bytes_decode_to_something(message: bytes) -> None:
    assert isinstance(decode_block(message), tuple)
    decoded = decode_entry(message)
    assert decoded is None or encode_entry(decoded) == message


@given(st.lists(entries, min_size=1, max_size=3), st.data())
def test_a_changed_block_raises_nothing(given_entries: list[Entry], data: st.DataObject) -> None:
    message = bytearray(block(*map(encode_entry, given_entries)))
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    for decoded in decode_block(bytes(message)):
        assert decoded is None or isinstance(decoded, Entry)


def test_entries_that_are_none_keep_their_place() -> None:
    assert decode_block(block(b"\xff", encode_entry(ENTRY), b"junk")) == (None, ENTRY, None)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(encode_entry(ENTRY) + b"\x08\x01", id="unknown field"),
        pytest.param(encode_entry(ENTRY) + b"\x18\x07", id="scalar given twice"),
        pytest.param(b"\x18\x07" + encode_entry(ENTRY)[:-5], id="fields out of order"),
        pytest.param(encode_entry(ENTRY).replace(b"\x18\x07", b"\x18\x87\x00"), id="long varint"),
        pytest.param(encode_entry(ENTRY).replace("é".encode(), b"\xff\xfe"), id="not UTF-8"),
        pytest.param(encode_entry(ENTRY) + b"\x00", id="trailing byte"),
        pytest.param(encode_entry(ENTRY)[:-1], id="cut short"),
    ],
)
def test_an_entry_in_any_other_form_is_none(message: bytes) -> None:
    assert decode_entry(encode_entry(ENTRY)) == ENTRY
    assert decode_entry(message) is None


def test_a_block_of_another_version_or_form_holds_no_entries() -> None:
    encoded = encode_entry(ENTRY)
    for version in (0, 2):
        other = ledger_pb2.Block(version=version, entries=[encoded])
        assert decode_block(other.SerializeToString(deterministic=True)) == ()
    assert decode_block(block(encoded) + b"\x08\x01") == ()
    assert decode_block(block(encoded) + b"\x98\x06\x01") == ()
    assert decode_block(block(encoded)) == (ENTRY,)


def test_a_block_of_too_many_entries_holds_none() -> None:
    assert decode_block(block(*[b""] * MAX_BLOCK_ENTRIES)) != ()
    assert decode_block(block(*[b""] * (MAX_BLOCK_ENTRIES + 1))) == ()
