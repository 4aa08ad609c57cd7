"""What became of a statement at each recipient: every fact with its proof, and none without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from forewarn.exchange.v1 import audit_pb2, delivery_service_pb2
from forewarn_client import (
    Agency,
    Deliveries,
    Flaw,
    Operator,
    Patience,
    RequestError,
    VerificationError,
)
from tests.world.ledger_builder import keyid, party
from tests.world.live_homes import forewarn
from tests.world.paper_inboxes import NOON, PaperInboxes, resigned, span_of

CIVIL = party("civil-ai", "agency")
BANK = party("harbor-bank", "operator")
QUAY = party("quay-bank", "operator")
MERCY = party("mercy-hospital", "operator")
HASTE = Patience(budget=5.0, attempt=2.0, reconnect=5.0)
ALERT: dict[str, Any] = {
    "tlp": "GREEN",
    "recipients": ["harbor-bank", "mercy-hospital", "quay-bank"],
    "facts": {"severity": "high"},
    "body": {"title": "A title", "summary": "A summary"},
}

Told = delivery_service_pb2.ListDeliveriesResponse
Change = Callable[[PaperInboxes, Told], None]


class Scene:
    """An agency that has alerted three, and what they did."""

    def __init__(self, paper: PaperInboxes) -> None:
        for who in (CIVIL, BANK, QUAY, MERCY):
            paper.ledger.enrol(who)
        self.paper = paper

    async def begin(self) -> None:
        self.homes = {who.member: self.paper.home(who) for who in (CIVIL, BANK, QUAY, MERCY)}
        async with Agency.connect(self.homes["civil-ai"], patience=HASTE) as agency:
            sent = [await agency.alert(ALERT) for _ in range(2)]
        self.index, self.digest = sent[1].index, sent[1].digest

    def operator(self, name: str, **how: Any) -> Operator:
        return Operator.connect(self.homes[name], patience=HASTE, **how)

    def release(self, who: str) -> None:
        self.paper.note(
            audit_pb2.AuditEvent(
                event_time=NOON,
                rpc="Follow",
                system=self.homes[who].system_id,
                member=who,
                concerned="civil-ai",
                content_released=audit_pb2.ContentReleased(entry_indexes=[self.index]),
            )
        )

    async def found(self) -> Deliveries:
        async with Agency.connect(self.homes["civil-ai"], patience=HASTE) as agency:
            return await agency.deliveries(self.digest)

    async def refused(self) -> Flaw:
        with pytest.raises(VerificationError) as error:
            await self.found()
        return error.value.reason


def exchange(folder: Path) -> PaperInboxes:
    return PaperInboxes(folder=folder)


@pytest.mark.asyncio
async def test_each_fact_stands_for_itself(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        scene = Scene(paper)
        await scene.begin()
        scene.release("harbor-bank")
        scene.release("quay-bank")
        async with scene.operator("harbor-bank") as bank:
            await bank.confirm_inbox()
            await bank.acknowledge(scene.digest)
            question = await bank.ask(scene.digest, {"body": {"text": "Which version?"}})
        async with scene.operator("quay-bank", signers=()) as quay:
            await quay.confirm_inbox()
        found = await scene.found()
        harbor, mercy, quays = found.recipients
        assert harbor.received is not None
        assert harbor.received.signed is not None
        assert harbor.released is not None
        assert harbor.acknowledged is not None
        assert [each.index for each in harbor.answered] == [question.index]
        assert quays.received is not None
        assert (quays.received.signed, quays.acknowledged, quays.answered) == (None, None, ())
        assert (mercy.released, mercy.received, mercy.acknowledged) == (None, None, None)
        assert (found.not_received, found.alarms) == (("mercy-hospital",), ())


@pytest.mark.asyncio
async def test_the_command_says_who_has_it_and_who_has_not(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        scene = Scene(paper)
        await scene.begin()
        async with scene.operator("harbor-bank") as bank:
            await bank.confirm_inbox()
        home = scene.homes["civil-ai"]
        for name in (scene.index, scene.digest.hex(), scene.digest.hex()[:12]):
            ran = await asyncio.to_thread(forewarn, home, "deliveries", name)
            assert ran.code == 0, ran.err
            assert "Not known to have it: mercy-hospital, quay-bank." in ran.out
            (line,) = [each for each in ran.out.splitlines() if each.startswith("harbor-bank")]
            assert "signed" in line
        ran = await asyncio.to_thread(forewarn, home, "deliveries", scene.index, "--json")
        assert [each["recipient"] for each in ran.objects] == list(ALERT["recipients"])
        assert [each["signed"] is not None for each in ran.objects] == [True, False, False]
        other = scene.homes["harbor-bank"]
        ran = await asyncio.to_thread(forewarn, other, "deliveries", scene.index)
        assert ran.code == 1
        assert "is by civil-ai" in ran.err


@pytest.mark.asyncio
async def test_who_answered_and_compared_an_inbox_without_it_is_an_alarm(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        scene = Scene(paper)
        await scene.begin()
        paper.hides = paper.forgets = {scene.index}
        async with scene.operator("harbor-bank") as bank:
            await bank.confirm_inbox()
        paper.hides = paper.forgets = set()
        async with scene.operator("harbor-bank") as bank:
            await bank.acknowledge(scene.digest)
        found = await scene.found()
        (alarm,) = found.alarms
        assert (alarm.recipient, alarm.received) == ("harbor-bank", None)
        assert alarm.left_out is not None
        assert alarm.left_out.concerned == "civil-ai"
        ran = await asyncio.to_thread(forewarn, scene.homes["civil-ai"], "deliveries", scene.index)
        assert ran.code == 5
        assert "LEFT OUT" in ran.out
        assert "compared an inbox without entry" in ran.err


@pytest.mark.asyncio
async def test_who_compares_it_only_just_now_is_no_alarm(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        scene = Scene(paper)
        await scene.begin()
        async with scene.operator("harbor-bank") as bank:
            await bank.acknowledge(scene.digest)
        held = [
            (index, hashed)
            for index, hashed, _ in paper.inbox_of("harbor-bank", 0, paper.ledger.size)
        ]
        span = span_of(held, 0, paper.ledger.size)
        home = scene.homes["harbor-bank"]

        def compared_after(answer: Told) -> None:
            if _harbor(answer) is not None:
                paper.note(paper.confirmed(home.system_id, span, "civil-ai"))

        paper.before["ListDeliveries"] = compared_after
        found = await scene.found()
        assert (found.alarms, found.recipients[0].received) == ((), None)
        # The next time it is a fact.
        del paper.before["ListDeliveries"]
        assert (await scene.found()).recipients[0].received is not None


@pytest.mark.asyncio
async def test_only_who_sent_it_is_told(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        scene = Scene(paper)
        await scene.begin()
        async with scene.operator("harbor-bank") as bank:
            with pytest.raises(RequestError, match="is by civil-ai"):
                await bank.deliveries(scene.index)
        assert "ListDeliveries" not in paper.calls


def _flip(message: Any, name: str, at: int = 0) -> None:
    data = bytearray(getattr(message, name))
    data[at] ^= 1
    setattr(message, name, bytes(data))


def _harbor(answer: Told) -> Any:
    return next((each for each in answer.deliveries if each.recipient == "harbor-bank"), None)


def _of_harbor(change: Callable[[Any], None]) -> Change:
    def changed(_paper: PaperInboxes, answer: Told) -> None:
        if (found := _harbor(answer)) is not None:
            change(found)

    return changed


def _another_event(change: Callable[[audit_pb2.AuditEvent], None]) -> Change:
    """Have a changed event recorded, so that its proof holds."""

    def changed(paper: PaperInboxes, answer: Told) -> None:
        if (found := _harbor(answer)) is not None:
            event = audit_pb2.AuditEvent.FromString(found.received.record.event)
            change(event)
            found.received.record.CopyFrom(paper.proven(paper.note(event)))
            if found.HasField("released"):
                found.released.CopyFrom(paper.proven(found.released.index))
            answer.checkpoint = paper.audit.note()

    return changed


def _signed_otherwise(change: Callable[[Any], None], key: Any = BANK.key) -> Change:
    def changed(event: audit_pb2.AuditEvent) -> None:
        confirmation = event.inbox_confirmed.confirmation
        event.inbox_confirmed.confirmation = resigned(confirmation, change, key)

    return _another_event(changed)


def _nothing(_message: Any) -> None:
    pass


def _leave_out(_paper: PaperInboxes, answer: Told) -> None:
    if _harbor(answer) is not None:
        del answer.deliveries[:]
        answer.deliveries.add(recipient="mercy-hospital")


def _again(_paper: PaperInboxes, answer: Told) -> None:
    answer.deliveries.append(answer.deliveries[0])


def _other_span(event: audit_pb2.AuditEvent) -> None:
    event.inbox_confirmed.span.CopyFrom(span_of([], 0, 2))


LIES: dict[str, tuple[Change, Flaw]] = {
    "a recipient left out": (_leave_out, Flaw.ANSWER_MISMATCHED),
    "a recipient twice": (_again, Flaw.ANSWER_MISMATCHED),
    "released: bit": (_of_harbor(lambda it: _flip(it.released, "event")), Flaw.PROOF_INVALID),
    "released: salt": (_of_harbor(lambda it: _flip(it.released, "salt")), Flaw.PROOF_INVALID),
    "released: other": (
        _of_harbor(lambda it: it.released.CopyFrom(it.received.record)),
        Flaw.ANSWER_MISMATCHED,
    ),
    "received: bit": (
        _of_harbor(lambda it: _flip(it.received.record, "event")),
        Flaw.PROOF_INVALID,
    ),
    "received: other": (
        _of_harbor(lambda it: it.received.record.CopyFrom(it.released)),
        Flaw.ANSWER_MISMATCHED,
    ),
    "position": (
        _of_harbor(lambda it: setattr(it.received, "position", 0)),
        Flaw.PROOF_INVALID,
    ),
    "proof": (
        _of_harbor(lambda it: it.received.inclusion_proof.append(bytes(32))),
        Flaw.PROOF_INVALID,
    ),
    "member": (
        _another_event(lambda event: setattr(event, "member", "quay-bank")),
        Flaw.ANSWER_MISMATCHED,
    ),
    "concerned": (
        _another_event(lambda event: setattr(event, "concerned", "")),
        Flaw.ANSWER_MISMATCHED,
    ),
    "span": (_another_event(_other_span), Flaw.PROOF_INVALID),
    "signed by another": (_signed_otherwise(_nothing, QUAY.key), Flaw.SIGNATURE_INVALID),
    "signed for another": (
        _signed_otherwise(lambda it: setattr(it, "sender", "aurora")),
        Flaw.ANSWER_MISMATCHED,
    ),
    "signed elsewhere": (
        _signed_otherwise(lambda it: setattr(it, "exchange", "second.example/ledger")),
        Flaw.EXCHANGE_FOREIGN,
    ),
    "signed another span": (
        _signed_otherwise(lambda it: setattr(it.span, "to_size", 99)),
        Flaw.ANSWER_MISMATCHED,
    ),
}


@pytest.mark.asyncio
async def test_whatever_is_changed_is_refused(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        scene = Scene(paper)
        await scene.begin()
        scene.release("harbor-bank")
        async with scene.operator("harbor-bank") as bank:
            await bank.confirm_inbox()
        before: tuple[list[Any], list[Any]] = (list(paper.noted), list(paper.audit.held))
        kept = scene.homes["civil-ai"].state / "audit-checkpoint"
        assert (await scene.found()).recipients[0].received is not None
        for name, (lie, flaw) in LIES.items():
            paper.before["ListDeliveries"] = partial(lie, paper)
            assert (name, await scene.refused()) == (name, flaw)
            # Back to where it was: each lie is told to one who has seen none before.
            paper.noted[:], paper.audit.held[:] = before
            kept.unlink(missing_ok=True)


@pytest.mark.asyncio
async def test_a_key_that_was_not_theirs_by_then_proves_nothing(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        scene = Scene(paper)
        await scene.begin()
        async with scene.operator("harbor-bank") as bank:
            await bank.confirm_inbox()

        def unknown(event: audit_pb2.AuditEvent) -> None:
            data = event.inbox_confirmed.confirmation
            at = data.index(keyid(BANK.key).encode())
            event.inbox_confirmed.confirmation = data.replace(data[at : at + 4], b"0000", 1)

        paper.before["ListDeliveries"] = lambda answer: _another_event(unknown)(paper, answer)
        assert await scene.refused() == Flaw.KEY_UNKNOWN
