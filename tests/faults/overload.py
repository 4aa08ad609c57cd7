"""More than it can take: twice the capacity for a while, and what became of it.

    python -m tests.faults.overload --seconds 30

* Capacity is measured first: so many callers that wait for their answers as one connection has.
  Then twice as many statements a second are handed in, whatever the answers; then nothing, and then
  the first again.
* A statement that was answered is in the ledger once, under the index of its answer, and proven. An
  error says that nobody was there, that too much waits, or that the deadline passed: no other.
* Memory is that of the gateway and of its nats-server, sampled all the while.

The load comes from this process, beside the gateway on the same machine: the figures say how it
bears too much, not how much it can do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
import uuid6

from forewarn.exchange.v1 import envelope_pb2
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from tests.faults.drill import Drill, Mortal, listed
from tests.world.ledger_builder import digest, envelope
from tests.world.live import AURORA, CIVIL, Desk, Statement, notice, refused

CALLERS: Final = 128
CONNECTIONS: Final = 24
DEADLINE_SECONDS: Final = 20.0
SAMPLE_SECONDS: Final = 0.2
EXPECTED: Final = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of it.

    Attributes:
        capacity_per_second: Statements answered a second by callers who wait.
        offered: Statements handed in at twice that.
        offered_per_second: How many a second that came to.
        answered: How many of them were answered with a receipt.
        answered_per_second: How many a second, until the last answer.
        refused: How many were not, by status and reason.
        unexpected: Those of them that must not be.
        settled_seconds: From the last statement handed in to the last answer.
        lost: Answered statements that the ledger does not hold under their index.
        capacity_after_per_second: The capacity again, afterwards.
        latency_after_ms: Median of one caller afterwards.
        memory_before_mib: Memory of gateway and nats-server before the load.
        memory_peak_mib: The most during it.
        memory_after_mib: At the end.
    """

    capacity_per_second: float
    offered: int
    offered_per_second: float
    answered: int
    answered_per_second: float
    refused: dict[str, int]
    unexpected: dict[str, int]
    settled_seconds: float
    lost: int
    capacity_after_per_second: float
    latency_after_ms: float
    memory_before_mib: float
    memory_peak_mib: float
    memory_after_mib: float


class Mint:
    """Makes signed notices quickly: one template, another id for each."""

    def __init__(self) -> None:
        self._template = envelope_pb2.Envelope.FromString(notice(CIVIL).envelope).payload
        # Field 2 of the header: a UUID has 36 characters.
        self._at = self._template.index(b"\x12\x24") + 2

    def statement(self) -> Statement:
        own = str(uuid6.uuid7()).encode()
        payload = self._template[: self._at] + own + self._template[self._at + len(own) :]
        return Statement(envelope=envelope(payload, AURORA.key), digest=digest(payload))


@dataclass(slots=True, eq=False)
class Outcomes:
    """Answers and errors as they come in, from gRPC's threads."""

    answers: deque[tuple[Statement, pb.SubmitResponse]] = field(default_factory=deque)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    last: float = 0.0

    def submit(self, desk: Desk, statement: Statement) -> None:
        """Hand in, and do not wait."""
        request = pb.SubmitRequest(envelope=statement.envelope)
        call = desk.exchange.Submit.future(request, timeout=DEADLINE_SECONDS)
        call.add_done_callback(lambda done: self._take(statement, done))

    def _take(self, statement: Statement, done: Any) -> None:
        error = done.exception()
        if error is None:
            self.answers.append((statement, done.result()))
        else:
            answer = refused(error)
            self.errors[answer.code.name, answer.reason] += 1
        self.last = time.monotonic()
        self.waiting.release()

    def settle(self, count: int) -> None:
        """Wait until so many have come to an end."""
        for _ in range(count):
            assert self.waiting.acquire(timeout=2 * DEADLINE_SECONDS)


class Memory(threading.Thread):
    """Samples what gateway and nats-server hold, in MiB."""

    def __init__(self, live: Mortal) -> None:
        super().__init__(daemon=True)
        self._live = live
        self._over = threading.Event()
        self.samples: list[float] = [self.now()]

    def now(self) -> float:
        assert self._live.process is not None
        pids = [self._live.process.pid]
        pids += [
            int(ports.stem.partition("_")[2])
            for ports in (self._live.state / "run").glob("nats-server_*.ports")
        ]
        return sum(map(_resident_mib, pids))

    def run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.samples.append(self.now())

    def end(self) -> None:
        self._over.set()
        self.join()


