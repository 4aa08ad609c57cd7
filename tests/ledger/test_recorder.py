"""Every entry is answered once, with what the fold decided and a head that covers it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.core import merkle
from gateway.core.commitment import entry_leaf_hash
from gateway.core.errors import Fault, Reason
from gateway.core.fold import Entry, Outcome, Verdict
from gateway.ledger.announced_here import AnnouncedHere
from gateway.ledger.memory import AppendFailure, MemoryBlockStream
from gateway.ledger.recorder import RecorderLimits
from gateway.ports.blocks import Announcement, Appended, AppendOutcome
from gateway.wire.blocks import decode_block
from tests.ledger.house import QUICK, House, block, entry, house, initialise_house, statement
from tests.ledger.running import (
    PATIENCE,
    Ledger,
    initialise,
    memory_ledger,
    nats_ledger,
    server,
)

STALE = Outcome(verdict=Verdict.STALE, index=None)


def accepted(index: int) -> Outcome:
    return Outcome(verdict=Verdict.ACCEPTED, index=index)


class SlowStream(MemoryBlockStream):
    """A stream that acknowledges when it is told to, and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()
        self.given: list[bytes] = []

    async def append(self, message: bytes) -> Appended:
        self.given.append(message)
        await self.open.wait()
        return await super().append(message)


