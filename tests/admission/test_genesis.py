"""Entry 0: signed by the quorum that it names, and only ever the first."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.admission.directories import Directories
from gateway.admission.genesis import genesis_entry, open_genesis
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.fold import Verdict
from gateway.core.identity import MemberKind
from gateway.core.statements import Kind
from tests.world.actors import ORIGIN, TRUST_DOMAIN, Actor, Draft, Pen, make_key, seal
from tests.world.memory_ledger import MemoryLedger
from tests.world.world import World, genesis_facts

REGISTRAR = Actor(
    id="exchange-registrar",
    kind=MemberKind.REGISTRAR,
    pen=Pen(),
    keys=[make_key(f"registrar {number}") for number in (1, 2, 3)],
    signs_with=2,
)


def genesis(quorum: int = 2, /, **changes: Any) -> Draft:
    return REGISTRAR.say(Kind.GENESIS, facts=genesis_facts(REGISTRAR, quorum, **changes))


def refusal(envelope: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        open_genesis(envelope)
    return caught.value


def test_a_genesis_says_where_it_all_begins() -> None:
    draft = genesis()
    opened = open_genesis(draft.envelope)
    assert (opened.origin, opened.trust_domain) == (ORIGIN, TRUST_DOMAIN)
    assert (opened.digest, opened.envelope) == (draft.digest, draft.envelope)
    assert opened.header.sender == "exchange-registrar"


@pytest.mark.parametrize(("quorum", "signed"), [(1, 1), (1, 3), (2, 2), (2, 3), (3, 3)])
def test_its_own_quorum_signs_it(quorum: int, signed: int) -> None:
    draft = genesis(quorum)
    open_genesis(seal(draft.payload, REGISTRAR.keys[:signed]))
    if quorum > 1:
        too_few = seal(draft.payload, REGISTRAR.keys[: quorum - 1])
        assert refusal(too_few).reason is Reason.SIGNATURES_INSUFFICIENT


def test_others_do_not_sign_it() -> None:
    payload = genesis().payload
    stranger = [*REGISTRAR.keys[:2], make_key("stranger")]
    assert refusal(seal(payload, stranger)).reason is Reason.KEY_UNKNOWN
    forged = seal(payload, REGISTRAR.keys[:2]).replace(payload[-3:], b"xyz", 1)
    assert refusal(forged).reason in {Reason.SIGNATURE_INVALID, Reason.ENVELOPE_MALFORMED}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quorum": 0}, "header.genesis.quorum"),
        ({"quorum": 4}, "header.facts.quorum"),
        (
            {"systems": ["spiffe://elsewhere.example/registrar/exchange-registrar/desk-a"]},
            "header.facts.systems",
        ),
        ({"systems": [f"spiffe://{TRUST_DOMAIN}/registrar/other/desk-a"]}, "header.facts.systems"),
        ({"systems": ["https://exchange.example/"]}, "header.facts.systems"),
        ({"registrar": "Registrar"}, "header.facts.registrar"),
    ],
)
def test_a_genesis_that_does_not_fit_together(changes: dict[str, Any], field: str) -> None:
    found = refusal(genesis(**changes).envelope)
    assert [violation.field for violation in found.violations] == [field]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sender": "somebody"}, Reason.SENDER_MISMATCH),
        ({"tlp": 2}, Reason.FIELD_INVALID),
        ({"case_digest": bytes(32)}, Reason.FIELD_INVALID),
        ({"on_behalf_of": "aurora"}, Reason.FIELD_INVALID),
    ],
)
def test_a_genesis_is_the_registrars_and_open_to_all(
    change: dict[str, Any], reason: Reason
) -> None:
    draft = genesis()
    for name, value in change.items():
        setattr(draft.header, name, value)
    assert refusal(draft.envelope).reason is reason


def test_another_statement_is_no_genesis() -> None:
    draft = REGISTRAR.suspend(REGISTRAR)
    assert refusal(draft.envelope).reason is Reason.FIELD_INVALID


def test_a_ledger_has_one_genesis() -> None:
    ledger = MemoryLedger()
    with pytest.raises(Fault) as caught:
        Directories(ledger).now()
    assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
    entries = [
        genesis_entry(open_genesis(each.envelope), received_time=REGISTRAR.pen.now, salt=bytes(32))
        for each in (genesis(), genesis(1))
    ]
    assert [outcome.verdict for outcome in ledger.fold(entries)] == [
        Verdict.ACCEPTED,
        Verdict.STALE,
    ]
    (stale,) = ledger.fold(entries[1:])
    assert stale.verdict is Verdict.STALE
    assert Directories(ledger).now().quorum.threshold == 2


def test_nobody_submits_a_genesis(world: World) -> None:
    again = world.registrar.say(Kind.GENESIS, facts=genesis_facts(world.registrar, 1))
    with world.refused(Reason.DIRECTORY_CONFLICT):
        world.submit(again)
    own = world.aurora.say(Kind.GENESIS, facts=genesis_facts(world.registrar, 1))
    with world.refused(Reason.DIRECTORY_CONFLICT):
        world.submit(own)
    # The one that there is has its index like any other.
    first = world.read(0)
    assert world.hand_in(first.body.envelope, by=world.registrar).index == 0
    assert first.body.submitting_system == ""


def test_a_ledger_that_begins_with_anything_else_serves_nothing(world: World) -> None:
    ledger = MemoryLedger()
    with world.ledger.snapshot() as snapshot:
        stored = snapshot.by_index(3)
    assert stored is not None
    entry = genesis_entry(
        open_genesis(genesis().envelope), received_time=REGISTRAR.pen.now, salt=bytes(32)
    )
    ledger.fold([type(entry)(body=stored.body, salt=bytes(32), judged_at=0, reads=(), writes=())])
    with pytest.raises(Fault) as caught:
        Directories(ledger).now()
    assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
