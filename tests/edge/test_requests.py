"""Whatever a caller asks, in whatever bytes: it is understood or refused with a reason."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Refusal
from gateway.edge.filters import MAX_KINDS, check_protocol, parse_filter
from gateway.edge.floor import VERIFIED_SIZE, verified_size

numbers = st.integers(-(2**31), 2**31 - 1)
names = st.sampled_from([VERIFIED_SIZE, "user-agent"])
said = st.one_of(st.text(), st.binary(), st.integers(0, 2**70).map(str))


@given(numbers, st.lists(numbers, max_size=40), st.text(), st.binary(max_size=40))
def test_a_filter_of_any_fields(box: int, kinds: list[int], sender: str, case: bytes) -> None:
    chosen = pb.EntryFilter(sender=sender, case_digest=case)
    chosen.box = box  # type: ignore[assignment] # any number, as the wire carries it
    chosen.kinds.extend(kinds)  # type: ignore[arg-type] # likewise
    try:
        found = parse_filter(pb.ListEntriesRequest(filter=chosen))
    except Refusal:
        return
    again = pb.EntryFilter.FromString(found.canonical)
    assert parse_filter(pb.ListEntriesRequest(filter=again)) == found
    assert len(kinds) <= MAX_KINDS


@given(st.binary(max_size=120))
def test_a_filter_of_any_bytes(data: bytes) -> None:
    try:
        parse_filter(pb.FollowRequest.FromString(data))
    except (DecodeError, Refusal):
        return


@given(st.text())
def test_any_protocol(text: str) -> None:
    try:
        assert check_protocol(text) == text
    except Refusal:
        return


@given(st.lists(st.tuples(names, said), max_size=3))
def test_any_verified_size(metadata: list[tuple[str, str | bytes]]) -> None:
    try:
        size = verified_size(metadata)
    except Refusal:
        return
    stated = [value for name, value in metadata if name == VERIFIED_SIZE]
    assert [str(size)] == stated or (size == 0 and not stated)