def measure(drill: Drill, seconds: float) -> Report:
    """Overload a running exchange for some seconds."""
    mint = Mint()
    with desks(drill.live, CONNECTIONS) as many:
        before = capacity(drill, many[0], mint, max(1.0, seconds / 6))
        memory = Memory(drill.live)
        memory.start()
        outcomes, offered, begun, ended = flood(many, mint, 2 * before, seconds)
        outcomes.settle(offered)
        answers = list(outcomes.answers)
        drill.said += [statement for statement, _ in answers]
        drill.answers |= {statement.digest: answer for statement, answer in answers}
        after = capacity(drill, many[0], mint, max(1.0, seconds / 6))
        took = [one(drill, many[0], mint) for _ in range(20)]
        memory.end()
        # Every receipt, those of the flood too, is in the log that is signed now.
        drill.check_log(many[0])
        recorded = dict(listed(many[0], "BOX_SENT"))
    lost = sum(recorded.get(a.receipt.index) != s.envelope for s, a in answers)
    # What was not answered may be recorded, once; what was answered is.
    assert len(set(recorded.values())) == len(recorded)
    errors = {" ".join(each).strip(): n for each, n in outcomes.errors.items()}
    return Report(
        capacity_per_second=round(before, 1),
        offered=offered,
        offered_per_second=round(offered / (ended - begun), 1),
        answered=len(answers),
        answered_per_second=round(len(answers) / (outcomes.last - begun), 1),
        refused=errors,
        unexpected={text: n for text, n in errors.items() if text.split()[0] not in EXPECTED},
        settled_seconds=round(outcomes.last - ended, 2),
        lost=lost,
        capacity_after_per_second=round(after, 1),
        latency_after_ms=round(statistics.median(took) * 1000, 1),
        memory_before_mib=round(memory.samples[0], 1),
        memory_peak_mib=round(max(memory.samples), 1),
        memory_after_mib=round(memory.samples[-1], 1),
    )


def capacity(drill: Drill, desk: Desk, mint: Mint, seconds: float) -> float:
    """Let so many callers hand in one after the other; give the answers a second."""
    outcomes, begun, sent = Outcomes(), time.monotonic(), CALLERS
    for _ in range(CALLERS):
        outcomes.submit(desk, mint.statement())
    while time.monotonic() < begun + seconds:
        outcomes.settle(1)
        outcomes.submit(desk, mint.statement())
        sent += 1
    within = len(outcomes.answers) / (time.monotonic() - begun)
    outcomes.settle(CALLERS)
    assert not outcomes.errors
    drill.answers |= {statement.digest: answer for statement, answer in outcomes.answers}
    drill.said += [statement for statement, _ in outcomes.answers]
    return within


def flood(
    many: list[Desk], mint: Mint, rate: float, seconds: float
) -> tuple[Outcomes, int, float, float]:
    """Hand in at a rate, whatever becomes of it; over many connections, so that none holds back."""
    outcomes, sent, begun = Outcomes(), 0, time.monotonic()
    while (now := time.monotonic()) < begun + seconds:
        while sent < (now - begun) * rate:
            outcomes.submit(many[sent % len(many)], mint.statement())
            sent += 1
        time.sleep(0.001)
    return outcomes, sent, begun, time.monotonic()


def one(drill: Drill, desk: Desk, mint: Mint) -> float:
    """Hand in one; give the seconds to its receipt."""
    statement, begun = mint.statement(), time.monotonic()
    answer = desk.submit(statement)
    took = time.monotonic() - begun
    drill.said.append(statement)
    drill.answers[statement.digest] = answer
    return took


@contextmanager
def desks(live: Mortal, count: int) -> Iterator[list[Desk]]:
    """Connect so many times; each its own connection."""
    pair = live.authority.leaf([AURORA.system])
    chain, key = pair
    credentials = grpc.ssl_channel_credentials(live.authority.bundle, key, chain)
    with ExitStack() as stack:
        yield [
            Desk(
                stack.enter_context(
                    grpc.secure_channel(
                        live.address, credentials, options=[("grpc.use_local_subchannel_pool", 1)]
                    )
                )
            )
            for _ in range(count)
        ]


def _resident_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0")
    return int(line.split()[1]) / 1024


def main() -> None:
    """Run it, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=30.0)
    with tempfile.TemporaryDirectory() as folder:
        live = Mortal.make(Path(folder))
        assert isinstance(live, Mortal)
        live.init()
        live.serve()
        try:
            live.enrol(AURORA, CIVIL)
            report = measure(Drill(live=live), parser.parse_args().seconds)
        finally:
            live.stop()
    sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n")
    sys.exit(1 if report.lost or report.unexpected else 0)


if __name__ == "__main__":
    main()
