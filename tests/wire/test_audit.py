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
    InboxConfirmed,
)
from gateway.core.entry import Trace
from gateway.core.errors import Reason
from gateway.core.identity import SystemId
from gateway.core.inbox import Span
from gateway.wire.audit import encode, summarize

NOON = datetime(2026, 11, 21, 12, 0, 0, 17, tzinfo=UTC)
DESK = SystemId.parse("spiffe://exchange.example/agency/civil-ai/notice")

SPAN = Span(from_size=3, to_size=9, count=2, root=bytes(32))

HAPPENINGS: list[Happening] = [
    CallsRefused(reason=Reason.KEY_REVOKED, count=3, first_time=NOON, digests=(bytes(32),)),
    CallsRefused(reason=None, count=1, first_time=NOON, digests=()),
    ContentReleased(entry_indexes=(1, 2, 2**62)),
    GrantLookedUp(case_digest=bytes(32)),
    InboxConfirmed(span=SPAN),
    InboxConfirmed(span=SPAN, confirmation=b"signed"),
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


TRACES: list[tuple[Happening, Trace | None]] = [
    (
        ContentReleased(entry_indexes=(1, 5)),
        Trace(recipient="civil-ai", sender="aurora", released=(1, 5)),
    ),
    (InboxConfirmed(span=SPAN), Trace(recipient="civil-ai", sender="aurora", confirmed=(3, 9))),
    (
        InboxConfirmed(span=SPAN, confirmation=b"signed"),
        Trace(recipient="civil-ai", sender="aurora", confirmed=(3, 9), signed=True),
    ),
    (GrantLookedUp(case_digest=bytes(32)), None),
    (AdminAct(act=Act.START), None),
]


@pytest.mark.parametrize(("happening", "trace"), TRACES)
def test_what_an_event_tells_of_deliveries(happening: Happening, trace: Trace | None) -> None:
    def told(concerned: str) -> Trace | None:
        event = Event(happening=happening, rpc="X", system=DESK, concerned=concerned)
        found = summarize(encode(event, NOON))
        assert found is not None
        return found.trace

    assert told("aurora") == trace
    # Of nobody's statements, and of its own, it tells nothing.
    assert told("") is None
    assert told("civil-ai") is None


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
