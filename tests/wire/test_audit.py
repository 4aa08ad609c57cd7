"""Audit events on the wire, and under whom the store finds them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn.exchange.v1 import audit_pb2
from gateway.core.audit import (
    Act,
    AdminAct,
    CallsRefused,
    ContentReleased,
    Event,
    EventKind,
    GrantLookedUp,
    Happening,
)
from gateway.core.errors import Reason
from gateway.core.identity import SystemId
from gateway.wire.audit import encode, summarize

NOON = datetime(2026, 11, 21, 12, 0, 0, 17, tzinfo=UTC)
DESK = SystemId.parse("spiffe://exchange.example/agency/civil-ai/notice")

HAPPENINGS: list[Happening] = [
    CallsRefused(reason=Reason.KEY_REVOKED, count=3, first_time=NOON, digests=(bytes(32),)),
    CallsRefused(reason=None, count=1, first_time=NOON, digests=()),
    ContentReleased(entry_indexes=(1, 2, 2**62)),
    GrantLookedUp(case_digest=bytes(32)),
    *(AdminAct(act=act, reason=Reason.LEDGER_NOT_PROVEN) for act in Act),
]


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_an_event_is_found_under_whom_it_concerns(happening: Happening) -> None:
    event = Event(happening=happening, rpc="GetEntry", system=DESK, concerned="aurora")

    found = summarize(encode(event, NOON))

    assert found is not None
    assert (found.sender, found.audience) == ("civil-ai", ("aurora",))
    assert found.received_time == NOON
    assert EventKind(found.kind).name.lower() == audit_pb2.AuditEvent.FromString(
        encode(event, NOON)
    ).WhichOneof("event")
    assert not found.open_to_all
    assert not found.opens_case


def test_what_concerns_nobody_is_nobodys() -> None:
    found = summarize(encode(Event(happening=AdminAct(act=Act.START)), NOON))

    assert found is not None
    assert (found.sender, found.audience) == ("", ())


def test_a_members_own_statement_that_it_reads_back_concerns_it_once() -> None:
    event = Event(happening=ContentReleased(entry_indexes=(1,)), system=DESK, concerned="civil-ai")

    found = summarize(encode(event, NOON))

    assert found is not None
    assert (found.sender, found.audience) == ("civil-ai", ())


def test_every_kind_and_act_has_the_number_of_the_wire() -> None:
    fields = audit_pb2.AuditEvent.DESCRIPTOR.oneofs_by_name["event"].fields
    assert {f.name.upper(): f.number for f in fields} == {k.name: k.value for k in EventKind}
    acts = {name: number for name, number in audit_pb2.AdminActKind.items() if number}
    assert acts == {f"ADMIN_ACT_KIND_{act.name}": act.value for act in Act}


@given(st.binary(max_size=200))
def test_reading_never_raises(data: bytes) -> None:
    summarize(data)
