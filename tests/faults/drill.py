"""A drill: bursts of statements, somebody killed in the middle, and everything checked after.

* A drill keeps what a cautious member would keep: every statement said, every answer given, and
  what it was delivered, across any number of deaths.
* `check` believes nothing that it can compute: receipts are verified, the log is shown to extend
  every checkpoint that was ever handed out, and lists are compared with what was said.
"""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest as hmac_digest
from pathlib import Path
from typing import Any, TypeVar

import grpc

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.exchange.v1 import ledger_pb2, log_service_pb2
from gateway.core.checkpoint import Checkpoint, NoteVerifier, open_checkpoint
from gateway.core.merkle import consistency_proof
from gateway.core.proof import verify_consistency, verify_inclusion
from gateway.ledger.reader import StoreReader
from gateway.ledger.snapshot import Snapshot
from tests.world.ledger_builder import ORIGIN
from tests.world.live import CIVIL, READY_SECONDS, Desk, Live, Statement, notice, refused

_T = TypeVar("_T")

ROOT = Path(__file__).parents[2]
BURST_SECONDS = 60.0
DEATH_SECONDS = 60.0
# A connection takes 256 calls at once; the open stream is one of them.
AT_ONCE = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """Who is killed, and when.

    Attributes:
        step: The step, as `tests.faults.gateway` names them.
        moment: `before` or `after` it.
        victim: `gateway`, `nats` or `both`.
        call: At which call of the step, from 1.
    """

    step: str
    moment: str
    victim: str = "gateway"
    call: int = 1


