"""Nodes that fold one stream show what one of them signed, and only after comparing it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.core.checkpoint import Checkpoint, Note, NoteSigner, open_checkpoint
from gateway.core.errors import Fault, Reason
from gateway.ledger.announced_here import AnnouncedHere
from gateway.ledger.beside import Beside, SayingAnnouncer
from gateway.ledger.endorsing import NodeEndorser
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.lease import Candidate, Lease
from gateway.ledger.memory import MemoryBlockStream
from gateway.ledger.memory_nodes import MemoryLeasePlace, MemorySignedNotes
from gateway.ledger.reader import StoreReader
from gateway.ledger.store import Store
from gateway.ports.conditions import State
from tests.ledger.house import ORIGIN, block, statement, summarize
from tests.ledger.running import PATIENCE

SECONDS = 0.6
UNSIGNED_SECONDS = 0.3
BLOCKS = [block(statement(f"{n}"), statement(f"{n}b")) for n in range(6)]


@dataclass(slots=True, kw_only=True)
class Exchange:
    """What the nodes of an exchange share."""

    folder: Path
    stream: MemoryBlockStream = field(default_factory=MemoryBlockStream)
    place: MemoryLeasePlace = field(default_factory=MemoryLeasePlace)
    ears: list[MemorySignedNotes] = field(default_factory=list)

    @property
    def key(self) -> bytes:
        return (self.folder / "one" / "keeper" / "log.pem").read_bytes()


@dataclass(slots=True, kw_only=True)
class Node:
    """A node of it, running or not."""

    exchange: Exchange
    name: str
    stream: MemoryBlockStream
    keeper: Keeper
    endorser: NodeEndorser
    integrator: Integrator
    reader: StoreReader
    lease: Lease
    announced: AnnouncedHere
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def note(self) -> bytes | None:
        with self.reader.snapshot() as snapshot:
            return snapshot.note

    @property
    def shown(self) -> int:
        """Size of the head that readers are shown."""
        note = self.note
        return open_checkpoint(note, [self.keeper.verifier], ORIGIN).size if note else 0

    async def shows(self, size: int) -> None:
        await until(lambda: self.shown == size)

    async def halts(self) -> Fault:
        with pytest.raises(Fault) as raised:
            async with asyncio.timeout(PATIENCE):
                await self.tasks["integrator"]
        return raised.value

    async def kill(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - files of other parts are watched
            await asyncio.sleep(0.005)


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    Keeper.create(tmp_path / "one" / "keeper", ORIGIN)
    return Exchange(folder=tmp_path)


@asynccontextmanager
async def node(
    exchange: Exchange, name: str, *, stream: MemoryBlockStream | None = None
) -> AsyncGenerator[Node, None]:
    folder = exchange.folder / name
    pinned = Keeper.load(exchange.folder / "one" / "keeper", ORIGIN).verifier
    keeper = Keeper.attend(folder / "keeper", pinned, make=True)
    Store.create(folder / "ledger.db", ORIGIN)
    store = Store.open(folder / "ledger.db", ORIGIN, summarize=summarize)
    endorser = NodeEndorser(keeper, evidence_folder=folder / "evidence")
    notes, announced = MemorySignedNotes(exchange.ears), AnnouncedHere()
    integrator = Integrator(
        stream=stream or exchange.stream,
        store=store,
        endorser=endorser,
        announcer=SayingAnnouncer(announced, notes, endorser),
        unsigned_seconds=UNSIGNED_SECONDS,
    )

    def hear_all(found: Mapping[str, bytes]) -> None:
        for each in found.values():
            endorser.hear(each)

    candidate = Candidate(
        node=name,
        token=f"{name}-{len(exchange.ears)}",
        fit=lambda: (
            keeper.can_sign and integrator.condition.state in {State.FOLDING, State.UNSIGNED}
        ),
        notes=lambda: {"LEDGER": endorser.note} if endorser.note else {},
        heard=hear_all,
    )
    clock = asyncio.get_running_loop().time
    lease = Lease(exchange.place, candidate, seconds=SECONDS, clock=clock, written=str)
    beside = Beside(integrator=integrator, endorser=endorser, notes=notes, lease=lease)
    made = Node(
        exchange=exchange,
        name=name,
        stream=stream or exchange.stream,
        keeper=keeper,
        endorser=endorser,
        integrator=integrator,
        reader=StoreReader(folder / "ledger.db", ORIGIN),
        lease=lease,
        announced=announced,
    )
    for part, run in (("integrator", integrator), ("beside", beside), ("lease", lease)):
        made.tasks[part] = asyncio.create_task(run.run())
    try:
        yield made
    finally:
        await made.kill()
        exchange.ears.remove(notes)
        await integrator.close()
        made.reader.close()


@pytest_asyncio.fixture
async def one(exchange: Exchange) -> AsyncGenerator[Node, None]:
    async with node(exchange, "one") as made:
        yield made


@pytest_asyncio.fixture
async def two(exchange: Exchange, one: Node) -> AsyncGenerator[Node, None]:
    await until(lambda: one.endorser.signing)
    async with node(exchange, "two") as made:
        yield made


def forged(exchange: Exchange, size: int, root: bytes = bytes(32)) -> bytes:
    """Sign what nobody folded, with the log's own key."""
    keeper = Keeper.load(exchange.folder / "one" / "keeper", ORIGIN)
    assert keeper._signer is not None
    return signed(keeper._signer, size, root)