class Unheard(AnnouncedHere):
    """Announcements of which every one is lost."""

    async def announce(self, note: bytes) -> None:
        pass

    async def notes(self) -> AsyncGenerator[Announcement, None]:
        await asyncio.Event().wait()
        yield Announcement(note=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    initialise_house(tmp_path)
    return tmp_path


@pytest_asyncio.fixture(params=["memory", "nats"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Ledger, None]:
    if request.param == "memory":
        async with memory_ledger() as made:
            yield made
        return
    await initialise(tmp_path / "nats")
    async with server(tmp_path / "nats") as nats, nats_ledger(nats) as made:
        yield made


@pytest.fixture
def stream() -> Iterator[SlowStream]:
    made = SlowStream()
    yield made
    made.open.set()


@asynccontextmanager
async def running(
    folder: Path,
    stream: MemoryBlockStream,
    announcements: AnnouncedHere | None = None,
    limits: RecorderLimits = QUICK,
) -> AsyncGenerator[House, None]:
    async def interrupt() -> None:
        stream.interrupt()

    said = announcements or AnnouncedHere()
    ports = Ledger(
        appender=stream, reader=stream, announcer=said, announcements=said, interrupt=interrupt
    )
    async with house(folder, ports, limits=limits) as made:
        made.start_all()
        yield made


async def _nothing() -> None:
    pass


def covered(made: House, given: Entry, outcome: Outcome) -> None:
    """Check that the head of this moment proves the entry."""
    head = made.head.current
    assert outcome.index is not None
    [proof] = made.reader.prove([outcome.index], head.size)
    leaf = entry_leaf_hash(given.body, given.salt)
    merkle.verify_inclusion(leaf, outcome.index, head.size, proof, head.root)


@pytest.mark.asyncio
async def test_an_answer_is_covered_by_the_head(folder: Path, ledger: Ledger) -> None:
    async with house(folder, ledger) as made:
        made.start_all()
        for index in range(5):
            given = statement(f"{index}")
            outcome = await made.recorder.record(given)
            assert outcome == accepted(index)
            covered(made, given, outcome)


@pytest.mark.asyncio
async def test_many_at_once_are_each_answered(folder: Path, ledger: Ledger) -> None:
    given = [statement(f"{index}") for index in range(300)]
    async with house(folder, ledger) as made:
        made.start_all()
        outcomes = await asyncio.gather(*map(made.recorder.record, given))
        assert sorted(outcome.index or 0 for outcome in outcomes) == list(range(300))
        for each, outcome in zip(given, outcomes, strict=True):
            covered(made, each, outcome)


@pytest.mark.asyncio
async def test_of_two_that_write_one_case_the_second_is_stale(folder: Path, ledger: Ledger) -> None:
    async with house(folder, ledger) as made:
        made.start_all()
        assert await made.recorder.record(statement("open", keys=["case/a"])) == accepted(0)
        both = [statement(name, judged_at=1, keys=["case/a"]) for name in ("one", "two")]
        outcomes = await asyncio.gather(*map(made.recorder.record, both))
        assert sorted(outcomes, key=lambda each: each.verdict) == [accepted(1), STALE]
        again = statement("two", judged_at=made.size, keys=["case/a"])
        assert await made.recorder.record(again) == accepted(2)


@pytest.mark.asyncio
async def test_the_outcome_survives_an_interruption(folder: Path, ledger: Ledger) -> None:
    async with house(
        folder, ledger, limits=RecorderLimits(answer_seconds=20, look_seconds=0.1)
    ) as made:
        made.start_all()
        recording = asyncio.create_task(made.recorder.record(statement("one")))
        await ledger.interrupt()
        assert await recording == accepted(0)
        assert await made.recorder.record(statement("two")) == accepted(1)


@pytest.mark.asyncio
async def test_entries_gather_while_a_block_is_in_flight(folder: Path, stream: SlowStream) -> None:
    stream.open.clear()
    async with running(folder, stream) as made:
        tasks = [asyncio.create_task(made.recorder.record(statement("0")))]
        while not stream.given:  # noqa: ASYNC110 - a moment is watched for
            await asyncio.sleep(0)
        tasks += [asyncio.create_task(made.recorder.record(statement(f"{n}"))) for n in (1, 2, 3)]
        await asyncio.sleep(0.01)
        stream.open.set()
        assert [outcome.index for outcome in await asyncio.gather(*tasks)] == [0, 1, 2, 3]
    assert [len(decode_block(message)) for message in stream.given] == [1, 3]


@pytest.mark.asyncio
async def test_entries_gather_while_a_block_waits_for_the_fold(
    folder: Path, stream: SlowStream
) -> None:
    said = AnnouncedHere()
    ports = Ledger(
        appender=stream, reader=stream, announcer=said, announcements=said, interrupt=_nothing
    )
    async with house(folder, ports, limits=QUICK) as made:
        made.start(made.head.run(), made.recorder.run())
        tasks = [asyncio.create_task(made.recorder.record(statement("0")))]
        async with asyncio.timeout(5):
            while (await stream.bounds()).last < 1:  # noqa: ASYNC110 - a moment is watched for
                await asyncio.sleep(0)
        tasks += [asyncio.create_task(made.recorder.record(statement(f"{n}"))) for n in (1, 2, 3)]
        await asyncio.sleep(0.05)
        assert len(stream.given) == 1
        made.start(made.integrator.run())
        assert [outcome.index for outcome in await asyncio.gather(*tasks)] == [0, 1, 2, 3]
    assert [len(decode_block(message)) for message in stream.given] == [1, 3]


@pytest.mark.asyncio
async def test_blocks_keep_their_bounds(folder: Path, stream: SlowStream) -> None:
    limits = RecorderLimits(block_entries=7, block_bytes=12_000)
    given = [statement(f"{n}", pad=1000 if n % 3 == 0 else 4000) for n in range(40)]
    async with running(folder, stream, limits=limits) as made:
        outcomes = await asyncio.gather(*map(made.recorder.record, given))
    assert [outcome.index for outcome in outcomes] == list(range(40))
    assert max(len(decode_block(message)) for message in stream.given) <= 7
    assert max(map(len, stream.given)) <= 12_000
    assert len(stream.given) < 30


@pytest.mark.asyncio
async def test_the_greatest_block_is_one_that_the_stream_takes(
    folder: Path, stream: SlowStream
) -> None:
    given = [statement(f"{n}", pad=(1 << 20) - 300) for n in range(9)]
    async with running(folder, stream, limits=RecorderLimits(look_seconds=0.1)) as made:
        outcomes = await asyncio.gather(*map(made.recorder.record, given))
    assert [outcome.index for outcome in outcomes] == list(range(9))


@pytest.mark.asyncio
async def test_a_void_entry_is_answered_as_void(folder: Path, stream: SlowStream) -> None:
    async with running(folder, stream) as made:
        outcome = await made.recorder.record(entry(b""))
        assert outcome == Outcome(verdict=Verdict.VOID, index=None)


@pytest.mark.asyncio
async def test_the_waiting_room_is_bounded(folder: Path, stream: SlowStream) -> None:
    stream.open.clear()
    limits = RecorderLimits(waiting_entries=3, waiting_bytes=6000, look_seconds=0.1)
    async with running(folder, stream, limits=limits) as made:
        tasks = [
            asyncio.create_task(made.recorder.record(statement(name, pad=pad)))
            for name, pad in (("0", 10), ("1", 5000))
        ]
        await asyncio.sleep(0.01)
        with pytest.raises(Fault, match="too many") as raised:
            await made.recorder.record(statement("2", pad=5000))
        assert raised.value.reason is Reason.LEDGER_UNAVAILABLE
        tasks.append(asyncio.create_task(made.recorder.record(statement("2"))))
        await asyncio.sleep(0.01)
        with pytest.raises(Fault, match="nothing was sent"):
            await made.recorder.record(statement("3"))
        stream.open.set()
        await asyncio.gather(*tasks)
        assert await made.recorder.record(statement("3")) == accepted(3)


@pytest.mark.asyncio
async def test_no_answer_in_time_is_an_unknown_outcome(folder: Path, stream: SlowStream) -> None:
    stream.open.clear()
    hasty = RecorderLimits(answer_seconds=0.1, look_seconds=0.05)
    async with running(folder, stream, limits=hasty) as made:
        with pytest.raises(Fault, match="hand in the same bytes again") as raised:
            await made.recorder.record(statement("one"))
        assert raised.value.reason is Reason.LEDGER_UNAVAILABLE
        stream.open.set()
        await made.folded(1)
    # Handed in again it finds its own first attempt, and is not recorded twice.
    async with running(folder, stream) as made:
        again = replace(statement("one"), salt=bytes(32))
        assert await made.recorder.record(again) == STALE


@pytest.mark.asyncio
async def test_who_left_before_the_block_went_out_is_left_out(
    folder: Path, stream: SlowStream
) -> None:
    stream.open.clear()
    async with running(folder, stream) as made:
        first = asyncio.create_task(made.recorder.record(statement("0")))
        while not stream.given:  # noqa: ASYNC110 - a moment is watched for
            await asyncio.sleep(0)
        gone = asyncio.create_task(made.recorder.record(statement("gone")))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        stream.open.set()
        assert await first == accepted(0)
        assert await made.recorder.record(statement("1")) == accepted(1)


@pytest.mark.asyncio
@pytest.mark.parametrize("failure", AppendFailure)
async def test_an_append_of_unknown_outcome(
    folder: Path, stream: SlowStream, failure: AppendFailure
) -> None:
    async with running(folder, stream) as made:
        stream.fail_appends(failure)
        recording = made.recorder.record(statement("one"))
        if failure is AppendFailure.FAILED:
            with pytest.raises(Fault, match="retry") as raised:
                await recording
            assert raised.value.reason is Reason.LEDGER_UNAVAILABLE
        else:
            assert await recording == accepted(0)
        index = int(failure is AppendFailure.FAILED_BUT_PERSISTED)
        assert await made.recorder.record(statement("two")) == accepted(index)


@pytest.mark.asyncio
async def test_lost_announcements_only_cost_time(folder: Path, stream: SlowStream) -> None:
    async with running(folder, stream, Unheard()) as made:
        given = statement("one")
        outcome = await made.recorder.record(given)
        covered(made, given, outcome)


@pytest.mark.asyncio
async def test_a_block_whose_announcement_is_lost_is_looked_for_soon(
    folder: Path, stream: SlowStream
) -> None:
    limits = RecorderLimits(answer_seconds=PATIENCE, look_seconds=10 * PATIENCE)
    async with running(folder, stream, Unheard(), limits=limits) as made:
        for name in ("one", "two", "three"):
            given = statement(name)
            covered(made, given, await made.recorder.record(given))


@pytest.mark.asyncio
async def test_a_duplicate_acknowledgement_finds_the_first_verdict(
    folder: Path, stream: SlowStream
) -> None:
    given = statement("one")
    message = block(given)
    async with running(folder, stream) as made:
        await stream.append(message)
        await made.folded(1)
        # The same bytes as this recorder makes of the entry, since node and clock are the same.
        assert await made.recorder.record(given) == accepted(0)
        assert stream.given == [message, message]
        assert made.recorder.halted is None


@pytest.mark.asyncio
async def test_a_reused_sequence_halts(
    folder: Path, stream: SlowStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(folder, stream) as made:
        assert await made.recorder.record(statement("one")) == accepted(0)
        assert await made.recorder.record(statement("two")) == accepted(1)

        async def reuse(message: bytes) -> Appended:
            return Appended(sequence=1, outcome=AppendOutcome.STORED)

        monkeypatch.setattr(stream, "append", reuse)
        for name in ("three", "four"):
            with pytest.raises(Fault, match="reuses their numbers") as raised:
                await made.recorder.record(statement(name))
            assert raised.value.reason is Reason.LEDGER_NOT_PROVEN
        assert made.recorder.halted is not None


@pytest.mark.asyncio
async def test_a_stream_rolled_back_is_noticed_by_both(folder: Path, stream: SlowStream) -> None:
    async with running(folder, stream) as made:
        for name in ("one", "two"):
            await made.recorder.record(statement(name))
        stream.truncate(1)
        with pytest.raises(Fault) as raised:
            await made.recorder.record(statement("three"))
        assert raised.value.reason is Reason.LEDGER_NOT_PROVEN
        async with asyncio.timeout(PATIENCE):
            while made.integrator.halted is None:  # noqa: ASYNC110 - a moment is watched for
                await asyncio.sleep(0.005)
        assert made.size == 2


@pytest.mark.asyncio
async def test_the_head_takes_only_what_the_log_signed(folder: Path, stream: SlowStream) -> None:
    said = AnnouncedHere()
    async with running(folder, stream, said) as made:
        await made.recorder.record(statement("one"))
        head = made.head.current
        for note in (b"junk", head.note.replace(b"\n1\n", b"\n9\n")):
            await said.announce(note)
            await asyncio.sleep(0.01)
            assert made.head.current == head


@pytest.mark.asyncio
async def test_the_head_never_goes_back(folder: Path, stream: SlowStream) -> None:
    said = AnnouncedHere()
    async with running(folder, stream, said) as made:
        await made.recorder.record(statement("one"))
        old = made.head.current
        await made.recorder.record(statement("two"))
        pulse = made.head.pulse
        await said.announce(old.note)
        async with asyncio.timeout(PATIENCE):
            await pulse.wait()
        assert made.head.size == 2


@pytest.mark.asyncio
async def test_before_the_first_checkpoint_there_is_no_head(
    folder: Path, stream: SlowStream
) -> None:
    async with running(folder, stream, Unheard()) as made:
        assert made.head.size == 0
        with pytest.raises(Fault) as raised:
            _ = made.head.current
        assert raised.value.reason is Reason.LEDGER_UNAVAILABLE


@pytest.mark.asyncio
async def test_a_block_is_named_by_its_bytes(folder: Path, stream: SlowStream) -> None:
    async with running(folder, stream) as made:
        await made.recorder.record(statement("one"))
        with made.reader.snapshot() as snapshot:
            found = snapshot.block(sha256(stream.given[0]).digest())
    assert found is not None
    assert found.sequence == 1
