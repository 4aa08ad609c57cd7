"""The gateway's directory and the client's: two implementations, one answer at every index.

Random histories of directory statements, some of which do not follow, are not signed as they have
to be or come from a foreign system. Both judge each one alike, and the exchange records what both
take; after each, members, keys, systems and quorum are the same on both sides, also in retrospect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import event, given, settings
from hypothesis import strategies as st

from forewarn.exchange.v1 import directory_service_pb2
from forewarn.statement.v1 import directory_pb2
from forewarn_client.directory import DirectoryView, listed
from forewarn_client.errors import VerificationError
from forewarn_client.join import Exchange
from forewarn_client.records import Evidence
from forewarn_client.verifier import Verifier
from gateway.core.chain import SignedHeader
from gateway.core.directory import Directory
from gateway.core.errors import Refusal
from gateway.core.members import Standing
from gateway.wire import entries, statements
from tests.world.ledger_builder import (
    TRUST_DOMAIN,
    Ledger,
    envelope,
    keyid,
    seed,
    signing_key,
)

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


@dataclass(kw_only=True)
class Both:
    """One history, as both sides have it."""

    ledger: Ledger = field(default_factory=Ledger)
    taken: list[SignedHeader] = field(default_factory=list)
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
        self.directory = Directory.from_genesis(self._signed().header)
        self.view = DirectoryView.begun(self.verifier, self._evidence())
        self.moments[1] = known_to_gateway(self.directory)

    def say(self, kind: str, facts: Any, sender: str, data: st.DataObject) -> bool:
        """Have something said; give whether both took it. They never differ."""
        body = directory_pb2.MemberEnrolmentBody() if kind == "MEMBER_ENROLMENT" else None
        payload = self.ledger.statement(kind, sender, facts=facts, body=body)
        signed = envelope(payload, *self._signers(sender, data))
        self.ledger.append(signed, system=self._system(sender, data), directory=True)
        by_gateway, by_client = self._gateway(), self._client()
        assert (by_gateway is None) == (by_client is None), (kind, facts, self._why)
        if by_gateway is None or by_client is None:
            self.ledger.entries.pop()
            return False
        self.directory, self.view = by_gateway, by_client
        size = self.ledger.size
        self.moments[size] = known_to_gateway(self.directory)
        assert known_to_client(self.view, size) == self.moments[size]
        return True

    def check_in_retrospect(self) -> None:
        """Both sides, made anew, are the same as grown; the client still knows every moment."""
        genesis = statements.parse(entries.envelope_of(self.ledger.entries[0].body).payload)
        size = self.ledger.size
        anew = Directory.from_genesis(genesis.header).proven(self.taken, size)
        assert anew == self.directory
        page = self.ledger.directory_page(page_size=1000)
        view = DirectoryView.of_chain(self.verifier, listed(page), size)
        assert view.members == self.view.members
        for index, moment in self.moments.items():
            assert known_to_client(view, index) == moment

    def _gateway(self) -> Directory | None:
        try:
            signed = self._signed()
        except Refusal as refusal:
            self._why = str(refusal)
            return None
        grown = self.directory.proven([signed], signed.index + 1)
        try:
            self.directory.draft().verify(signed)
            self.directory.check(signed.header)
        except Refusal as refusal:
            self._why = str(refusal)
            # Found in the ledger all the same, it is passed over.
            assert grown == replace(self.directory, size=signed.index + 1)
            return None
        self.taken.append(signed)
        return grown

    def _client(self) -> DirectoryView | None:
        try:
            return self.view.extended(self.verifier, [self._evidence()], self.ledger.size)
        except VerificationError as error:
            self._why += f" | {error}"
            return None

    def _signed(self) -> SignedHeader:
        index = self.ledger.size - 1
        body = self.ledger.entries[index].body
        made = entries.envelope_of(body)
        return SignedHeader(
            index=index,
            header=statements.parse(made.payload).header,
            envelope=made,
            system=entries.system_of(body),
        )

    def _evidence(self) -> Evidence:
        page = directory_service_pb2.ListDirectoryEntriesResponse(
            records=[self.ledger.record(self.ledger.size - 1)], checkpoint=self.ledger.checkpoint()
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
        both.ledger.append(
            envelope(payload, *signers), system=both.ledger.registrar.system, directory=True
        )
        directory, view = both._gateway(), both._client()
        assert directory is not None
        assert view is not None
        both.directory, both.view = directory, view
    return both


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_both_sides_agree_at_every_index_of_any_history(data: st.DataObject) -> None:
    both = first_members() if data.draw(st.integers(0, 7)) else Both()
    for _ in range(data.draw(st.integers(5, 25))):
        silent = any(
            member.standing is Standing.SUSPENDED for member in both.directory.members.values()
        )
        kind = data.draw(st.sampled_from([*FACTS, *["MEMBER_REINSTATEMENT"] * (8 * silent)]))
        anything = data.draw(st.integers(0, 3)) == 0
        facts = data.draw(FACTS[kind]) if anything else likely(kind, both, data)
        names = [getattr(facts, "member", "aurora")] if kind in OWN else [REGISTRAR]
        sender = data.draw(st.sampled_from([*names * 8, REGISTRAR, "aurora", "borealis"]))
        taken = both.say(kind, facts, sender, data)
        event(f"{kind} {'taken' if taken else 'refused'}")
    both.check_in_retrospect()
