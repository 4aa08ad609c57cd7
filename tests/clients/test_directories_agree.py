"""The gateway's directory and the client's: two implementations, one answer at every index.

Random histories of directory statements, as a worker that checks nothing would record them: some
do not follow, are not signed as they have to be, come from a foreign system, are recorded again, or
are in a form that no worker writes. Both sides pass over the same ones; after each entry members,
keys, systems and quorum are the same on both sides, also in retrospect, and also without what was
passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import event, given, settings
from hypothesis import strategies as st

from forewarn.exchange.v1 import directory_service_pb2, ledger_pb2
from forewarn.statement.v1 import directory_pb2
from forewarn_client.directory import DirectoryView, listed
from forewarn_client.join import Exchange
from forewarn_client.records import Evidence
from forewarn_client.verifier import Verifier
from gateway.admission.directories import Directories
from gateway.core.directory import Directory
from gateway.core.errors import Refusal
from gateway.core.fold import Entry
from gateway.core.identity import MemberId
from gateway.core.members import Standing
from gateway.wire import entries
from gateway.wire.chain import signed_header
from tests.world.ledger_builder import (
    TRUST_DOMAIN,
    Ledger,
    envelope,
    keyid,
    seed,
    signing_key,
)
from tests.world.memory_ledger import MemoryLedger

REGISTRAR = "exchange-registrar"
KINDS = {
    "aurora": "lab",
    "borealis": "lab",
    "civil-ai": "agency",
    "harbor-bank": "operator",
    REGISTRAR: "registrar",
}
NAMES = st.sampled_from([*KINDS, "nobody"])
KEYS = [f"key {number}" for number in range(5)] + [f"registrar {number}" for number in range(1, 6)]


def system(member: str, desk: str = "desk", domain: str = TRUST_DOMAIN) -> str:
    return f"spiffe://{domain}/{KINDS.get(member, 'lab')}/{member}/{desk}"


@cache
def key(name: str) -> Ed25519PrivateKey:
    return seed(name)


KEY = st.sampled_from(KEYS).map(key)
SYSTEM = st.one_of(
    st.builds(system, NAMES, st.sampled_from(["desk", "desk-b"])),
    st.just(system("aurora", domain="elsewhere.example")),
)
PROFILE = st.builds(
    directory_pb2.MemberProfile,
    display_name=st.just("Somebody"),
    agency_type=st.sampled_from([0, 0, 1]),
    sectors=st.sampled_from([[], [], ["energy"]]),
    clients=st.sampled_from([[], [], [], ["harbor-bank"]]),
)


@st.composite
def fitting_profile(draw: st.DrawFn, member: str) -> directory_pb2.MemberProfile:
    """Most profiles fit, or nobody would ever be enrolled."""
    if draw(st.integers(0, 5)) == 0:
        return draw(PROFILE)
    return directory_pb2.MemberProfile(
        display_name=member,
        agency_type="AGENCY_TYPE_CIVIL" if KINDS.get(member) == "agency" else None,
    )


@st.composite
def enrolment(draw: st.DrawFn) -> directory_pb2.MemberEnrolmentFacts:
    member = draw(NAMES)
    kind = KINDS.get(member, "lab").upper()
    return directory_pb2.MemberEnrolmentFacts(
        member=member,
        kind=f"MEMBER_KIND_{kind}",
        profile=draw(fitting_profile(member)),
        keys=[signing_key(each) for each in draw(st.lists(KEY, min_size=1, max_size=2))],
        systems=draw(
            st.one_of(st.just([system(member)]), st.lists(SYSTEM, min_size=1, max_size=2))
        ),
    )


@st.composite
def update(draw: st.DrawFn) -> directory_pb2.MemberUpdateFacts:
    member = draw(NAMES)
    return directory_pb2.MemberUpdateFacts(member=member, profile=draw(fitting_profile(member)))


ENDED = st.just("ENDING_REASON_OTHER")
FACTS: Mapping[str, st.SearchStrategy[Any]] = {
    "MEMBER_ENROLMENT": enrolment(),
    "MEMBER_UPDATE": update(),
    "KEY_REGISTRATION": st.builds(
        directory_pb2.KeyRegistrationFacts, member=NAMES, key=KEY.map(signing_key)
    ),
    "KEY_REVOCATION": st.builds(
        directory_pb2.KeyRevocationFacts, member=NAMES, key_id=KEY.map(keyid), reason=ENDED
    ),
    "SYSTEM_REGISTRATION": st.builds(
        directory_pb2.SystemRegistrationFacts, member=NAMES, system=SYSTEM
    ),
    "SYSTEM_SUSPENSION": st.builds(
        directory_pb2.SystemSuspensionFacts, member=NAMES, system=SYSTEM, reason=ENDED
    ),
    "MEMBER_SUSPENSION": st.builds(directory_pb2.MemberSuspensionFacts, member=NAMES, reason=ENDED),
    "MEMBER_REINSTATEMENT": st.builds(directory_pb2.MemberReinstatementFacts, member=NAMES),
    "MEMBER_SUCCESSION": st.builds(
        directory_pb2.MemberSuccessionFacts, predecessor=NAMES, successor=NAMES
    ),
    "MEMBER_DEPARTURE": st.builds(directory_pb2.MemberDepartureFacts, member=NAMES),
    "REGISTRAR_SUCCESSION": st.builds(
        directory_pb2.RegistrarSuccessionFacts,
        keys=st.lists(KEY.map(signing_key), min_size=1, max_size=3),
        quorum=st.integers(1, 3),
    ),
    "PARTICIPATION": st.builds(
        directory_pb2.ParticipationFacts,
        framework=st.just("us-eo-14409"),
        choice=st.just("PARTICIPATION_CHOICE_IN"),
    ),
}
# What a member may say of itself.
OWN = {"KEY_REVOCATION", "SYSTEM_SUSPENSION", "PARTICIPATION"}


# Headers and entries that no worker of the exchange would let through.
ODD_HEADERS: list[dict[str, Any]] = [
    {"statement_id": "0c1f6f2e-7a55-4d5e-9a44-9f6f6a0f7a11"},
    {"refers_to": [bytes(32), bytes(32)]},
    {"refers_to": [b"short"]},
    {"case_digest": b"short"},
    {"community": "a--b"},
    {"protection_regime_date": "2026-02-30"},
    {"on_behalf_of": "Not A Member"},
    {"recipients": [{"member": "Not A Member"}]},
    {"recipients": [{"member": "aurora"}, {"member": "aurora"}]},
    {"exchange": "elsewhere.example/ledger"},
    {"tlp": "TLP_LEVEL_UNSPECIFIED"},
]
ODD_ENTRIES: dict[str, Any] = {
    "unknown field": lambda body: body.SerializeToString(deterministic=True) + b"\xf8\x07\x01",
    "no time": lambda body: _serialized(body, "received_time"),
    "audience out of order": lambda body: _serialized(body, "audience", ["b", "a"]),
    "audience named twice": lambda body: _serialized(body, "audience", ["a", "a"]),
    "to its own sender": lambda body: _serialized(body, "audience", [REGISTRAR]),
    "audience of nobody": lambda body: _serialized(body, "audience", ["Not A Member"]),
    "a state that is none": lambda body: _serialized(body, "case_state", "APPROVED"),
    "no envelope": lambda body: _serialized(body, "envelope"),
}


def _serialized(body: ledger_pb2.EntryBody, name: str, value: Any = None) -> bytes:
    made = ledger_pb2.EntryBody.FromString(body.SerializeToString())
    made.ClearField(name)
    if isinstance(value, list):
        getattr(made, name).extend(value)
    elif value is not None:
        setattr(made, name, value)
    return made.SerializeToString(deterministic=True)


@dataclass(kw_only=True)
class Both:
    """One history, as both sides have it."""

    ledger: Ledger = field(default_factory=Ledger)
    passed_over: list[int] = field(default_factory=list)
    moments: dict[int, Any] = field(default_factory=dict)
    _why: str = ""

    def __post_init__(self) -> None:
        pins = {"origin": self.ledger.origin, "trust_domain": TRUST_DOMAIN, "address": "h:1"}
        self.verifier = Verifier(
            Exchange(
                **pins,
                genesis_digest=self.ledger.genesis_digest,
                log_key=self.ledger.log_vkey,
            )
        )
        genesis = signed_header(0, self.ledger.entries[0].body)
        self.directory = Directory.from_genesis(genesis.header)
        self.view = DirectoryView.begun(self.verifier, self._evidence(0))
        self.moments[1] = known_to_gateway(self.directory)

    def say(self, kind: str, facts: Any, sender: str, data: st.DataObject, **header: Any) -> bool:
        """Have something said and recorded; give whether both took it. They never differ."""
        body = directory_pb2.MemberEnrolmentBody() if kind == "MEMBER_ENROLMENT" else None
        payload = self.ledger.statement(kind, sender, facts=facts, body=body, **header)
        signed = envelope(payload, *self._signers(sender, data))
        self.ledger.append(signed, system=self._system(sender, data))
        return self.judge((kind, facts))

    def record_again(self, data: st.DataObject) -> bool:
        """Have something recorded that stands in the ledger before, as it was or made up anew."""
        old = data.draw(st.integers(0, self.ledger.size - 1))
        body = ledger_pb2.EntryBody.FromString(self.ledger.entries[old].body)
        odd = data.draw(st.sampled_from(["", "", "", "system", *ODD_ENTRIES]))
        if odd == "system":
            body.submitting_system = data.draw(SYSTEM)
        self.ledger.append_body(
            ODD_ENTRIES[odd](body) if odd in ODD_ENTRIES else self.ledger.entries[old].body
        )
        return self.judge((old, odd))

    def judge(self, what: object) -> bool:
        """Have both judge the newest entry; they take it both, or pass over it both."""
        index = self.ledger.size - 1
        newest = self.ledger.entries[-1]
        summary = entries.summarize(newest.body)
        # What the store cannot read as a statement of the directory is listed to nobody.
        newest.directory = summary is not None and summary.directory
        before, size = self.directory, index + 1
        found = []
        try:
            found.append(signed_header(index, newest.body))
            before.draft().count(found[0])
            by_gateway = newest.directory
        except Refusal as refusal:
            self._why, by_gateway = str(refusal), False
        if newest.directory:
            self.directory = before.proven(found, size)
            shown = [self._evidence(index)]
        else:
            self.directory, shown = before.proven([], size), []
        assert by_gateway is (self.directory.counted != before.counted)
        links, misfits = len(self.view.links), len(self.view.misfits)
        self.view = self.view.extended(self.verifier, shown, size)
        by_client = len(self.view.links) > links
        assert by_gateway is by_client, (what, self._why, self.view.misfits[misfits:])
        assert (len(self.view.misfits) > misfits) is (bool(shown) and not by_client)
        if not by_client:
            self.passed_over.append(index)
        self.moments[size] = known_to_gateway(self.directory)
        assert known_to_client(self.view, size) == self.moments[size]
        return by_client

    def check_in_retrospect(self) -> None:
        """Both sides, made anew, are the same as grown, with and without what was passed over."""
        size = self.ledger.size
        page = listed(self.ledger.directory_page(page_size=1000))
        view = DirectoryView.of_chain(self.verifier, page, size)
        assert (view.members, view.eras) == (self.view.members, self.view.eras)
        assert [(each.evidence.index, each.reason) for each in view.misfits] == [
            (each.evidence.index, each.reason) for each in self.view.misfits
        ]
        counted = [each for each in page if each.index not in self.passed_over]
        without = DirectoryView.of_chain(self.verifier, counted, size)
        assert (without.members, without.eras) == (view.members, view.eras)
        assert without.misfits == ()
        for index, moment in self.moments.items():
            assert known_to_client(without, index) == known_to_client(view, index) == moment

        assert self._by_the_gateway(range(size)) == self.directory
        begun = Directory.from_genesis(signed_header(0, self.ledger.entries[0].body).header)
        kept = [signed_header(each.index, each.entry_body) for each in counted[1:]]
        assert begun.proven(kept, size) == self.directory

    def _by_the_gateway(self, indexes: range) -> Directory:
        """Have the gateway's own reader make the directory, from a store."""
        store = MemoryLedger()
        bodies = [self.ledger.entries[index].body for index in indexes]
        store.fold(
            [Entry(body=each, salt=bytes(32), judged_at=0, reads=(), writes=()) for each in bodies]
        )
        return Directories(store).now()

    def _evidence(self, index: int) -> Evidence:
        page = directory_service_pb2.ListDirectoryEntriesResponse(
            records=[self.ledger.record(index)], checkpoint=self.ledger.checkpoint()
        )
        return listed(page)[0]

    def _signers(self, sender: str, data: Any) -> list[Ed25519PrivateKey]:
        """Sign as the sender has to, but now and then with one key too few or any key."""
        own = [
            key(name)
            for name in KEYS
            if (record := self.directory.keys.get(keyid(key(name)))) is not None
            and record.member == sender
            and record.span.holds_at(self.ledger.size)
        ]
        needed = self.directory.quorum.threshold if sender == REGISTRAR else 1
        odd = data.draw(st.integers(0, 15))
        if odd == 0 or not own:
            return [data.draw(KEY)]
        return own[: max(1, needed - 1)] if odd == 1 else own[:needed]

    def _system(self, sender: str, data: Any) -> str:
        in_force = sorted(
            str(each)
            for each, span in self.directory.systems.items()
            if each.member == sender and span.holds_at(self.ledger.size)
        )
        if in_force and data.draw(st.integers(0, 15)):
            return in_force[0]
        drawn: str = data.draw(SYSTEM)
        return drawn


