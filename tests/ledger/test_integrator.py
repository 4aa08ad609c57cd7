"""The integrator folds the stream once, signs one history, and halts where it cannot be proven."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.core.checkpoint import open_checkpoint
from gateway.core.errors import Fault, Reason
from gateway.ledger.announced_here import AnnouncedHere
from gateway.ledger.inception import begin
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.memory import MemoryBlockStream
from gateway.ledger.store import Store
from gateway.ports.blocks import StreamMessage
from gateway.ports.conditions import State
from tests.ledger.house import (
    NOON,
    ORIGIN,
    House,
    block,
    entry,
    house,
    initialise_house,
    opened,
    rows,
    statement,
)
from tests.ledger.running import (
    PATIENCE,
    Ledger,
    initialise,
    memory_ledger,
    nats_ledger,
    server,
)

BLOCKS = [block(statement(f"{n}"), statement(f"{n}b", keys=["case/a"])) for n in range(5)]


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
def stream() -> MemoryBlockStream:
    return MemoryBlockStream()


@pytest.fixture
def memory(stream: MemoryBlockStream) -> Ledger:
    announcements = AnnouncedHere()

    async def interrupt() -> None:
        stream.interrupt()

    return Ledger(
        appender=stream,
        reader=stream,
        announcer=announcements,
        announcements=announcements,
        interrupt=interrupt,
    )


async def append(ledger: Ledger, *blocks: bytes) -> None:
    for each in blocks:
        await ledger.appender.append(each)


async def fold(folder: Path, ledger: Ledger) -> bytes:
    """Open the house, catch up, and give the note that readers find."""
    async with house(folder, ledger) as made:
        await made.integrator.catch_up()
        return note_of(made)


def note_of(made: House) -> bytes:
    with made.reader.snapshot() as snapshot:
        assert snapshot.note is not None
        return snapshot.note


def lose_store(folder: Path) -> None:
    for file in folder.glob("ledger.db*"):
        file.unlink()
    Store.create(folder / "ledger.db", ORIGIN)


async def halts(made: House) -> Fault:
    with pytest.raises(Fault) as raised:
        async with asyncio.timeout(PATIENCE):
            await made.integrator.run()
    assert made.integrator.halted is raised.value
    assert made.integrator.condition.state is not State.FOLDING
    assert raised.value.reason is Reason.LEDGER_NOT_PROVEN
    return raised.value


@pytest.mark.asyncio
async def test_it_folds_what_is_there_and_what_comes(folder: Path, ledger: Ledger) -> None:
    await append(ledger, *BLOCKS[:2])
    async with house(folder, ledger) as made:
        made.start(made.integrator.run(), made.head.run())
        async with asyncio.timeout(PATIENCE):
            await made.head.wait_beyond(2)
            await append(ledger, *BLOCKS[2:])
            head = await made.head.wait_beyond(5)
        assert made.integrator.condition.state is State.FOLDING
        assert head.size == 6
        checkpoint = open_checkpoint(head.note, [made.keeper.verifier], ORIGIN)
        assert (checkpoint.size, checkpoint.root) == (head.size, head.root)
        assert note_of(made) == head.note


@pytest.mark.asyncio
async def test_it_goes_on_through_interruptions(folder: Path, ledger: Ledger) -> None:
    async with house(folder, ledger) as made:
        made.start(made.integrator.run(), made.head.run())
        for size, each in enumerate(BLOCKS, 2):
            await append(ledger, each)
            async with asyncio.timeout(PATIENCE):
                await made.head.wait_beyond(size - 1)
            await ledger.interrupt()
        assert made.integrator.halted is None
        assert made.size == 6


@pytest.mark.asyncio
async def test_a_restart_folds_only_what_came_since(
    folder: Path, memory: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append(memory, *BLOCKS[:3])
    await fold(folder, memory)
    await append(memory, *BLOCKS[3:])
    folded: list[int] = []
    real = Store.fold

    def counted(store: Store, message: StreamMessage) -> object:
        folded.append(message.sequence)
        return real(store, message)

    monkeypatch.setattr(Store, "fold", counted)
    await fold(folder, memory)
    assert folded == [4, 5]


@pytest.mark.asyncio
async def test_killed_between_commit_and_signature_the_restart_signs(
    folder: Path, memory: Ledger
) -> None:
    await append(memory, *BLOCKS)
    with opened(folder / "ledger.db") as store:
        for sequence, each in enumerate(BLOCKS, 1):
            store.fold(StreamMessage(sequence=sequence, message=each))
        head = store.head()
    assert Keeper.load(folder / "keeper", ORIGIN).mark.size == 0
    async with house(folder, memory) as made:
        made.start(made.integrator.run(), made.head.run())
        async with asyncio.timeout(PATIENCE):
            signed = await made.head.wait_beyond(0)
        assert (signed.size, signed.root) == (head.size, head.root)


@pytest.mark.asyncio
async def test_killed_between_signature_and_publication_the_restart_publishes(
    folder: Path, memory: Ledger
) -> None:
    await append(memory, BLOCKS[0])
    note = await fold(folder, memory)
    with opened(folder / "ledger.db") as store:
        store._connection.execute("DELETE FROM meta WHERE key = 'note'")
    assert await fold(folder, memory) == note


@pytest.mark.asyncio
async def test_a_lost_store_is_folded_anew_to_the_same_bytes(folder: Path, ledger: Ledger) -> None:
    await append(ledger, *BLOCKS[:2], b"\xffnonsense", *BLOCKS[2:])
    note = await fold(folder, ledger)
    before = rows(folder / "ledger.db")
    lose_store(folder)
    assert await fold(folder, ledger) == note
    assert rows(folder / "ledger.db") == before


@pytest.mark.asyncio
async def test_nothing_is_signed_until_the_mark_is_reached(folder: Path, memory: Ledger) -> None:
    await append(memory, *BLOCKS[:3])
    note = await fold(folder, memory)
    await append(memory, *BLOCKS[3:])
    lose_store(folder)
    heard: list[bytes] = []

    class Listening(AnnouncedHere):
        async def announce(self, note: bytes) -> None:
            heard.append(note)

    keeper = Keeper.load(folder / "keeper", ORIGIN)
    with opened(folder / "ledger.db") as store:
        integrator = Integrator(
            stream=memory.reader, store=store, endorser=keeper, announcer=Listening()
        )
        await integrator.catch_up()
        await integrator.close()
    sizes = [open_checkpoint(each, [keeper.verifier], ORIGIN).size for each in heard]
    assert heard[0] == note
    assert sizes == [4, 5, 6, 6]


@pytest.mark.asyncio
async def test_a_store_rolled_back_is_folded_on(folder: Path, memory: Ledger) -> None:
    await append(memory, *BLOCKS[:2])
    await fold(folder, memory)
    shutil.copy(folder / "ledger.db", folder / "backup")
    await append(memory, *BLOCKS[2:])
    note = await fold(folder, memory)
    before = rows(folder / "ledger.db")
    lose_store(folder)
    shutil.copy(folder / "backup", folder / "ledger.db")
    assert await fold(folder, memory) == note
    assert rows(folder / "ledger.db") == before


@pytest.mark.asyncio
async def test_a_store_of_another_history_is_never_signed(folder: Path, memory: Ledger) -> None:
    await append(memory, *BLOCKS[:3])
    await fold(folder, memory)
    other = MemoryBlockStream()
    for each in (BLOCKS[1], BLOCKS[0], *BLOCKS[2:]):
        await other.append(each)
    lose_store(folder)
    foreign = Ledger(
        appender=other,
        reader=other,
        announcer=memory.announcer,
        announcements=memory.announcements,
        interrupt=memory.interrupt,
    )
    async with house(folder, foreign) as made:
        assert "differs from the one signed" in (await halts(made)).detail
        assert made.keeper.mark.size == 4


@pytest.mark.asyncio
async def test_a_stream_rolled_back_halts(
    folder: Path, memory: Ledger, stream: MemoryBlockStream
) -> None:
    await append(memory, *BLOCKS[:3])
    await fold(folder, memory)
    stream.truncate(2)
    async with house(folder, memory) as made:
        assert "holds nothing at sequence 3" in (await halts(made)).detail


@pytest.mark.asyncio
async def test_a_sequence_handed_out_again_halts_while_running(
    folder: Path, memory: Ledger, stream: MemoryBlockStream
) -> None:
    await append(memory, *BLOCKS[:3])
    async with house(folder, memory) as made:
        halting = asyncio.create_task(halts(made))
        await made.folded(4)
        stream.truncate(2)
        await append(memory, *BLOCKS[3:])
        assert "another message at sequence 3" in (await halting).detail
        assert made.size == 4


@pytest.mark.asyncio
async def test_a_hole_in_the_stream_halts(
    folder: Path, memory: Ledger, stream: MemoryBlockStream
) -> None:
    await append(memory, *BLOCKS)
    stream.lose(3)
    async with house(folder, memory) as made:
        assert "nothing at sequence 3" in (await halts(made)).detail
        assert made.size == 3


@pytest.mark.asyncio
@pytest.mark.parametrize("left", [0, 2])
async def test_store_and_stream_both_behind_the_mark_halt(
    folder: Path, memory: Ledger, stream: MemoryBlockStream, left: int
) -> None:
    await append(memory, *BLOCKS[:3])
    await fold(folder, memory)
    lose_store(folder)
    stream.truncate(left)
    async with house(folder, memory) as made:
        assert "both lost entries" in (await halts(made)).detail


@pytest.mark.asyncio
async def test_nonsense_in_the_stream_is_kept_and_passed_over(folder: Path, memory: Ledger) -> None:
    nonsense = [b"\x00", b"\xff" * 100, block(entry(b"")), block(entry(b"opaque")), BLOCKS[0] * 2]
    await append(memory, BLOCKS[0], *nonsense, BLOCKS[1])
    async with house(folder, memory) as made:
        assert (await made.integrator.catch_up()).size == 4
        with made.reader.snapshot() as snapshot:
            assert snapshot.statement("aurora", "1") is not None
            sizes = [getattr(snapshot.block_at(n), "size_after", None) for n in range(1, 8)]
    assert sizes == [2, 2, 2, 2, 3, 3, 4]


@pytest.mark.asyncio
async def test_what_passes_by_itself_does_not_halt(
    folder: Path, memory: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Store.fold
    failures = [Fault(Reason.LEDGER_UNAVAILABLE, "the disk is full")]

    def failing(store: Store, message: StreamMessage) -> object:
        if failures:
            raise failures.pop()
        return real(store, message)

    monkeypatch.setattr(Store, "fold", failing)
    async with house(folder, memory) as made:
        made.start(made.integrator.run())
        await append(memory, BLOCKS[0])
        async with asyncio.timeout(PATIENCE):
            while made.integrator.condition.state is not State.STALLED:  # noqa: ASYNC110 - a moment is watched for
                await asyncio.sleep(0.005)
        await made.folded(2)
        assert made.integrator.halted is None


@pytest.mark.asyncio
async def test_while_it_lasts_it_never_seems_well_and_is_said_once(
    folder: Path,
    memory: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = Store.fold
    failures = [Fault(Reason.LEDGER_UNAVAILABLE, "the disk is full") for _ in range(4)]
    seen: list[State] = []

    def failing(store: Store, message: StreamMessage) -> object:
        if failures:
            raise failures.pop()
        return real(store, message)

    async def watch() -> None:
        while True:
            await made.integrator.turned.wait()
            seen.append(made.integrator.condition.state)

    async def well() -> None:
        async with asyncio.timeout(PATIENCE):
            while made.integrator.condition.state is not State.FOLDING:  # noqa: ASYNC110 - a moment is watched for
                await asyncio.sleep(0.005)

    monkeypatch.setattr("gateway.ledger.integrator._RETRY_SECONDS", 0.05)
    async with house(folder, memory) as made:
        made.start(made.integrator.run())
        await well()
        made.start(watch())
        monkeypatch.setattr(Store, "fold", failing)
        await append(memory, BLOCKS[0])
        async with asyncio.timeout(PATIENCE):
            while State.FOLDING not in seen:  # noqa: ASYNC110 - another part's doing is watched
                await asyncio.sleep(0.005)
        await made.folded(2)
    assert set(seen[:-1]) == {State.STALLED}
    said = [each for each in caplog.records if "the disk is full" in each.getMessage()]
    assert len(said) == 1


@pytest.mark.asyncio
async def test_an_error_of_ours_halts_and_says_so(
    folder: Path, memory: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(store: Store, message: StreamMessage) -> object:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Store, "fold", broken)
    await append(memory, BLOCKS[0])
    async with house(folder, memory) as made:
        with pytest.raises(Fault):
            await made.integrator.run()
        assert made.integrator.halted is not None
        assert made.integrator.halted.reason is Reason.INTERNAL


@pytest.mark.asyncio
async def test_a_ledger_begins_once(folder: Path, memory: Ledger) -> None:
    async def start(name: str) -> int:
        async with house(folder, memory) as made:
            head = await begin(
                integrator=made.integrator,
                appender=memory.appender,
                genesis=statement(name, keys=["directory"], directory=True),
                node="node-a",
                now=NOON,
            )
            with made.reader.snapshot() as snapshot:
                assert snapshot.statement("aurora", "genesis") is not None
            return head.size

    assert await start("genesis") == 1
    assert await start("another") == 1
    lose_store(folder)
    assert await start("another") == 1


@pytest.mark.asyncio
async def test_a_genesis_that_the_fold_refuses_is_a_fault(folder: Path, memory: Ledger) -> None:
    async with house(folder, memory) as made:
        with pytest.raises(Fault, match="genesis") as raised:
            await begin(
                integrator=made.integrator,
                appender=memory.appender,
                genesis=statement("genesis", judged_at=1),
                node="node-a",
                now=NOON,
            )
        assert raised.value.reason is Reason.INTERNAL