@dataclass(slots=True, kw_only=True)
class Mortal(Live):
    """An exchange whose gateway can be told when to die."""

    def start(self, *arguments: str) -> None:
        with (self.folder / "gateway.log").open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.faults.gateway", "serve"),
                    *("--state", str(self.state), "--json", *arguments),
                ],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def arm(self, strike: Strike) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {
            "step": strike.step,
            "moment": strike.moment,
            "victim": strike.victim,
            "call": strike.call,
        }
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS)
        assert ready
        assert json.loads(self.process.stdout.readline()) == {"armed": True}

    def bury(self) -> None:
        """Wait until the gateway has died."""
        assert self.process is not None
        assert self.process.wait(timeout=DEATH_SECONDS) == -signal.SIGKILL
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process = None

    def _end(self, by: signal.Signals) -> int:
        assert self.process is not None
        if self.process.stdin is not None:
            self.process.stdin.close()
        # A dataclass with slots is made twice: `super()` would name the first.
        return Live._end(self, by)

    def has_died(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None


class Follower:
    """A member's open stream, resumed at its cursor for as long as it lasts."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, bytes]] = []
        self._cursor = ""
        self._desk: Desk | None = None
        self._call: Any = None
        self._thread: threading.Thread | None = None

    def resume(self) -> None:
        """Open the stream again if it has broken: nothing is released that is not on record."""
        if self._desk is not None and self._thread is not None and not self._thread.is_alive():
            self.start(self._desk)

    def start(self, desk: Desk) -> None:
        """Go on where the last stream broke."""
        self._desk = desk
        request = pb.FollowRequest(filter=pb.EntryFilter(box="BOX_RECEIVED"), cursor=self._cursor)
        self._call = desk.exchange.Follow(request, wait_for_ready=True)
        self._thread = threading.Thread(target=self._take, args=(self._call,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        if self._thread is not None:
            self._call.cancel()
            self._thread.join(timeout=READY_SECONDS)

    def _take(self, call: Any) -> None:
        try:
            for answer in call:
                for record in answer.records:
                    body = ledger_pb2.EntryBody.FromString(record.entry_body)
                    self.seen.append((record.index, body.envelope))
                self._cursor = answer.cursor
        except grpc.RpcError:
            return


@dataclass(slots=True, kw_only=True)
class Drill:
    """What was said, answered and delivered so far."""

    live: Mortal
    said: list[Statement] = field(default_factory=list)
    answers: dict[bytes, pb.SubmitResponse] = field(default_factory=dict)
    notes: list[bytes] = field(default_factory=list)
    follower: Follower = field(default_factory=Follower)

    @property
    def log_key(self) -> NoteVerifier:
        text = (self.live.state / "exchange.toml").read_text()
        line = next(line for line in text.splitlines() if line.startswith("log_key"))
        return NoteVerifier.parse(line.split('"')[1])

    def burst(self, lab: Desk, count: int) -> list[Statement]:
        """Say so many at once, and keep what is answered; give what is not."""
        fresh = [notice(CIVIL) for _ in range(count)]
        self.said += fresh
        return self.submit(lab, fresh)

    def submit(self, lab: Desk, statements: list[Statement]) -> list[Statement]:
        """Hand in at once, and give what is not answered.

        The same again has to be answered the same. Where there is no answer, it is because nobody
        is there: an answer that says more would be a wrong one.
        """
        calls = [
            lab.exchange.Submit.future(
                pb.SubmitRequest(envelope=each.envelope), timeout=BURST_SECONDS
            )
            for each in statements
        ]
        unanswered = []
        for statement, call in zip(statements, calls, strict=True):
            try:
                self.keep(statement, call.result())
            except grpc.RpcError as error:
                assert refused(error).code is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - not the subject
                unanswered.append(statement)
        return unanswered

    def until_dead(self, lab: Desk, count: int) -> list[Statement]:
        """Say bursts until the gateway dies of one; give what was not answered."""
        unanswered: list[Statement] = []
        deadline = time.monotonic() + DEATH_SECONDS
        while not self.live.has_died():
            assert time.monotonic() < deadline, "the strike never came"
            unanswered += self.burst(lab, count)
            # What strikes at a delivery may do so after the answers.
            patience = time.monotonic() + 0.5
            while not self.live.has_died() and time.monotonic() < patience:
                time.sleep(0.01)
        self.live.bury()
        return unanswered

    def recorded(self) -> set[bytes]:
        """Digests that the store holds now, read beside the gateway."""
        with self._snapshot() as snapshot:
            found = [snapshot.by_index(index) for index in range(snapshot.size)]
        digests = [each.summary.digest for each in found if each is not None and each.summary]
        assert len(digests) == len(set(digests)) == len(found)
        return set(digests)

    def check(self, lab: Desk) -> None:
        """Hand in again what was ever said, and verify everything that was ever answered."""
        for first in range(0, len(self.said), AT_ONCE):
            assert self.submit(lab, self.said[first : first + AT_ONCE]) == []
        self.check_log(lab)
        self.check_lists(lab)

    def check_log(self, desk: Desk) -> None:
        """Every receipt verifies as given and in today's log; that extends every old checkpoint."""
        request = log_service_pb2.GetCheckpointRequest()
        note = desk.log.GetCheckpoint(request, timeout=BURST_SECONDS).checkpoint
        self.notes.append(note)
        key = self.log_key
        head = open_checkpoint(note, [key], ORIGIN)
        for answer in self.answers.values():
            self._verify(answer, open_checkpoint(answer.receipt.checkpoint, [key], ORIGIN))
        indexes = [answer.receipt.index for answer in self.answers.values()]
        earlier = {
            open_checkpoint(each, [key], ORIGIN)
            for each in (*self.notes, *(a.receipt.checkpoint for a in self.answers.values()))
        }
        with self._snapshot() as snapshot:
            proofs = snapshot.prove(indexes, head.size)
            between = {
                old: consistency_proof(snapshot._tiles, old.size, head.size) for old in earlier
            }
        for answer, proof in zip(self.answers.values(), proofs, strict=True):
            verify_inclusion(leaf_of(answer), answer.receipt.index, head.size, proof, head.root)
        for old, hashes in between.items():
            verify_consistency(old.size, old.root, head.size, head.root, hashes)

    def check_lists(self, lab: Desk) -> None:
        """Sent, received and followed agree: everything once, in order, nothing else."""
        indexes = {self.answers[each.digest].receipt.index: each.envelope for each in self.said}
        expected = sorted(indexes.items())
        assert len(expected) == len(self.said)
        assert listed(lab, "BOX_SENT") == expected
        deadline = time.monotonic() + READY_SECONDS
        while len(self.follower.seen) < len(expected) and time.monotonic() < deadline:
            self.follower.resume()
            time.sleep(0.02)
        assert self.follower.seen == expected

    def keep(self, statement: Statement, answer: pb.SubmitResponse) -> None:
        assert answer.digest == statement.digest
        before = self.answers.setdefault(statement.digest, answer)
        assert before.receipt.index == answer.receipt.index
        assert before.receipt.salt == answer.receipt.salt
        assert before.entry_body == answer.entry_body

    def _verify(self, answer: pb.SubmitResponse, checkpoint: Checkpoint) -> None:
        receipt = answer.receipt
        proof = tuple(receipt.inclusion_proof)
        size, root = checkpoint.size, checkpoint.root
        verify_inclusion(leaf_of(answer), receipt.index, size, proof, root)

    @contextmanager
    def _snapshot(self) -> Iterator[Snapshot]:
        """Look into the store's file from another process than the gateway's."""
        with (
            closing(StoreReader(self.live.state / "ledger.db", ORIGIN)) as reader,
            reader.snapshot() as snapshot,
        ):
            yield snapshot


def leaf_of(answer: pb.SubmitResponse) -> bytes:
    """Compute the leaf hash that an answer claims."""
    return leaf_hash(answer.entry_body, answer.receipt.salt)


def leaf_hash(body: bytes, salt: bytes) -> bytes:
    """Compute the leaf hash of an entry, with nothing of the gateway's."""
    commitment = hmac_digest(salt, b"forewarn/commit/v1\0" + body, "sha256")
    return sha256(b"\0forewarn/leaf/v1\n\0" + commitment).digest()


def patiently(call: Callable[[], _T]) -> _T:
    """Ask again while the gateway says that it cannot answer yet."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            said = refused(error)
            if said.code is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def listed(desk: Desk, box: str) -> list[tuple[int, bytes]]:
    """Every entry in one of a member's boxes: index and envelope."""
    found = []
    request = pb.ListEntriesRequest(filter=pb.EntryFilter(box=box))
    while True:
        page = patiently(lambda: desk.exchange.ListEntries(request, timeout=BURST_SECONDS))
        for record in page.records:
            body = ledger_pb2.EntryBody.FromString(record.entry_body)
            found.append((record.index, body.envelope))
        request.cursor = page.cursor
        if not page.more:
            return found