def likely(kind: str, both: Both, data: st.DataObject) -> Any:
    """Draw facts that follow from what there is, where there is such a thing."""
    directory, size = both.directory, both.ledger.size
    fresh = [each for each in KEYS if keyid(key(each)) not in directory.keys]
    facts: dict[str, list[Any]] = {
        "KEY_REGISTRATION": [
            directory_pb2.KeyRegistrationFacts(member=name, key=signing_key(key(each)))
            for name in list(KINDS)[:4]
            for each in fresh
        ],
        "KEY_REVOCATION": [
            directory_pb2.KeyRevocationFacts(
                member=record.member, key_id=each, reason="ENDING_REASON_OTHER"
            )
            for each, record in directory.keys.items()
            if record.span.holds_at(size)
        ],
        "SYSTEM_SUSPENSION": [
            directory_pb2.SystemSuspensionFacts(
                member=each.member, system=str(each), reason="ENDING_REASON_OTHER"
            )
            for each in directory.systems
        ],
        "SYSTEM_REGISTRATION": [
            directory_pb2.SystemRegistrationFacts(member=name, system=system(name, desk))
            for name in directory.members
            for desk in ("desk", "desk-b")
        ],
        "MEMBER_REINSTATEMENT": [
            directory_pb2.MemberReinstatementFacts(member=name)
            for name in directory.members
            if directory.active(name) is None
        ],
        "MEMBER_SUCCESSION": [
            directory_pb2.MemberSuccessionFacts(predecessor=one, successor=other)
            for one, other in (("aurora", "borealis"), ("borealis", "aurora"))
        ],
        "REGISTRAR_SUCCESSION": [
            directory_pb2.RegistrarSuccessionFacts(
                keys=[signing_key(key(each)) for each in (kept, *fresh[:2])], quorum=quorum
            )
            for kept in KEYS[5:8]
            for quorum in (1, 2)
        ],
    }
    found = facts.get(kind)
    return data.draw(st.sampled_from(found)) if found else data.draw(FACTS[kind])


