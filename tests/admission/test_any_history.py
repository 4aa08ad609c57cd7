"""Any history: random members say random things, are suspended, try again; the gateway restarts.

* A model beside the exchange knows only who said what to whom, who is suspended, and which index
  was answered. It knows no table: what the exchange refuses, it may; what it takes in has to fit.
* *Acknowledged implies recorded once*: an answered statement has that index for ever, and no other.
* *Delivered implies entitled*: exactly the sender and those whom the statement was addressed to can
  read it; a suspended member says nothing.
* The blocks of the history, folded anew, give the same tree.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from forewarn.statement.v1 import grant_pb2
from gateway.core.errors import Reason, Refusal
from gateway.core.statements import Kind
from gateway.core.tables import OPENINGS, TABLES, Protocol, State
from gateway.ledger.store import Store
from gateway.ports.blocks import StreamMessage
from gateway.ports.reading import Box
from gateway.wire.entries import summarize
from tests.world import samples
from tests.world.actors import ORIGIN, Actor, Draft, To, sector
from tests.world.budget import examples
from tests.world.store_ledger import StoreLedger
from tests.world.world import Recorded, World

MEMBERS = 9
BANKS = {"harbor-bank", "quay-bank"}
WAYS = sorted({row.kind for rows in TABLES.values() for row in rows})

member = st.integers(min_value=0, max_value=MEMBERS - 1)
members = st.lists(member, min_size=1, max_size=3, unique=True)
pick = st.integers(min_value=0, max_value=10**6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A statement that was answered, and who may read it."""

    draft: Draft
    index: int
    audience: frozenset[str]


