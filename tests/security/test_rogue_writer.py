"""Somebody writes into the stream past the admission: nothing in the gateway stumbles over it.

Whoever can do that can have entries recorded that no worker checked, as the threat model says.
What they cannot do is to make the gateway fail for members who have done nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn.exchange.v1 import envelope_pb2, ledger_pb2
from forewarn.statement.v1 import header_pb2
from gateway.core.fold import Entry
from gateway.core.identity import MemberId
from gateway.core.statements import Kind
from gateway.edge.released import entitled
from gateway.ports.reading import Box, MemberQuery, SignedHead
from gateway.wire.blocks import decode_block, decode_entry
from gateway.wire.entries import summarize
from tests.world.actors import Draft
from tests.world.world import Recorded, World

Change = Callable[[header_pb2.Header, ledger_pb2.EntryBody], Any]


def forge(world: World, draft: Draft, change: Change, *audience: str) -> int:
    """Write an entry into the ledger that was never admitted; give its index."""
    body = ledger_pb2.EntryBody(audience=audience, case_state="ISSUED")
    body.received_time.FromDatetime(world.pen.now.replace(tzinfo=None))
    change(draft.header, body)
    payload = draft.payload
    body.envelope = envelope_pb2.Envelope(payload=payload).SerializeToString(deterministic=True)
    entry = Entry(
        body=body.SerializeToString(deterministic=True),
        salt=bytes(32),
        judged_at=world.size,
        reads=(),
        writes=(),
    )
    world.ledger.fold([entry])
    return world.size - 1


CHANGES: dict[str, Change] = {
    "no marking": lambda header, _: header.ClearField("tlp"),
    "an unknown marking": lambda header, _: setattr(header, "tlp", 77),
    "a sender that is no member": lambda header, _: setattr(header, "sender", "Not A Member"),
    "no sender": lambda header, _: header.ClearField("sender"),
    "everybody for a sender": lambda header, _: setattr(header, "sender", "*"),
    "everybody for an audience": lambda _, body: body.audience.append("*"),
    "an audience that is no member": lambda _, body: body.audience.append("Not A Member"),
    "a state that is none": lambda _, body: setattr(body, "case_state", "APPROVED"),
    "a short digest of a case": lambda header, _: setattr(header, "case_digest", b"short"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_poisoned_entry_is_nobodys(change: Change) -> None:
    with World() as world:
        index = forge(world, world.civil.alert(world.harbor), change, "harbor-bank")
        honest = world.submit(world.civil.alert(world.harbor))

        assert inbox(world) == [honest.index]
        with world.ledger.snapshot() as snapshot:
            assert not snapshot.readable(index, "harbor-bank")
            assert not snapshot.readable(index, "quay-bank")


def inbox(world: World) -> list[int]:
    """Read the bank's inbox, the way that leads to members."""
    bank, head = MemberId("harbor-bank"), SignedHead(note=b"", size=world.size, root=bytes(32))
    query = MemberQuery(member=bank, box=Box.RECEIVED, after=-1, limit=100, before_size=world.size)
    with world.ledger.snapshot() as snapshot:
        return [e.index for e in snapshot.member_entries(query) if entitled(e, bank, head)]


def test_a_poisoned_entry_does_not_stop_its_case() -> None:
    with World() as world:
        alert = world.submit(world.civil.alert(world.harbor))
        draft = world.reply(alert, world.civil, Kind.ALERT_UPDATE, tlp="GREEN")
        forge(world, draft, CHANGES["a state that is none"], "harbor-bank")
        answer: Recorded = world.submit(world.reply(alert, world.harbor, Kind.ACKNOWLEDGEMENT))

        assert answer.body.case_state == "ISSUED"


@given(st.binary(max_size=200))
def test_whatever_stands_in_the_stream_has_a_reading(data: bytes) -> None:
    decode_block(data)
    decode_entry(data)
    summarize(data)


@given(st.text(max_size=40), st.text(max_size=40), st.integers(-(2**31), 2**31 - 1))
def test_whatever_a_body_says_is_a_summary_of_the_domain_or_none(
    sender: str, state: str, tlp: int
) -> None:
    header = header_pb2.Header(
        sender=sender,
        statement_id=sender,
        kind="STATEMENT_KIND_ALERT",
        tlp=tlp,  # type: ignore[arg-type] # any number
    )
    payload = header_pb2.Statement(header=header.SerializeToString()).SerializeToString()
    envelope = envelope_pb2.Envelope(payload=payload).SerializeToString()
    body = ledger_pb2.EntryBody(envelope=envelope, case_state=state, audience=[sender])

    found = summarize(body.SerializeToString())

    assert found is None or (MemberId(found.sender) and found.tlp in range(1, 6))


@pytest.mark.parametrize("field", [4, 5])
def test_a_key_that_is_not_utf8_makes_no_entry(field: int) -> None:
    assert decode_entry(bytes([field << 3 | 2, 2]) + b"\xff\xfe") is None