def known_to_gateway(directory: Directory) -> Any:
    """What the gateway's directory says of everybody."""
    return {
        str(name): (
            member.kind.value,
            directory.active(name) is not None,
            {
                keyid
                for keyid, record in directory.keys.items()
                if record.member == name and record.span.holds_at(directory.size)
            },
            {
                str(each)
                for each, span in directory.systems.items()
                if each.member == name and span.holds_at(directory.size)
            },
            directory.quorum.threshold if name == directory.registrar else 1,
        )
        for name, member in directory.members.items()
    }


def known_to_client(view: DirectoryView, size: int) -> Any:
    """What the client's directory says of everybody just before an index."""

    def members() -> Iterator[tuple[str, Any]]:
        for name, member in view.members.items():
            if member.span.after >= size:
                continue
            keys, quorum = set(member.keys_at(size)), 1
            if name == view.registrar:
                (era,) = (each for each in view.eras if each.span.covers(size))
                keys, quorum = set(era.keys), era.quorum
            systems = set(member.systems_at(size))
            yield name, (member.kind, member.active_at(size), keys, systems, quorum)

    return dict(members())


def first_members() -> Both:
    """A history that begins with four members, so that there is something to change."""
    both = Both()
    for number, (name, kind) in enumerate(list(KINDS.items())[:4]):
        facts = directory_pb2.MemberEnrolmentFacts(
            member=name,
            kind=f"MEMBER_KIND_{kind.upper()}",
            profile=directory_pb2.MemberProfile(
                display_name=name, agency_type="AGENCY_TYPE_CIVIL" if kind == "agency" else None
            ),
            keys=[signing_key(key(f"key {number}"))],
            systems=[system(name)],
        )
        payload = both.ledger.statement(
            "MEMBER_ENROLMENT", REGISTRAR, facts=facts, body=directory_pb2.MemberEnrolmentBody()
        )
        signers = both.ledger.registrar_keys[:2]
        both.ledger.append(envelope(payload, *signers), system=both.ledger.registrar.system)
        assert both.judge(name)
    return both


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_both_sides_agree_at_every_index_of_any_history(data: st.DataObject) -> None:
    both = first_members() if data.draw(st.integers(0, 7)) else Both()
    for _ in range(data.draw(st.integers(5, 25))):
        if data.draw(st.integers(0, 4)) == 0:
            taken = both.record_again(data)
            event(f"recorded again, {'taken' if taken else 'passed over'}")
            continue
        silent = any(
            member.standing is Standing.SUSPENDED for member in both.directory.members.values()
        )
        kind = data.draw(st.sampled_from([*FACTS, *["MEMBER_REINSTATEMENT"] * (8 * silent)]))
        anything = data.draw(st.integers(0, 3)) == 0
        facts = data.draw(FACTS[kind]) if anything else likely(kind, both, data)
        names = [getattr(facts, "member", "aurora")] if kind in OWN else [REGISTRAR]
        sender = data.draw(st.sampled_from([*names * 8, REGISTRAR, "aurora", "borealis"]))
        odd = data.draw(st.sampled_from([*[{}] * 24, *ODD_HEADERS]))
        taken = both.say(kind, facts, sender, data, **odd)
        event(f"{kind} {'taken' if taken else 'passed over'}")
    both.check_in_retrospect()


