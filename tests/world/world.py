"""A world: an exchange in memory with its members, so that a test reads like the story it checks.

    with World() as world:
        notice = world.submit(world.aurora.notice(world.civil))
        world.submit(world.civil.say(Kind.ACKNOWLEDGEMENT, world.aurora, case=notice.digest))
        assert world.state(notice) == "ACKNOWLEDGED"
        with world.refused(Reason.CASE_WRONG_STATE):
            world.submit(world.reply(notice, world.civil, Kind.ACKNOWLEDGEMENT))

* Everything goes the way of the gateway: signed bytes through `gateway.admission`, over the ledger
  in memory (or any other, given to `World`).
* `refused` also checks that nothing was recorded: same size, same root.
* Time stands still unless `pass_time` is called; salts are counted, keys made from names.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest
from google.protobuf.message import Message

from forewarn.exchange.v1 import envelope_pb2, ledger_pb2
from forewarn.statement.v1 import directory_pb2, header_pb2
from gateway import profiles
from gateway.admission.admit import Admission
from gateway.admission.directories import Directories
from gateway.admission.genesis import genesis_entry, open_genesis
from gateway.admission.submission import Submission
from gateway.core.directory import Directory
from gateway.core.entry import EntrySummary
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.identity import MemberKind
from gateway.core.statements import Kind
from gateway.ports.reading import Box, MemberQuery
from tests.world.actors import ORIGIN, TRUST_DOMAIN, Actor, Draft, Pen, To, make_key, signing_key
from tests.world.memory_ledger import MemoryLedger
from tests.world.store_ledger import StoreLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An entry, taken apart."""

    index: int
    body: ledger_pb2.EntryBody
    header: header_pb2.Header
    summary: EntrySummary

    @property
    def digest(self) -> bytes:
        return self.summary.digest

    @property
    def received_time(self) -> datetime:
        return self.body.received_time.ToDatetime(tzinfo=UTC)


def genesis_facts(registrar: Actor, quorum: int, /, **changes: Any) -> directory_pb2.GenesisFacts:
    """What a genesis says, on which every field can be changed."""
    stated: dict[str, Any] = {
        "trust_domain": TRUST_DOMAIN,
        "registrar": registrar.id,
        "keys": [signing_key(key) for key in registrar.keys],
        "quorum": quorum,
        "systems": [str(registrar.system)],
    }
    return directory_pb2.GenesisFacts(**(stated | changes))


