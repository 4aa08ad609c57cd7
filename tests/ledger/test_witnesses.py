"""The gateway asks witnesses: real ones, over HTTP on loopback, some slow, lost or lying."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from forewarn_client import note, witness_policy
from forewarn_witness.cosigning import Cosigner
from forewarn_witness.judging import Witness
from forewarn_witness.record import Record
from forewarn_witness.serving import application
from gateway.core.errors import Fault, Reason
from gateway.core.witness_policy import WitnessPolicy
from gateway.ledger.witness_calls import check_url
from gateway.ledger.witnesses import Witnesses, WitnessPatience
from gateway.ports.reading import SignedHead
from tests.witness.logs import ORIGIN, PaperLog

SECONDS = 20.0
QUICK = WitnessPatience(answer=2.0, first_pause=0.05, longest_pause=0.2)


@dataclass(kw_only=True)
class Ledger:
    """A paper log as the gateway's parts see one: a head, and proofs."""

    log: PaperLog
    head: "Head" = field(init=False)

    def __post_init__(self) -> None:
        self.head = Head()

    def grow(self, leaves: int) -> SignedHead:
        self.log.grow(leaves)
        size = len(self.log.leaves)
        head = SignedHead(note=self.log.note(), size=size, root=self.log.root(size))
        self.head.show(head)
        return head

    @contextmanager
    def snapshot(self) -> Any:
        yield SimpleNamespace(
            consistency=lambda old, new: tuple(self.log.consistency(old, new)),
        )


class Head:
    def __init__(self) -> None:
        self._shown: SignedHead | None = None
        self._grew = asyncio.Event()

    @property
    def current(self) -> SignedHead:
        assert self._shown is not None
        return self._shown

    @property
    def size(self) -> int:
        return self._shown.size if self._shown else 0

    def show(self, head: SignedHead) -> None:
        self._shown = head
        self._grew.set()
        self._grew = asyncio.Event()

    async def wait_beyond(self, size: int) -> SignedHead:
        while self._shown is None or self._shown.size <= size:
            await self._grew.wait()
        return self._shown


class Watcher:
    """A real witness, and what it has been asked."""

    def __init__(self, folder: Path, name: str, log: PaperLog, kind: str = "ed25519") -> None:
        key = Ed25519PrivateKey if kind == "ed25519" else MLDSA44PrivateKey
        self.cosigner = Cosigner(name=f"{name}.example", key=key.generate())
        self.record = Record.create(folder / f"{name}.db")
        self.witness = Witness(
            logs={ORIGIN: [note.VerifierKey.parse(log.key)]},
            cosigners=[self.cosigner],
            record=self.record,
        )
        self.name = name
        self.url = ""
        self.asked = 0
        self.answer: Callable[[web.Request], Awaitable[web.Response]] | None = None

    @property
    def size(self) -> int:
        return self.record.latest(ORIGIN).size

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = application(self.witness, lambda: 1_790_000_000)

        @web.middleware
        async def counted(request: web.Request, handler: Any) -> web.StreamResponse:
            self.asked += 1
            if self.answer is not None:
                return await self.answer(request)
            found: web.StreamResponse = await handler(request)
            return found

        app.middlewares.insert(0, counted)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            yield
        finally:
            await runner.cleanup()