def signed(signer: NoteSigner, size: int, root: bytes) -> bytes:
    text = Checkpoint(origin=ORIGIN, size=size, root=root).text()
    return Note(text=text, signatures=(signer.sign(text),)).encode()


def copy_key(exchange: Exchange, name: str) -> None:
    """Do what whoever runs the nodes does by hand."""
    path = exchange.folder / name / "keeper" / "log.pem"
    path.write_bytes(exchange.key)
    path.chmod(0o600)


@pytest.mark.asyncio
async def test_both_show_the_same_note_and_keep_it_as_their_mark(one: Node, two: Node) -> None:
    for n, each in enumerate(BLOCKS):
        await one.stream.append(each)
        await one.shows(2 * n + 2)
        await two.shows(2 * n + 2)
    assert one.note == two.note
    assert two.keeper.note == two.note
    assert not two.keeper.can_sign
    assert not two.endorser.signing
    assert (
        Keeper.attend(two.exchange.folder / "two" / "keeper", one.keeper.verifier).mark.size == 12
    )


@pytest.mark.asyncio
async def test_a_node_that_hears_itself_does_not_say_it_again(one: Node, two: Node) -> None:
    await one.stream.append(BLOCKS[0])
    await two.shows(2)
    said = 0

    async def listen(node: Node) -> None:
        nonlocal said
        async for _ in node.announced.notes():
            said += 1

    listening = [asyncio.create_task(listen(each)) for each in (one, two)]
    await asyncio.sleep(0.3)
    for each in listening:
        each.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    # A few are still on their way; said again and again, it would be hundreds.
    assert said <= 20


@pytest.mark.asyncio
async def test_nothing_is_shown_that_nobody_signed(exchange: Exchange) -> None:
    async with node(exchange, "two") as two:
        await exchange.stream.append(BLOCKS[0])
        await until(lambda: two.integrator.unendorsed)
        # The store is ahead of what the integrator tells of itself.
        told = {State.FOLDING, State.UNSIGNED}
        await until(lambda: two.integrator.condition.state in told)
        # What waits is said after a while, also where more comes in.
        await exchange.stream.append(BLOCKS[1])
        await until(lambda: two.integrator.condition.state is State.UNSIGNED)
        assert "lease show" in two.integrator.trouble
        assert two.note is None
        # Somebody who knows comes, and is asked.
        async with node(exchange, "one"):
            await two.shows(4)
            # The store shows it a moment before the integrator says so.
            await until(lambda: two.integrator.condition.state is State.FOLDING)
            assert two.integrator.trouble == ""


