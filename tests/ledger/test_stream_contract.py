"""One contract for the ledger's ports, held by the memory and by JetStream alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.core.errors import Fault, Reason
from gateway.ledger.memory import AppendFailure, MemoryBlockStream
from gateway.ports.blocks import (
    MAX_BLOCK_BYTES,
    Announcement,
    AppendOutcome,
    Bounds,
    StreamInterrupted,
    StreamMessage,
)
from tests.ledger.running import (
    PATIENCE,
    Ledger,
    initialise,
    memory_ledger,
    nats_ledger,
    server,
)


@pytest_asyncio.fixture(params=["memory", "nats"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Ledger, None]:
    if request.param == "memory":
        async with memory_ledger() as made:
            yield made
        return
    await initialise(tmp_path)
    async with server(tmp_path) as nats, nats_ledger(nats) as made:
        yield made


async def read(ledger: Ledger, count: int, *, after: int = 0) -> list[StreamMessage]:
    found: list[StreamMessage] = []
    async with aclosing(ledger.reader.follow(after)) as messages:
        while len(found) < count:
            found.append(await asyncio.wait_for(anext(messages), PATIENCE))
    return found


async def take_until_interrupted(
    messages: AsyncGenerator[StreamMessage, None], taken: list[StreamMessage]
) -> None:
    async with asyncio.timeout(PATIENCE):
        async for message in messages:
            taken.append(message)  # noqa: PERF401 - what was taken before the end counts


@pytest.mark.asyncio
async def test_an_empty_stream_holds_nothing(ledger: Ledger) -> None:
    assert await ledger.reader.bounds() == Bounds(first=1, last=0)
    assert await ledger.reader.message(1) is None
    assert await ledger.reader.message(0) is None


@pytest.mark.asyncio
async def test_blocks_are_read_in_the_order_of_their_acknowledgements(ledger: Ledger) -> None:
    blocks = [b"block %d" % n for n in range(1, 41)]
    for sequence, block in enumerate(blocks, 1):
        appended = await ledger.appender.append(block)
        assert (appended.sequence, appended.outcome) == (sequence, AppendOutcome.STORED)
    expected = [StreamMessage(sequence=n, message=b) for n, b in enumerate(blocks, 1)]
    assert await read(ledger, 40) == expected
    assert await read(ledger, 3, after=37) == expected[37:]
    assert await ledger.reader.bounds() == Bounds(first=1, last=40)
    assert await ledger.reader.message(17) == blocks[16]
    assert await ledger.reader.message(41) is None


@pytest.mark.asyncio
async def test_the_same_block_again_is_the_same_block(ledger: Ledger) -> None:
    first = await ledger.appender.append(b"one")
    await ledger.appender.append(b"two")
    again = await ledger.appender.append(b"one")
    assert again.sequence == first.sequence
    assert again.outcome is AppendOutcome.ALREADY_STORED
    assert await ledger.reader.bounds() == Bounds(first=1, last=2)


@pytest.mark.asyncio
async def test_a_follower_waits_for_what_is_not_there_yet(ledger: Ledger) -> None:
    await ledger.appender.append(b"one")
    async with aclosing(ledger.reader.follow(1)) as messages:
        waiting = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await ledger.appender.append(b"two")
        assert await asyncio.wait_for(waiting, PATIENCE) == StreamMessage(
            sequence=2, message=b"two"
        )


@pytest.mark.asyncio
async def test_an_interrupted_follower_says_so_and_resumes_without_a_gap(ledger: Ledger) -> None:
    for n in range(1, 6):
        await ledger.appender.append(b"%d" % n)
    async with aclosing(ledger.reader.follow(0)) as messages:
        taken = [await anext(messages)]
        await ledger.interrupt()
        with pytest.raises(StreamInterrupted):
            await take_until_interrupted(messages, taken)
    last = taken[-1]
    assert await ledger.reader.message(last.sequence) == last.message
    await ledger.appender.append(b"6")
    resumed = await read(ledger, 6 - last.sequence, after=last.sequence)
    assert [m.message for m in resumed] == [b"%d" % n for n in range(last.sequence + 1, 7)]


@pytest.mark.asyncio
async def test_an_idle_follower_is_interrupted_too(ledger: Ledger) -> None:
    await ledger.appender.append(b"one")
    async with aclosing(ledger.reader.follow(0)) as messages:
        # With this it is known to be open; from here on nothing comes.
        await anext(messages)
        waiting = asyncio.ensure_future(anext(messages))
        await ledger.interrupt()
        with pytest.raises(StreamInterrupted):
            await asyncio.wait_for(waiting, PATIENCE)


@pytest.mark.asyncio
async def test_a_stream_that_ends_before_what_was_folded_is_not_proven(ledger: Ledger) -> None:
    await ledger.appender.append(b"one")
    with pytest.raises(Fault) as caught:
        await read(ledger, 1, after=2)
    assert caught.value.reason is Reason.LEDGER_NOT_PROVEN


@pytest.mark.asyncio
async def test_the_largest_blocks_pass_whole(ledger: Ledger) -> None:
    blocks = [bytes([n]) * MAX_BLOCK_BYTES for n in range(1, 13)]
    for block in blocks:
        await ledger.appender.append(block)
    async with aclosing(ledger.reader.follow(0)) as messages:
        found = [await anext(messages)]
        await asyncio.sleep(0.5)  # a slow integrator: the rest waits, and nothing is dropped
        found += [await asyncio.wait_for(anext(messages), PATIENCE) for _ in blocks[1:]]
    assert [m.message for m in found] == blocks
    assert await ledger.reader.message(12) == blocks[11]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [0, MAX_BLOCK_BYTES + 1])
async def test_a_block_of_the_wrong_size_is_refused(ledger: Ledger, size: int) -> None:
    with pytest.raises(ValueError, match="a block holds"):
        await ledger.appender.append(bytes(size))
    assert await ledger.reader.bounds() == Bounds(first=1, last=0)


@pytest.mark.asyncio
async def test_appends_at_once_are_all_stored_once(ledger: Ledger) -> None:
    blocks = [b"block %d" % n for n in range(300)]
    appended = await asyncio.gather(*(ledger.appender.append(b) for b in blocks))
    assert sorted(a.sequence for a in appended) == list(range(1, 301))
    found = await read(ledger, 300)
    assert {m.sequence: m.message for m in found} == {
        a.sequence: b for a, b in zip(appended, blocks, strict=True)
    }


@pytest.mark.asyncio
async def test_a_listener_is_woken_first_and_then_hears_the_newest_note(ledger: Ledger) -> None:
    await ledger.announcer.announce(b"before anybody listened")
    async with aclosing(ledger.announcements.notes()) as notes:
        assert await asyncio.wait_for(anext(notes), PATIENCE) == Announcement(note=None)
        for n in range(200):
            await ledger.announcer.announce(b"note %d" % n)
        await asyncio.sleep(0.3)  # a slow reader: what came meanwhile is skipped
        heard = [await asyncio.wait_for(anext(notes), PATIENCE)]
        while heard[-1] != Announcement(note=b"note 199"):
            heard.append(await asyncio.wait_for(anext(notes), PATIENCE))
        assert len(heard) < 200
        waiting = asyncio.ensure_future(anext(notes))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await ledger.announcer.announce(b"next")
        assert await asyncio.wait_for(waiting, PATIENCE) == Announcement(note=b"next")


@pytest.mark.asyncio
async def test_a_listener_over_nats_is_woken_after_an_interruption(tmp_path: Path) -> None:
    await initialise(tmp_path)
    async with (
        server(tmp_path) as nats,
        nats_ledger(nats) as ledger,
        aclosing(ledger.announcements.notes()) as notes,
    ):
        assert await anext(notes) == Announcement(note=None)
        waiting = asyncio.ensure_future(anext(notes))
        await asyncio.sleep(0.1)
        await ledger.interrupt()
        assert await asyncio.wait_for(waiting, PATIENCE) == Announcement(note=None)


@pytest.mark.asyncio
async def test_a_hole_is_not_proven() -> None:
    stream = MemoryBlockStream()
    for block in (b"one", b"two", b"three"):
        await stream.append(block)
    stream.lose(2)
    async with aclosing(stream.follow(0)) as messages:
        await anext(messages)
        with pytest.raises(Fault, match="sequence 2") as caught:
            await anext(messages)
    assert caught.value.reason is Reason.LEDGER_NOT_PROVEN
    assert await stream.message(2) is None


@pytest.mark.asyncio
async def test_a_lost_beginning_is_not_proven() -> None:
    stream = MemoryBlockStream()
    for block in (b"one", b"two"):
        await stream.append(block)
    stream.lose(1)
    async with aclosing(stream.follow(0)) as messages:
        with pytest.raises(Fault, match="sequence 1"):
            await anext(messages)


@pytest.mark.asyncio
async def test_truncated_sequences_are_handed_out_again_by_the_memory_as_by_nats() -> None:
    stream = MemoryBlockStream()
    await stream.append(b"one")
    await stream.append(b"two")
    stream.truncate(1)
    assert (await stream.append(b"other")).sequence == 2
    assert await stream.message(2) == b"other"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (AppendFailure.FAILED, AppendOutcome.STORED),
        (AppendFailure.FAILED_BUT_PERSISTED, AppendOutcome.ALREADY_STORED),
    ],
)
async def test_an_append_of_unknown_outcome_is_safe_to_repeat(
    failure: AppendFailure, outcome: AppendOutcome
) -> None:
    stream = MemoryBlockStream()
    stream.fail_appends(failure)
    with pytest.raises(Fault) as caught:
        await stream.append(b"one")
    assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
    again = await stream.append(b"one")
    assert (again.sequence, again.outcome) == (1, outcome)