class Scene:
    """A ledger, witnesses, and the notes that were published."""

    def __init__(self, tmp_path: Path, quorum: str, count: int = 2) -> None:
        self.ledger = Ledger(log=PaperLog())
        kinds = ["ed25519", "ml-dsa-44", "ed25519"]
        self.watchers = [
            Watcher(tmp_path, f"w{n}", self.ledger.log, kinds[n]) for n in range(count)
        ]
        self.quorum = quorum
        self.notes: list[bytes] = []
        self._published = asyncio.Event()

    @property
    def policy(self) -> bytes:
        lines = [f"witness {w.name} {w.cosigner.verifier} {w.url}" for w in self.watchers]
        members = " ".join(w.name for w in self.watchers)
        return "\n".join([*lines, f"group g {self.quorum} {members}", "quorum g\n"]).encode()

    async def publish(self, cosigned: bytes) -> None:
        self.notes.append(cosigned)
        self._published.set()
        self._published = asyncio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not holds():  # noqa: ASYNC110 - what is waited for is in other hands
                await asyncio.sleep(0.01)

    def standing(self) -> str:
        policy = witness_policy.WitnessPolicy.parse(self.policy)
        return str(policy.standing(self.notes[-1])) if self.notes else "nothing"

    def shown(self) -> int:
        return note.checkpoint_of(note.parse_note(self.notes[-1]).text).size if self.notes else -1

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        asking = asyncio.create_task(
            Witnesses(
                policy=WitnessPolicy.parse(self.policy),
                reader=self.ledger,  # type: ignore[arg-type] # as much of it as is asked
                head=self.ledger.head,
                publish=self.publish,
                trust=ssl.create_default_context(),
                patience=QUICK,
            ).run()
        )
        try:
            yield
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.asyncio
async def test_heads_are_cosigned_by_all(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "all")
    one, two = scene.watchers
    async with one.serving(), two.serving(), scene.asking():
        for leaves in (1, 6, 30):
            head = scene.ledger.grow(leaves)
            await scene.until(lambda size=head.size: scene.shown() == size)  # type: ignore[misc] # a default
            assert scene.standing() == "2 of 2 witnesses"
            assert scene.notes[-1].startswith(head.note)
            assert (one.size, two.size) == (head.size, head.size)


@pytest.mark.asyncio
async def test_an_idle_log_asks_nobody(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "all")
    one, two = scene.watchers
    async with one.serving(), two.serving(), scene.asking():
        scene.ledger.grow(3)
        await scene.until(lambda: scene.shown() == 3)
        before = (one.asked, two.asked, len(scene.notes))
        await asyncio.sleep(0.6)
        assert (one.asked, two.asked, len(scene.notes)) == before


@pytest.mark.asyncio
async def test_a_witness_that_hangs_holds_up_no_quorum_that_can_do_without_it(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, "2", count=3)
    one, two, slow = scene.watchers
    hanging = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await hanging.wait()
        return web.Response(status=503)

    slow.answer = hang
    async with one.serving(), two.serving(), slow.serving(), scene.asking():
        for leaves in (1, 1, 1):
            head = scene.ledger.grow(leaves)
            await scene.until(lambda size=head.size: scene.shown() == size)  # type: ignore[misc] # a default
        assert slow.asked == 1
        slow.answer = None
        hanging.set()
        scene.ledger.grow(1)
        # It is asked again with a later head, from what it has cosigned: nothing.
        await scene.until(lambda: slow.asked > 1 or (bool(scene.ledger.grow(1)) and False))


@pytest.mark.asyncio
async def test_a_quorum_that_was_missed_is_tried_for_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "all")
    one, two = scene.watchers

    async def away(_: web.Request) -> web.Response:
        return web.Response(status=503)

    two.answer = away
    async with one.serving(), two.serving(), scene.asking():
        scene.ledger.grow(4)
        await scene.until(lambda: two.asked > 2)
        assert scene.notes == []
        assert one.asked == 1  # it has cosigned this head, and is not asked again
        two.answer = None
        await scene.until(lambda: scene.shown() == 4)
        assert scene.standing() == "2 of 2 witnesses"


@pytest.mark.asyncio
async def test_after_a_restart_they_are_asked_from_where_they_are(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "all")
    one, two = scene.watchers
    async with one.serving(), two.serving():
        async with scene.asking():
            scene.ledger.grow(5)
            await scene.until(lambda: scene.shown() == 5)
        scene.notes.clear()
        scene.ledger.grow(5)
        async with scene.asking():
            await scene.until(lambda: scene.shown() == 10)
        assert scene.standing() == "2 of 2 witnesses"


@pytest.mark.asyncio
async def test_a_rollback_and_a_fork_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(tmp_path, "all")
    one, two = scene.watchers
    async with one.serving(), two.serving():
        async with scene.asking():
            scene.ledger.grow(9)
            await scene.until(lambda: scene.shown() == 9)
        scene.notes.clear()
        log = PaperLog(signer=scene.ledger.log.signer)
        scene.ledger = Ledger(log=log)
        with caplog.at_level(logging.WARNING):
            async with scene.asking():
                scene.ledger.grow(6)
                await scene.until(lambda: "rolled back" in caplog.text)
            log.leaves.clear()
            log.grow(12, salt=b"fork")
            async with scene.asking():
                scene.ledger.grow(0)
                await scene.until(lambda: "forked" in caplog.text)
        assert scene.notes == []
        told = [each for each in caplog.records if each.name.startswith("gateway")]
        assert {each.levelname for each in told} == {"CRITICAL"}
        assert [size for _, size, _, _ in one.record.evidence()] == [12]