LIFTED = directory_pb2.MemberReinstatementFacts(member="aurora")
BARRED = directory_pb2.MemberSuspensionFacts(member="aurora", reason="ENDING_REASON_OTHER")


def direct(both: Both, kind: str, facts: Any) -> bool:
    both.ledger.direct(kind, facts)
    return both.judge(kind)


def test_a_replayed_reinstatement_counts_once_on_both_sides() -> None:
    both = first_members()
    assert direct(both, "MEMBER_SUSPENSION", BARRED)
    assert direct(both, "MEMBER_REINSTATEMENT", LIFTED)
    lifted = both.ledger.entries[-1].body
    assert direct(both, "MEMBER_SUSPENSION", BARRED)
    both.ledger.append_body(lifted)
    assert not both.judge("the old reinstatement")
    assert both.directory.active(MemberId("aurora")) is None
    both.check_in_retrospect()


def test_a_copy_that_came_first_and_did_not_fit_does_not_take_the_place_of_the_real_one() -> None:
    both = first_members()
    both.ledger.direct("MEMBER_SUSPENSION", BARRED)
    real = both.ledger.entries.pop().body
    copied = ledger_pb2.EntryBody.FromString(real)
    copied.submitting_system = system("borealis")
    both.ledger.append_body(copied.SerializeToString(deterministic=True))
    assert not both.judge("the suspension, by a system of somebody else")
    both.ledger.append_body(real)
    assert both.judge("the suspension itself")
    assert both.directory.active(MemberId("aurora")) is None
    both.check_in_retrospect()


@pytest.mark.parametrize("odd", [*map(str, range(len(ODD_HEADERS))), *ODD_ENTRIES])
def test_an_odd_form_is_passed_over_by_both(odd: str) -> None:
    both = first_members()
    header = ODD_HEADERS[int(odd)] if odd.isdigit() else {}
    payload = both.ledger.statement("MEMBER_SUSPENSION", REGISTRAR, facts=BARRED, **header)
    both.ledger.append(
        envelope(payload, *both.ledger.registrar_keys[:2]), system=both.ledger.registrar.system
    )
    if odd in ODD_ENTRIES:
        body = ledger_pb2.EntryBody.FromString(both.ledger.entries.pop().body)
        both.ledger.append_body(ODD_ENTRIES[odd](body))
    assert not both.judge(odd)
    assert both.directory.active(MemberId("aurora")) is not None
    assert direct(both, "MEMBER_SUSPENSION", BARRED)
    both.check_in_retrospect()