class World:
    """An exchange and its members. Use it as a context manager."""

    def __init__(self, ledger: MemoryLedger | StoreLedger | None = None) -> None:
        self.pen = Pen()
        self.ledger = ledger if ledger is not None else MemoryLedger()
        self.policy = profiles.load()
        self.directories = Directories(self.ledger)
        self.admission = Admission(
            origin=ORIGIN,
            reader=self.ledger,
            directories=self.directories,
            policy=self.policy,
            recorder=self.ledger,
            salt=self._salt,
        )
        self._salts = 0
        self._runner = asyncio.Runner()
        self.registrar = self._actor(
            "exchange-registrar",
            MemberKind.REGISTRAR,
            keys=[make_key(f"registrar {number}") for number in (1, 2, 3)],
            signs_with=2,
        )
        self.aurora = self._actor("aurora", MemberKind.LAB)
        self.borealis = self._actor("borealis", MemberKind.LAB)
        desks = {"desks": ["notice", "incident"]}
        self.civil = self._actor(
            "civil-ai", MemberKind.AGENCY, profile={"agency_type": "AGENCY_TYPE_CIVIL", **desks}
        )
        self.natsec = self._actor(
            "natsec-ai",
            MemberKind.AGENCY,
            profile={"agency_type": "AGENCY_TYPE_NATIONAL_SECURITY", **desks},
        )
        banks = {"sectors": ["financial-services"], "communities": ["fin-sharing"]}
        self.harbor = self._actor("harbor-bank", MemberKind.OPERATOR, profile=banks)
        self.quay = self._actor("quay-bank", MemberKind.OPERATOR, profile=banks)
        self.mercy = self._actor(
            "mercy-hospital", MemberKind.OPERATOR, profile={"sectors": ["healthcare"]}
        )
        self.isac = self._actor(
            "fin-isac",
            MemberKind.RELAY,
            profile={"clients": ["harbor-bank"], "communities": ["fin-sharing"]},
        )
        self.witness = self._actor("night-watch", MemberKind.WITNESS)

    @classmethod
    def beside(cls, world: World) -> World:
        """Make a second worker over the same ledger, with the same members and the same clock."""
        other = cls(world.ledger)
        other.pen.now, other.pen.written = world.pen.now, world.pen.written
        return other

    @property
    def members(self) -> tuple[Actor, ...]:
        """All but the registrar, in the order of their enrolment."""
        return (
            self.aurora,
            self.borealis,
            self.civil,
            self.natsec,
            self.harbor,
            self.quay,
            self.mercy,
            self.isac,
            self.witness,
        )

    def __enter__(self) -> Self:
        if self.size:
            return self
        genesis = self.registrar.say(Kind.GENESIS, facts=genesis_facts(self.registrar, 2))
        entry = genesis_entry(
            open_genesis(genesis.envelope), received_time=self.pen.now, salt=self._salt()
        )
        self.ledger.fold([entry])
        for member in self.members:
            self.submit(self.registrar.enrol(member))
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()
        self.ledger.close()

    @property
    def size(self) -> int:
        """Size of the ledger."""
        with self.ledger.snapshot() as snapshot:
            return snapshot.size

    @property
    def blocks(self) -> int:
        """How many blocks the ledger in memory was folded from."""
        with self.ledger.snapshot() as snapshot:
            count = 0
            while snapshot.block_at(count + 1) is not None:
                count += 1
        return count

    @property
    def directory(self) -> Directory:
        """The directory as it stands."""
        return self.directories.now()

    def pass_time(self, time: timedelta) -> None:
        """Let time pass, for the gateway and for everyone."""
        self.pen.now += time

    def submit(self, draft: Draft, *, by: Actor | None = None) -> Recorded:
        """Hand in what a member says, from its own system or from another member's."""
        return self.hand_in(draft.envelope, by=by or draft.actor)

    def hand_in(self, envelope: bytes, *, by: Actor) -> Recorded:
        """Hand in any bytes from a member's system."""
        return self.read(self.run(self.admission.submit(self._submission(envelope, by))))

    def race(self, *drafts: Draft) -> list[Recorded | Refusal | Fault]:
        """Hand in many at once. All are judged on the same ledger, and stand in one block."""
        ledger = self.ledger
        assert isinstance(ledger, MemoryLedger)
        ledger.together = len(drafts)

        async def hand_in(draft: Draft) -> int:
            try:
                return await self.admission.submit(self._submission(draft.envelope, draft.actor))
            except Refusal:
                ledger.expect_fewer()
                raise

        async def together() -> list[int | BaseException]:
            return await asyncio.gather(*map(hand_in, drafts), return_exceptions=True)

        results: list[Recorded | Refusal | Fault] = []
        for outcome in self.run(together()):
            if isinstance(outcome, int):
                results.append(self.read(outcome))
            elif isinstance(outcome, Refusal | Fault):
                results.append(outcome)
            else:
                raise outcome
        return results

    def meanwhile(self, draft: Draft) -> None:
        """Have something recorded between the next judgement and its own recording."""

        async def hand_in() -> None:
            await self.admission.submit(self._submission(draft.envelope, draft.actor))

        self.ledger.meanwhile.append(hand_in)

    @contextmanager
    def refused(self, reason: Reason, field: str = "") -> Iterator[None]:
        """Expect a refusal, of a field where one is given, and nothing recorded."""
        before = (self.size, self.ledger.root())
        with pytest.raises(Refusal) as caught:
            yield
        assert caught.value.reason is reason, caught.value
        if field:
            assert [violation.field for violation in caught.value.violations] == [field]
        assert (self.size, self.ledger.root()) == before

    def read(self, index: int) -> Recorded:
        """Read an entry."""
        with self.ledger.snapshot() as snapshot:
            stored = snapshot.by_index(index)
        assert stored is not None
        assert stored.summary is not None
        body = ledger_pb2.EntryBody.FromString(stored.body)
        envelope = envelope_pb2.Envelope.FromString(body.envelope)
        statement = header_pb2.Statement.FromString(envelope.payload)
        header = header_pb2.Header.FromString(statement.header)
        return Recorded(index=index, body=body, header=header, summary=stored.summary)

    def reply(
        self,
        case: Recorded,
        sender: Actor,
        kind: Kind,
        *to: To,
        facts: Message | None = None,
        **fields: Any,
    ) -> Draft:
        """Write a statement in a case, to all of its other parties unless some are named.

        It refers to the newest version in the case (the notice, the offer, the alert).
        """
        parties = {case.summary.sender, *case.summary.audience} - {sender.id}
        recipients = to or [self.named(name) for name in sorted(parties)]
        fields.setdefault("refers_to", (self._newest(case, kind),))
        return sender.say(kind, *recipients, case=case.digest, facts=facts, **fields)

    def update(self, member: Actor, **profile: Any) -> Draft:
        """Have the registrar change what the directory says of a member."""
        stated = {"display_name": member.id, **member.profile, **profile}
        facts = directory_pb2.MemberUpdateFacts(
            member=member.id, profile=directory_pb2.MemberProfile(**stated)
        )
        return self.registrar.say(Kind.MEMBER_UPDATE, facts=facts)

    def succession(self, *names: str, quorum: int) -> Draft:
        """Have the registrar name its next keys."""
        facts = directory_pb2.RegistrarSuccessionFacts(
            keys=[signing_key(make_key(name)) for name in names], quorum=quorum
        )
        return self.registrar.say(Kind.REGISTRAR_SUCCESSION, facts=facts)

    def stranger(self, name: str, kind: MemberKind = MemberKind.LAB) -> Actor:
        """Make somebody who is not enrolled."""
        return self._actor(name, kind)

    def named(self, name: str) -> Actor:
        """Find a member by its id."""
        return next(member for member in self.members if member.id == name)

    def state(self, case: Recorded) -> str:
        """Give the state of a case."""
        with self.ledger.snapshot() as snapshot:
            row = snapshot.case(case.digest)
        assert row is not None
        return row.state

    def inbox(self, member: Actor, box: Box = Box.RECEIVED) -> list[int]:
        """Name the entries that were delivered to a member."""
        query = MemberQuery(
            member=member.id, box=box, after=-1, limit=10_000, before_size=self.size
        )
        with self.ledger.snapshot() as snapshot:
            return [entry.index for entry in snapshot.member_entries(query)]

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """Run something on this world's event loop."""

        async def run() -> Any:
            return await awaitable

        return self._runner.run(run())

    def _submission(self, envelope: bytes, by: Actor) -> Submission:
        return Submission(envelope=envelope, system=by.system, received_time=self.pen.now)

    def _newest(self, case: Recorded, kind: Kind) -> bytes:
        versions = {
            Kind.PRE_RELEASE_NOTICE,
            Kind.NOTICE_AMENDMENT,
            Kind.COVERAGE_REQUEST,
            Kind.COVERAGE_DETERMINATION,
            Kind.MODEL_ACCESS_GRANT,
            Kind.GRANT_NARROWING,
            Kind.ALERT,
            Kind.ALERT_UPDATE,
        }
        wanted = {Kind.QUESTION} if kind is Kind.ANSWER else versions
        with self.ledger.snapshot() as snapshot:
            found = snapshot.case_entries(case.digest, sorted(wanted))
        newest = found[-1].summary if found else case.summary
        assert newest is not None
        return newest.digest

    def _actor(self, name: str, kind: MemberKind, **more: Any) -> Actor:
        return Actor(id=name, kind=kind, pen=self.pen, **more)

    def _salt(self) -> bytes:
        self._salts += 1
        return hashlib.sha256(self._salts.to_bytes(8, "big")).digest()