@pytest.mark.asyncio
async def test_a_head_that_another_node_had_cosigned_first_is_no_rollback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(tmp_path, "all", count=1)
    (watcher,) = scene.watchers
    async with watcher.serving():
        shown = scene.ledger.grow(3)
        # The other node is a block ahead.
        log = scene.ledger.log
        log.grow(2)
        assert watcher.witness.add_checkpoint(log.request(0), 1_790_000_000).status == 200
        assert (watcher.size, shown.size) == (5, 3)
        async with scene.asking():
            await scene.until(lambda: watcher.asked == 1)
            # Until its answer has been looked at.
            await asyncio.sleep(0.3)
            scene.ledger.grow(0)
            await scene.until(lambda: scene.shown() == 5)
    assert "rolled back" not in caplog.text


LIES = {
    "another's line": lambda line, body: web.Response(
        body=Cosigner(name="w1.example", key=Ed25519PrivateKey.generate()).cosign(body, 5)
    ),
    "a cut line": lambda line, body: web.Response(body=line[:-9]),
    "nothing": lambda line, body: web.Response(body=b""),
    "no text at all": lambda line, body: web.Response(body=b"\xff\x00"),
    "a flood": lambda line, body: web.Response(body=b"\xe2\x80\x94 w a\n" * 20_000),
    "a redirect": lambda line, body: web.Response(status=308, headers={"Location": "/x"}),
    "a size that is none": lambda line, body: web.Response(
        status=409, body=b"-1\n", content_type="text/x.tlog.size"
    ),
    "a size without its type": lambda line, body: web.Response(status=409, body=b"1\n"),
    "a size beyond the log": lambda line, body: web.Response(
        status=409, body=b"999999\n", content_type="text/x.tlog.size"
    ),
    "not found": lambda line, body: web.Response(status=404),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("lie", LIES)
async def test_a_lying_witness_gives_nothing_and_stops_nothing(tmp_path: Path, lie: str) -> None:
    scene = Scene(tmp_path, "1")
    honest, liar = scene.watchers

    async def lying(request: web.Request) -> web.Response:
        text = note.parse_note((await request.read()).partition(b"\n\n")[2]).text
        return LIES[lie](liar.cosigner.cosign(text, 5), text)

    liar.answer = lying
    async with honest.serving(), liar.serving(), scene.asking():
        for leaves in (2, 3):
            head = scene.ledger.grow(leaves)
            await scene.until(lambda size=head.size: scene.shown() == size)  # type: ignore[misc] # a default
        await scene.until(lambda: liar.asked > 0)
        assert scene.standing() == "1 of 2 witnesses"


@pytest.mark.asyncio
async def test_what_could_not_be_stored_is_published_later(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "all")
    one, two = scene.watchers
    full = [True]
    stored = scene.publish

    async def publish(cosigned: bytes) -> None:
        if full.pop() if full else False:
            raise Fault(Reason.LEDGER_UNAVAILABLE, "no room")
        await stored(cosigned)

    scene.publish = publish  # type: ignore[method-assign] # for once
    async with one.serving(), two.serving(), scene.asking():
        scene.ledger.grow(2)
        # Nothing more is recorded: a receipt may be waiting for this very head.
        await scene.until(lambda: scene.shown() == 2)
        assert (one.asked, two.asked) == (1, 1)


@pytest.mark.parametrize(
    "url",
    ["", "w1.example", "http://w1.example/", "ftp://127.0.0.1/", "https:///x", "https://w/?q"],
)
def test_a_url_that_is_not_fit_for_use(url: str) -> None:
    with pytest.raises(ValueError, match=r"not the URL|neither https"):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["https://w1.example/log", "http://127.0.0.1:8480", "http://[::1]:1/"]
)
def test_a_url_that_is(url: str) -> None:
    check_url(url)
