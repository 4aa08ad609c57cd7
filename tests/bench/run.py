"""One run: an exchange made in a folder, filled, measured round by round, and ended.

* The gateway and its nats-server are processes of their own; this one is the load generator.
* Floors and figures alternate, round by round; so do the engines, alone and together, and receipts
  with and without witnesses. What needs a large ledger is in `large`.
* At the end a sample of all answers is verified, and the number of entries is compared with the
  number of answers: nothing counted that was not recorded, nothing was recorded twice.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import grpc

from forewarn.exchange.v1 import audit_service_pb2 as audit_pb
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn_client.records import Evidence
from gateway.ledger.stream import JetStreamAppender
from tests.bench import engines, floors, processes, proofs, statements, watched
from tests.bench.callers import (
    AUDIT,
    ECHO,
    ECHO_STREAM,
    STREAM,
    SUBMIT,
    Answered,
    Followers,
    call_all,
    connect,
    connected,
    pull,
    stream_all,
)
from tests.bench.figures import Round
from tests.bench.plan import CALLERS, LANES, WINDOW, Plan
from tests.world.ledger_builder import Party
from tests.world.live import Live

_MS: Final = 1000.0
_MIB: Final = 1 << 20
_KEEP_EVERY: Final = 100
_CHUNK: Final = 4000


@dataclass(slots=True, kw_only=True)
class Results:
    """What a run has found.

    Attributes:
        rounds: Values by round.
        loads: Load average of the machine before each round.
        verified: How many receipts and records were verified.
        entries: Size of the ledger at the end.
    """

    rounds: list[Round] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    verified: int = 0
    entries: int = 0


@dataclass(slots=True, kw_only=True)
class _Run:
    live: Live
    plan: Plan
    say: Callable[[str], None]
    banks: list[Party]
    channels: list[grpc.aio.Channel]
    agency: grpc.aio.Channel
    echo: list[grpc.aio.Channel]
    appender: JetStreamAppender
    reports: list[statements.Reports]
    followers: Followers
    engines: engines.Engines
    watched: watched.Watched
    pairs: dict[str, tuple[bytes, bytes]]
    sent: int = 0
    indexes: set[int] = field(default_factory=set)
    kept: list[Evidence] = field(default_factory=list)

    async def submit(self, count: int, lanes: int, callers: int) -> Answered:
        """Sign statements, then send them, and take note of the answers."""
        written = [
            [reports.write() for _ in range(count // lanes)] for reports in self.reports[:lanes]
        ]
        done = await call_all(zip(self.channels, written, strict=False), SUBMIT, callers)
        self.note(done.answers)
        return done

    def note(self, answers: list[bytes]) -> None:
        self.sent += len(answers)
        self.indexes.update(pb.SubmitResponse.FromString(each).receipt.index for each in answers)
        self.kept += proofs.of_submissions(answers[::_KEEP_EVERY])

    async def round(self) -> Round:
        """Measure everything once."""
        plan, folder = self.plan, self.live.folder
        payload = [bytes(statements.STATEMENT_BYTES)] * plan.small
        one = await call_all([(self.echo[0], payload)], ECHO, 1)
        share = [bytes(statements.STATEMENT_BYTES)] * (plan.many // LANES)
        many = await call_all([(each, share) for each in self.echo], ECHO, CALLERS // LANES)
        streamed = await stream_all([(each, share) for each in self.echo], ECHO_STREAM, WINDOW)
        found = {
            "floor_echo_one": median(one.latencies) * _MS,
            "floor_echo_64": many.rate,
            "floor_echo_stream": streamed.rate,
            "floor_verify": floors.verify(plan.small * 3),
            "floor_publish": median(await floors.publish(self.appender, plan.small)) * _MS,
            "floor_commit": median(await floors.commit(folder / "floor.db", plan.small)) * _MS,
        }
        single = await self.submit(plan.one, 1, 1)
        found["submit_one"] = median(single.latencies) * _MS
        found |= await self.watched.round(plan.one)
        found |= await self.engines.round(plan.blocks)
        found |= await self.many()
        found |= await self.streamed()
        found["alert"] = median([await self.alert() for _ in range(plan.alerts)]) * _MS
        question = pb.EntryFilter(box="BOX_RECEIVED", kinds=["STATEMENT_KIND_BREACH_REPORT"])
        pulled = await pull(self.agency, question, plan.pulled)
        self.kept += proofs.of_pages(pulled.answers[-1:], _KEEP_EVERY)
        found["pull"] = plan.pulled / pulled.seconds
        await self.check_audited()
        return found

    async def many(self) -> Round:
        """Measure 64 callers, and what every statement of theirs costs."""
        share = self.plan.many // LANES
        written = [[each.write() for _ in range(share)] for each in self.reports]
        lanes = zip(self.channels, written, strict=False)
        done, costs = await self._costing(call_all(lanes, SUBMIT, CALLERS // LANES))
        self.note(done.answers)
        return {
            "submit_64": done.rate,
            "submit_64_p50": median(done.latencies) * _MS,
            "submit_64_p99": quantiles(done.latencies, n=100)[98] * _MS,
            **costs,
        }

    async def streamed(self) -> Round:
        """Measure statements over streams, and what each of them costs."""
        share = self.plan.streamed // LANES
        written = [[each.write_tagged(tag) for tag in range(share)] for each in self.reports]
        lanes = zip(self.channels, written, strict=False)
        done, costs = await self._costing(stream_all(lanes, STREAM, WINDOW))
        self.note(list(proofs.of_stream(done.answers)))
        return {"stream": done.rate, **{f"{name}_stream": cost for name, cost in costs.items()}}

    async def _costing(self, load: Coroutine[Any, Any, Answered]) -> tuple[Answered, Round]:
        """Run a load, and give the processor time of each process for each of its answers."""
        assert self.live.process is not None
        before, own = processes.processor(self.live.process.pid), time.process_time()
        done = await load
        own = time.process_time() - own
        after = processes.processor(self.live.process.pid)
        nats = sum(after[name] - before[name] for name in after if name.startswith("nats"))
        gateway = sum(after.values()) - sum(before.values()) - nats
        return done, {
            name: seconds / len(done.answers) * _MS
            for name, seconds in (
                ("processor_gateway", gateway),
                ("processor_nats", nats),
                ("processor_load", own),
            )
        }

    async def check_audited(self) -> None:
        """See that what was pulled is in the audit log."""
        request = audit_pb.ListAuditEventsRequest(page_size=1).SerializeToString()
        call: Any = self.agency.unary_unary(AUDIT)
        events = audit_pb.ListAuditEventsResponse.FromString(await call(request)).records
        if not events:
            raise RuntimeError("reports left, and the audit log holds nothing of it")

    async def alert(self) -> float:
        """Send an alert, and give the seconds until the last stream had it."""
        request = statements.alert()
        self.followers.expect()
        begun = time.perf_counter()
        submit: Any = self.agency.unary_unary(SUBMIT)
        answer: bytes = await submit(request)
        last = await self.followers.delivered()
        self.note([answer])
        index = pb.SubmitResponse.FromString(answer).receipt.index
        all_delivered = [pb.FollowResponse.FromString(each) for each in self.followers.sample]
        for delivered in all_delivered:
            assert [record.index for record in delivered.records] == [index]
        one = all_delivered[0]
        self.kept.append(Evidence.of_record(one.records[0], one.checkpoint))
        return last - begun

    async def fill(self, size: int) -> None:
        """Submit until the ledger holds so many statements."""
        while self.sent < size:
            count = min(_CHUNK, -(-(size - self.sent) // LANES) * LANES)
            await self.submit(count, LANES, CALLERS // LANES)
            self.say(f"filled: {self.sent:,} statements")

    @asynccontextmanager
    async def rejoined(self) -> AsyncGenerator[None, None]:
        """Connect the callers anew, to a gateway that was started again."""
        parties = (statements.AGENCY, *self.banks[:LANES])
        self.agency, *self.channels = [
            connect(self.live.address, self.live.authority.bundle, self.pairs[each.member])
            for each in parties
        ]
        async with connected([self.agency, *self.channels]):
            yield

    async def verify(self) -> int:
        """Verify what was kept, and see that no index was given out twice."""
        assert len(self.indexes) == self.sent, "an index was given out twice"
        kept, self.kept = self.kept, []
        return await proofs.check(self.live.state / "exchange.toml", self.agency, kept)

    def memory(self) -> Round:
        """Measure the memory of the gateway's processes."""
        assert self.live.process is not None
        usage = processes.family(self.live.process.pid)
        return {"memory": sum(each.resident for each in usage.values()) / _MIB}