@pytest.mark.asyncio
async def test_while_another_signs_nothing_is_said_to_wait(
    exchange: Exchange, one: Node, two: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Never level for a moment: each note that comes is of less than is folded by then.
    monkeypatch.setattr(Integrator, "unendorsed", True)
    await until(lambda: two.integrator.condition.state is State.FOLDING)
    began = asyncio.get_running_loop().time()
    number = 0
    while asyncio.get_running_loop().time() - began < 3 * UNSIGNED_SECONDS:
        number += 1
        await exchange.stream.append(block(statement(f"busy {number}")))
        await two.shows(number)
        assert two.integrator.condition.state is State.FOLDING
    assert one.integrator.condition.state is State.FOLDING


@pytest.mark.asyncio
async def test_a_lost_note_is_asked_for(
    exchange: Exchange, one: Node, two: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(MemorySignedNotes, "receive", lambda *_: None)
        await exchange.stream.append(BLOCKS[0])
        await one.shows(2)
        await until(lambda: two.integrator.unendorsed)
        assert two.shown == 0
    await two.shows(2)


@pytest.mark.asyncio
async def test_a_note_of_more_than_is_folded_waits(exchange: Exchange, one: Node) -> None:
    lagging = MemoryBlockStream()
    async with node(exchange, "two", stream=lagging) as two:
        for each in BLOCKS[:3]:
            await exchange.stream.append(each)
        await one.shows(6)
        await lagging.append(BLOCKS[0])
        await until(lambda: two.integrator._size == 2)
        assert two.shown <= 2
        for each in BLOCKS[1:3]:
            await lagging.append(each)
        await two.shows(6)


@pytest.mark.asyncio
async def test_another_block_in_its_stream_halts_the_comparing_node(
    exchange: Exchange, one: Node
) -> None:
    other = MemoryBlockStream()
    async with node(exchange, "two", stream=other) as two:
        for stream in (exchange.stream, other):
            await stream.append(BLOCKS[0])
        await two.shows(2)
        await other.append(BLOCKS[2])
        await exchange.stream.append(BLOCKS[1])
        fault = await two.halts()
        assert fault.reason is Reason.LEDGER_NOT_PROVEN
        assert two.integrator.halted is fault
        assert two.shown == 2
        (kept,) = (exchange.folder / "two" / "evidence").iterdir()
        assert str(kept) in fault.detail
        heard = open_checkpoint((kept / "signed-note").read_bytes(), [one.keeper.verifier], ORIGIN)
        own = Checkpoint.parse((kept / "against-it").read_bytes())
        before = (kept / "agreed-before").read_bytes()
        assert heard.size == own.size == 4
        assert heard.root != own.root
        assert open_checkpoint(before, [one.keeper.verifier], ORIGIN).size == 2
    assert one.integrator.halted is None


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [2, 4], ids=["of the past", "of now"])
async def test_a_forged_note_under_the_key_halts_whoever_hears_it(
    exchange: Exchange, one: Node, two: Node, size: int
) -> None:
    for each in BLOCKS[:2]:
        await exchange.stream.append(each)
    await two.shows(4)
    stranger = MemorySignedNotes(exchange.ears)
    await stranger.say(forged(exchange, size))
    for hearer in (one, two):
        assert (await hearer.halts()).reason is Reason.LEDGER_NOT_PROVEN
    (kept,) = (exchange.folder / "two" / "evidence").iterdir()
    assert (kept / "signed-note").read_bytes() == forged(exchange, size)


@pytest.mark.asyncio
async def test_two_notes_of_one_size_need_no_tree_to_contradict_each_other(
    exchange: Exchange, one: Node, two: Node
) -> None:
    await exchange.stream.append(BLOCKS[0])
    await two.shows(2)
    stranger = MemorySignedNotes(exchange.ears)
    await stranger.say(forged(exchange, 100, b"a" * 32))
    await asyncio.sleep(0.05)
    assert two.integrator.halted is None
    await stranger.say(forged(exchange, 100, b"b" * 32))
    for each in (one, two):
        assert (await each.halts()).reason is Reason.LEDGER_NOT_PROVEN


@pytest.mark.asyncio
async def test_what_the_log_did_not_sign_counts_for_nothing(
    exchange: Exchange, one: Node, two: Node
) -> None:
    stranger = MemorySignedNotes(exchange.ears)
    other = NoteSigner(name=ORIGIN, key=Ed25519PrivateKey.generate())
    for junk in (b"", b"junk", b"x" * 9000, signed(other, 1, bytes(32))):
        await stranger.say(junk)
    await exchange.stream.append(BLOCKS[0])
    await two.shows(2)
    assert two.integrator.halted is None


@pytest.mark.asyncio
async def test_the_signer_killed_another_signs_after_the_lease(exchange: Exchange) -> None:
    async with node(exchange, "two") as two:
        pass
    copy_key(exchange, "two")
    async with node(exchange, "one") as one:
        await until(lambda: one.endorser.signing)
        async with node(exchange, "two") as two:
            await exchange.stream.append(BLOCKS[0])
            await two.shows(2)
            assert two.keeper.can_sign
            assert not two.endorser.signing
            await one.kill()
            await exchange.stream.append(BLOCKS[1])
            await two.shows(4)
            await until(lambda: two.endorser.signing)
            # The first comes back, compares, and does not sign.
            async with node(exchange, "one") as again:
                await exchange.stream.append(BLOCKS[2])
                await again.shows(6)
                assert not again.endorser.signing
                assert again.note == two.note


@pytest.mark.asyncio
async def test_without_the_key_nobody_takes_the_turn(exchange: Exchange, one: Node) -> None:
    await until(lambda: one.endorser.signing)
    async with node(exchange, "two") as two:
        await exchange.stream.append(BLOCKS[0])
        await two.shows(2)
        await one.kill()
        await exchange.stream.append(BLOCKS[1])
        await until(lambda: two.integrator.unendorsed)
        await asyncio.sleep(2.5 * SECONDS)
        assert two.shown == 2
        assert not two.lease.held


@pytest.mark.asyncio
async def test_what_was_signed_before_is_compared_before_the_turn_begins(
    exchange: Exchange,
) -> None:
    """The lease names a larger head than the stream gives: it is not contradicted by signing."""
    async with node(exchange, "one") as one:
        await until(lambda: one.endorser.signing)
        for each in BLOCKS[:2]:
            await exchange.stream.append(each)
        await one.shows(4)
        await one.lease.step()
    async with node(exchange, "two") as two:
        pass
    copy_key(exchange, "two")
    # The stream lost its end, and goes on another way.
    other = MemoryBlockStream()
    for each in (BLOCKS[0], BLOCKS[3]):
        await other.append(each)
    async with node(exchange, "two", stream=other) as two:
        assert (await two.halts()).reason is Reason.LEDGER_NOT_PROVEN
        assert two.note is None


def test_another_key_than_the_pinned_one_is_refused(exchange: Exchange) -> None:
    pinned = Keeper.load(exchange.folder / "one" / "keeper", ORIGIN).verifier
    Keeper.attend(exchange.folder / "two" / "keeper", pinned, make=True)
    other = Keeper.create(exchange.folder / "other", ORIGIN)
    assert other.verifier != pinned
    key = exchange.folder / "two" / "keeper" / "log.pem"
    key.write_bytes((exchange.folder / "other" / "log.pem").read_bytes())
    key.chmod(0o600)
    with pytest.raises(Fault, match="pinned"):
        Keeper.attend(exchange.folder / "two" / "keeper", pinned)
    copy_key(exchange, "two")
    assert Keeper.attend(exchange.folder / "two" / "keeper", pinned).can_sign
    key.chmod(0o640)
    with pytest.raises(Fault, match="chmod"):
        Keeper.attend(exchange.folder / "two" / "keeper", pinned)


@pytest.mark.parametrize("content", [b"", b"\0" * 8192, b"forewarn: nothing"])
def test_a_mark_that_says_nothing_is_not_taken_for_a_new_one(
    exchange: Exchange, content: bytes
) -> None:
    pinned = Keeper.load(exchange.folder / "one" / "keeper", ORIGIN).verifier
    Keeper.attend(exchange.folder / "two" / "keeper", pinned, make=True)
    mark = exchange.folder / "two" / "keeper" / "high-water"
    mark.write_bytes(content)
    with pytest.raises(Fault, match="not whole"):
        Keeper.attend(exchange.folder / "two" / "keeper", pinned, make=True)
