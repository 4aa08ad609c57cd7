"""What is asked to be listed: checked, and in one form."""

from __future__ import annotations

import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Reason, Refusal
from gateway.core.statements import Kind
from gateway.edge.filters import check_digest, check_protocol, parse_filter

UNKNOWN = 9999


def request(**fields: object) -> pb.ListEntriesRequest:
    chosen = pb.EntryFilter(**{"box": "BOX_ALL", **fields})  # type: ignore[arg-type] # mixed; enums by name
    return pb.ListEntriesRequest(filter=chosen)


REFUSED = {
    "no filter": (pb.ListEntriesRequest(), Reason.FIELD_MISSING),
    "no box": (request(box="BOX_UNSPECIFIED"), Reason.FIELD_MISSING),
    "unknown box": (request(box=UNKNOWN), Reason.ENUM_UNKNOWN),
    "unknown kind": (request(kinds=[UNKNOWN]), Reason.ENUM_UNKNOWN),
    "unspecified kind": (request(kinds=[0]), Reason.ENUM_UNKNOWN),
    "too many kinds": (request(kinds=[128] * 33), Reason.FIELD_TOO_LONG),
    "no member": (request(sender="Not A Member"), Reason.FIELD_INVALID),
    "no digest": (request(case_digest=b"short"), Reason.FIELD_INVALID),
}


@pytest.mark.parametrize(("asked", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(asked: pb.ListEntriesRequest, reason: Reason) -> None:
    with pytest.raises(Refusal) as refusal:
        parse_filter(asked)
    assert refusal.value.reason is reason


def test_kinds_are_a_set() -> None:
    one = parse_filter(request(kinds=[128, 80, 128]))
    other = parse_filter(request(kinds=[80, 128]))

    assert one.kinds == (Kind.PRE_RELEASE_NOTICE, Kind.ALERT)
    assert one.canonical == other.canonical


def test_every_kind_has_a_canonical_form() -> None:
    for kind in Kind:
        assert parse_filter(request(kinds=[kind.value])).canonical


def test_other_questions_have_other_bytes() -> None:
    asked = [
        request(),
        request(box="BOX_SENT"),
        request(sender="aurora"),
        request(case_digest=bytes(32)),
        request(kinds=[80]),
    ]

    assert len({parse_filter(each).canonical for each in asked}) == len(asked)


def test_a_digest_is_32_bytes() -> None:
    assert check_digest("digest", bytes(32)) == bytes(32)
    for wrong, reason in ((b"", Reason.FIELD_MISSING), (bytes(31), Reason.FIELD_INVALID)):
        with pytest.raises(Refusal) as refusal:
            check_digest("digest", wrong)
        assert refusal.value.reason is reason


def test_a_protocol_is_a_known_one() -> None:
    assert check_protocol("") == ""
    assert check_protocol("grant") == "grant"
    with pytest.raises(Refusal):
        check_protocol("licence")