class History(RuleBasedStateMachine):
    """One exchange over a real store, and the model beside it."""

    template: Path
    """A store in which every member is enrolled."""
    written = 0
    """How many statement ids the template has used."""

    @initialize()
    def begin(self) -> None:
        self.place = TemporaryDirectory()
        self.folder = Path(self.place.name)
        shutil.copy(self.template / "ledger.db", self.folder)
        self.world = World(StoreLedger(self.folder)).__enter__()
        self.world.pen.written = self.written
        self.first = self.world.size
        self.kept: list[Kept] = []
        self.cases: list[Recorded] = []
        self.suspended: set[str] = set()
        self.version = 1

    # What members say.

    @rule(sender=member, to=members, kind=st.sampled_from(sorted(OPENINGS)))
    def open(self, sender: int, to: list[int], kind: Kind) -> None:
        recipients = [self.world.members[n] for n in to]
        self.try_to_open(self.opener(self.world.members[sender], kind, recipients), recipients)

    @rule(way=pick)
    def open_as_the_table_says(self, way: int) -> None:
        random = Random(way)
        for kind in random.sample(sorted(OPENINGS), 3):
            active = [each for each in self.world.members if each.id not in self.suspended]
            senders = [each for each in active if each.kind in OPENINGS[kind].senders]
            takers = [each for each in active if each.kind in OPENINGS[kind].recipients]
            if senders and takers:
                recipients = random.sample(takers, min(len(takers), random.choice([1, 2])))
                self.try_to_open(self.opener(random.choice(senders), kind, recipients), recipients)

    @rule(sender=member)
    def warn_a_sector(self, sender: int) -> None:
        draft = self.world.members[sender].alert(sector("financial-services"))
        self.take(draft, frozenset(BANKS - self.suspended), opens=True)

    @precondition(lambda self: self.cases)
    @rule(way=pick, sender=member, kind=st.sampled_from(WAYS), to=members)
    def say(self, way: int, sender: int, kind: Kind, to: list[int]) -> None:
        case = self.cases[way % len(self.cases)]
        recipients = [self.world.members[n] for n in to]
        self.try_to_say(case, self.world.members[sender], kind, recipients)

    @precondition(lambda self: self.cases)
    @rule(way=pick, steps=st.integers(min_value=1, max_value=6))
    def go_on_as_the_table_says(self, way: int, steps: int) -> None:
        random = Random(way)
        for _ in range(steps):
            self.go_on(random.choice(self.cases), random)

    # Whoever tries again, and whoever tries more.

    @precondition(lambda self: self.kept)
    @rule(way=pick)
    def the_same_again(self, way: int) -> None:
        kept = self.kept[way % len(self.kept)]
        if kept.draft.actor.id in self.suspended:
            with self.world.refused(Reason.MEMBER_INACTIVE):
                self.world.submit(kept.draft)
        else:
            size = self.world.size
            assert self.world.submit(kept.draft).index == kept.index
            assert self.world.size == size

    @precondition(lambda self: self.kept)
    @rule(way=pick)
    def another_under_the_same_id(self, way: int) -> None:
        kept = self.kept[way % len(self.kept)]
        header = type(kept.draft.header)()
        header.CopyFrom(kept.draft.header)
        header.created_time.FromDatetime(self.world.pen.now - timedelta(seconds=1 + way))
        other = Draft(actor=kept.draft.actor, header=header, body=kept.draft.body)
        assert self.attempt(other) is None

    @precondition(lambda self: self.kept)
    @rule(way=pick, thief=member)
    def somebody_elses(self, way: int, thief: int) -> None:
        kept = self.kept[way % len(self.kept)]
        by = self.world.members[thief]
        if by.id != kept.draft.actor.id:
            assert self.attempt(kept.draft, by=by) is None

    @precondition(lambda self: len(self.cases) > 1)
    @rule(way=pick)
    def two_at_once(self, way: int) -> None:
        """Judged on the same ledger; whichever is recorded second is judged again."""
        case = self.cases[way % len(self.cases)]
        parties = sorted({case.summary.sender, *case.summary.audience} - self.suspended)
        if len(parties) > 1:
            first, second = (self.world.named(parties[(way + n) % len(parties)]) for n in (0, 1))
            between = self.world.reply(case, first, Kind.ACKNOWLEDGEMENT, second)
            self.world.meanwhile(between)
            self.try_to_say(case, second, Kind.ACKNOWLEDGEMENT, [first])
            # Where the second was refused at once, nothing came in between.
            self.world.ledger.meanwhile.clear()
            self.look_for(between, frozenset({second.id}))

    # What happens around them.

    @rule(who=member)
    def suspend(self, who: int) -> None:
        actor = self.world.members[who]
        done = self.attempt(self.world.registrar.suspend(actor)) is not None
        assert done == (actor.id not in self.suspended)
        self.suspended.add(actor.id)

    @precondition(lambda self: self.suspended)
    @rule(way=pick)
    def reinstate(self, way: int) -> None:
        name = sorted(self.suspended)[way % len(self.suspended)]
        draft = self.world.registrar.reinstate(self.world.named(name))
        assert self.attempt(draft) is not None
        self.suspended.discard(name)

    @rule(minutes=st.integers(min_value=1, max_value=60 * 24 * 10))
    def pass_time(self, minutes: int) -> None:
        self.world.pass_time(timedelta(minutes=minutes))

    @rule()
    def restart(self) -> None:
        now, written = self.world.pen.now, self.world.pen.written
        self.world.__exit__()
        self.world = World(StoreLedger(self.folder)).__enter__()
        self.world.pen.now, self.world.pen.written = now, written

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.check_recorded_once()
            self.check_entitled()
            self.check_replay()
        finally:
            self.world.__exit__()
            self.place.cleanup()

    # The checks.

    def check_recorded_once(self) -> None:
        recorded = [self.world.read(index) for index in range(self.first, self.world.size)]
        by_digest = {each.digest: each.index for each in recorded}
        assert len(by_digest) == len(recorded)
        for kept in self.kept:
            assert by_digest[kept.draft.digest] == kept.index
        directory = [each for each in recorded if each.summary.directory]
        assert len(directory) + len(self.kept) == len(recorded)
        times = [each.received_time for each in recorded]
        assert times == sorted(times)

    def check_entitled(self) -> None:
        with self.world.ledger.snapshot() as snapshot:
            for kept in self.kept:
                mine = {kept.draft.actor.id, *kept.audience}
                for each in self.world.members:
                    assert snapshot.readable(kept.index, each.id) == (each.id in mine)
        for each in self.world.members:
            received = [kept.index for kept in self.kept if each.id in kept.audience]
            assert self.world.inbox(each) == sorted(received)
            sent = [kept.index for kept in self.kept if kept.draft.actor.id == each.id]
            assert self.world.inbox(each, Box.SENT) == sorted(sent)

    def check_replay(self) -> None:
        with closing(sqlite3.connect(self.folder / "ledger.db")) as store:
            blocks = store.execute("SELECT sequence, message FROM block ORDER BY sequence")
            messages = [StreamMessage(sequence=n, message=bytes(m)) for n, m in blocks]
        with TemporaryDirectory() as again:
            path = Path(again) / "ledger.db"
            Store.create(path, ORIGIN)
            with closing(Store.open(path, ORIGIN, summarize=summarize)) as replayed:
                for message in messages:
                    replayed.fold(message)
                head = replayed.head()
        assert (head.size, head.root) == (self.world.size, self.world.ledger.root())

    # The hands of the rules.

    def go_on(self, case: Recorded, random: Random) -> None:
        """Try what the table allows in the case's state, until something is taken in."""
        rows = TABLES[Protocol(OPENINGS[Kind(case.summary.kind)].protocol)]
        state = State(self.world.state(case))
        parties = sorted({case.summary.sender, *case.summary.audience})
        ways = [(row, name) for row in rows if state in row.states for name in parties]
        for row, name in random.sample(ways, min(len(ways), 10)):
            others = [self.world.named(other) for other in parties if other != name]
            if self.try_to_say(case, self.world.named(name), row.kind, others):
                return

    def opener(self, sender: Actor, kind: Kind, recipients: list[Actor]) -> Draft:
        to: list[To] = list(dict.fromkeys(recipients))
        if kind is Kind.MODEL_ACCESS_GRANT:
            facts = samples.terms(str(recipients[0].system))
            return sender.say(kind, *to, facts=facts)
        if kind is Kind.EARLY_ACCESS_APPLICATION:
            return sender.apply_for_access(recipients[0])
        return sender.say(kind, *to)

    def try_to_open(self, draft: Draft, recipients: list[Actor]) -> None:
        named = {each.member for each in draft.header.recipients}
        accepted = self.take(draft, frozenset(named - {draft.actor.id}), opens=True)
        # Nobody who is suspended is told anything new.
        assert not (accepted and named & self.suspended)
        assert named <= {each.id for each in recipients}

    def try_to_say(self, case: Recorded, sender: Actor, kind: Kind, to: list[Actor]) -> bool:
        more: dict[str, Any] = {}
        if kind in {Kind.MODEL_ACCESS_GRANT, Kind.GRANT_NARROWING}:
            self.version += 1
            more["facts"] = samples.terms(str(to[0].system), version=self.version)
        if kind is Kind.GRANT_NARROWING:
            more["facts"] = grant_pb2.GrantNarrowingFacts(grant=more["facts"])
        draft = self.world.reply(case, sender, kind, *to, **more)
        named = {each.member for each in draft.header.recipients}
        taken = self.take(draft, frozenset(named - {sender.id}))
        assert not taken or named | {sender.id} <= {case.summary.sender, *case.summary.audience}
        return taken

    def take(self, draft: Draft, audience: frozenset[str], *, opens: bool = False) -> bool:
        """Hand in, and keep what is answered; tell whether it was taken in."""
        recorded = self.attempt(draft)
        if recorded is None:
            return False
        assert draft.actor.id not in self.suspended
        assert set(recorded.body.audience) == audience
        self.kept.append(Kept(draft=draft, index=recorded.index, audience=audience))
        if opens:
            self.cases.append(recorded)
        return True

    def look_for(self, draft: Draft, audience: frozenset[str]) -> None:
        """Keep what was recorded without an answer."""
        with self.world.ledger.snapshot() as snapshot:
            found = snapshot.by_digest(draft.digest)
        if found is not None:
            self.kept.append(Kept(draft=draft, index=found.index, audience=audience))

    def attempt(self, draft: Draft, by: Actor | None = None) -> Recorded | None:
        """Hand in; a refusal records nothing, and a fault would be a failure."""
        alone = not self.world.ledger.meanwhile
        before = (self.world.size, self.world.ledger.root())
        try:
            return self.world.submit(draft, by=by)
        except Refusal:
            assert not alone or before == (self.world.size, self.world.ledger.root())
            return None


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("template")
    with World(StoreLedger(folder)) as world:
        History.written = world.pen.written
    History.template = folder


TestAnyHistory = History.TestCase
TestAnyHistory.settings = settings(deadline=None, max_examples=examples(15), stateful_step_count=30)