async def measure(folder: Path, plan: Plan, say: Callable[[str], None]) -> Results:
    """Make an exchange in an empty folder, and measure.

    Args:
        folder: The folder.
        plan: How much.
        say: Told how far it is.

    Returns:
        What was found.
    """
    results = Results()
    live = Live.make(folder)
    live.init()
    live.serve()
    try:
        async with _prepared(live, plan, say) as run:
            await run.fill(plan.pulled)
            for number in range(plan.rounds):
                results.loads.append(os.getloadavg()[0])
                results.rounds.append(await run.round())
                say(f"round {number + 1} of {plan.rounds}: {_brief(results.rounds[-1])}")
            results.rounds.append(run.memory())
            results.verified = await run.verify()
        for count in plan.workers:
            live.stop()
            live.serve("--workers", str(count))
            async with run.rejoined():
                for _ in range(plan.rounds):
                    found = await run.many() | await run.streamed()
                    found["memory"] = run.memory()["memory"]
                    results.rounds.append(
                        {f"{name}_workers_{count}": value for name, value in found.items()}
                    )
                say(f"{count} workers: {_brief(results.rounds[-1])}")
                results.verified += await run.verify()
        results.entries = max(run.indexes) + 1
    finally:
        if live.process is not None:
            live.stop()
    return results


@asynccontextmanager
async def _prepared(
    live: Live, plan: Plan, say: Callable[[str], None]
) -> AsyncGenerator[_Run, None]:
    """Enrol the members, open every connection and stream, and run what gives the floors."""
    banks = statements.operators(max(plan.streams, LANES))
    say(f"enrolling {len(banks) + 1} members")
    await asyncio.to_thread(live.enrol, statements.AGENCY, *banks)
    pairs = {
        each.member: live.authority.leaf([each.system]) for each in (statements.AGENCY, *banks)
    }
    bundle = live.authority.bundle

    def channels(address: str, who: Iterator[Party]) -> list[grpc.aio.Channel]:
        return [connect(address, bundle, pairs[each.member]) for each in who]

    tls = (live.folder / "gateway.crt", live.folder / "gateway.key", live.folder / "ca" / "ca.pem")
    floor = live.folder / "floor"
    floor.mkdir(mode=0o700)
    async with AsyncExitStack() as stack:
        address = stack.enter_context(floors.echo_server(*tls))
        senders = channels(live.address, islice(banks, LANES))
        streams = channels(live.address, iter(banks[: plan.streams]))
        (agency,) = channels(live.address, iter([statements.AGENCY]))
        echo = channels(address, islice(banks, LANES))
        await stack.enter_async_context(connected([*senders, *streams, agency, *echo]))
        appender = await stack.enter_async_context(floors.jetstream(floor))
        both = await stack.enter_async_context(engines.opened(live.folder / "engines"))
        witnessed = await stack.enter_async_context(watched.opened(live.folder / "watched"))
        followers = Followers(streams)
        await stack.enter_async_context(followers.open())
        yield _Run(
            live=live,
            plan=plan,
            say=say,
            banks=banks,
            channels=senders,
            agency=agency,
            echo=echo,
            appender=appender,
            reports=[statements.Reports(bank) for bank in banks[:LANES]],
            followers=followers,
            engines=both,
            watched=witnessed,
            pairs=pairs,
        )


def _brief(found: Round) -> str:
    told = ("submit_", "processor_gateway", "stream", "alert", "pull", "engine_both")
    return ", ".join(
        f"{name} {value:,.1f}" for name, value in found.items() if name.startswith(told)
    )
