"""A ledger that was rewritten, rolled back or forked is caught; one that lags behind is not."""

import asyncio
import copy
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

from forewarn_client import Box, Filter, Flaw, HistoryError, HomeError, Lab, Patience, merkle
from forewarn_client.checkpoint_file import CheckpointFile, SignedCheckpoint
from forewarn_client.errors import RefusedError, UnavailableError, VerificationError
from forewarn_client.home import Home
from forewarn_client.note import Checkpoint
from forewarn_client.verifier import Verifier
from tests.vectors.rfc6962 import Tree, numbered
from tests.world.ledger_builder import party
from tests.world.paper_exchange import Failure, PaperExchange

LAB = party("aurora", "lab")
CIVIL = party("civil-ai", "agency")
HASTE = Patience(budget=5.0, attempt=2.0, reconnect=5.0, behind=0.5)
PROOF = "GetConsistencyProof"


def exchange(folder: Path) -> PaperExchange:
    paper = PaperExchange(folder=folder)
    for who in (LAB, CIVIL):
        paper.ledger.enrol(who)
    return paper


def grow(paper: PaperExchange, by: int = 1) -> None:
    """Record something that the lab has no part in."""
    for _ in range(by):
        paper.ledger.say(CIVIL, "FEEDBACK")


def rewrite(paper: PaperExchange, index: int = 2) -> None:
    """Change what was recorded at an index, for good."""
    entry = paper.ledger.entries[index]
    paper.ledger.entries[index] = replace(entry, salt=bytes(32))


def connect(home: Home, patience: Patience = HASTE) -> Lab:
    return Lab.connect(home, patience=patience)


def kept(home: Home) -> bytes:
    return (home.state / "checkpoint").read_bytes()


@pytest.mark.asyncio
async def test_growth_is_proven_once_and_remembered(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        async with connect(home) as lab:
            await lab.checkpoint()
            assert PROOF not in paper.calls
            grow(paper)
            for _ in range(3):
                assert (await lab.checkpoint()).size == 4
            assert paper.calls.count(PROOF) == 1
            assert kept(home) == paper.ledger.checkpoint()
        grow(paper, 3)
        async with connect(home) as lab:
            await lab.checkpoint()
            await lab.directory()
        assert paper.calls.count(PROOF) == 2
        assert kept(home) == paper.ledger.checkpoint()
        assert stat.S_IMODE((home.state / "checkpoint").stat().st_mode) == 0o600
        # What was verified is said with each request, from the first one of a run on.
        assert paper.floors == [0, 3, 4, 4, 4, 4, 7, 7]
        assert not home.evidence.exists()


@pytest.mark.asyncio
async def test_many_at_once_share_one_proof(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, connect(paper.home(LAB)) as lab:
        await lab.checkpoint()
        grow(paper, 5)
        await asyncio.gather(*(lab.checkpoint() for _ in range(20)))
        assert paper.calls.count(PROOF) == 1


@pytest.mark.asyncio
async def test_a_rewritten_ledger_is_caught_and_the_evidence_saved(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        async with connect(home) as lab:
            await lab.checkpoint()
        before = paper.ledger.checkpoint()
        rewrite(paper)
        grow(paper)
        found = []
        for _ in range(2):
            async with connect(home) as lab:
                with pytest.raises(HistoryError) as caught:
                    await lab.directory()
                found.append(caught.value)
                # From here on nothing is believed, whatever is shown.
                with pytest.raises(HistoryError):
                    await lab.checkpoint()
        assert {(error.reason, error.rule) for error in found} == {
            (Flaw.HISTORY_REWRITTEN, "root-mismatch")
        }
        (evidence,) = home.evidence.iterdir()
        assert {error.evidence for error in found} == {evidence}
        assert evidence.name.startswith("history-rewritten-3-4-")
        shown = json.loads(evidence.read_bytes())
        assert shown["verified"].encode() == before == kept(home)
        assert shown["shown"].encode() == paper.ledger.checkpoint()
        assert shown["log_key"] == paper.ledger.log_vkey
        assert shown["consistency_proof"] == [item.hex() for item in paper.ledger.consistency(3, 4)]


@pytest.mark.asyncio
async def test_two_ledgers_of_one_size_need_no_proof_to_be_caught(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        async with connect(home) as lab:
            await lab.checkpoint()
            rewrite(paper)
            with pytest.raises(HistoryError, match=Flaw.HISTORY_REWRITTEN):
                await lab.checkpoint()
        assert PROOF not in paper.calls
        (evidence,) = home.evidence.iterdir()
        assert json.loads(evidence.read_bytes())["consistency_proof"] is None


@pytest.mark.asyncio
async def test_an_answer_older_than_what_was_said_is_a_rollback(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        grow(paper, 3)
        async with connect(home) as lab:
            await lab.checkpoint()
        before = kept(home)
        paper.honours_floors = False
        del paper.ledger.entries[4:]
        async with connect(home) as lab:
            with pytest.raises(HistoryError, match=Flaw.LEDGER_ROLLED_BACK) as caught:
                await lab.directory()
        assert caught.value.evidence.name.startswith("ledger-rolled-back-6-4-")
        assert kept(home) == before


@pytest.mark.asyncio
@pytest.mark.parametrize("streaming", [False, True])
async def test_an_exchange_that_stays_behind_is_a_rollback(tmp_path: Path, streaming: bool) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        grow(paper, 3)
        async with connect(home) as lab:
            await lab.checkpoint()
            del paper.ledger.entries[4:]
            call = anext(lab.follow()) if streaming else lab.checkpoint()
            with pytest.raises(HistoryError, match=Flaw.LEDGER_ROLLED_BACK):
                await call


@pytest.mark.asyncio
async def test_an_exchange_that_lags_a_while_is_none(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, connect(paper.home(LAB)) as lab:
        grow(paper, 3)
        await lab.checkpoint()
        taken = paper.ledger.entries[4:]
        del paper.ledger.entries[4:]
        asked = asyncio.create_task(lab.checkpoint())
        await asyncio.sleep(0.2)
        paper.ledger.entries += taken
        assert (await asked).size == 6


@pytest.mark.asyncio
async def test_an_exchange_that_cannot_read_its_ledger_was_not_rolled_back(tmp_path: Path) -> None:
    info = error_details_pb2.ErrorInfo(reason="LEDGER_UNAVAILABLE", domain="forewarn")
    failure = Failure(code=grpc.StatusCode.UNAVAILABLE, details=(info,))
    patience = Patience(budget=10.0, attempt=2.0, behind=0.0)
    async with exchange(tmp_path) as paper, connect(paper.home(LAB), patience) as lab:
        await lab.checkpoint()
        # Neither the call nor the question gets an answer; then the question does, then the call.
        paper.failures = [failure] * 2 + [failure]
        assert (await lab.checkpoint()).size == 3


@pytest.mark.asyncio
async def test_an_exchange_that_only_fails_is_unavailable(tmp_path: Path) -> None:
    patience = Patience(budget=1.5, attempt=1.0, behind=0.2)
    async with exchange(tmp_path) as paper, connect(paper.home(LAB), patience) as lab:
        await lab.checkpoint()
        del paper.ledger.entries[2:]
        paper.failures = [Failure(code=grpc.StatusCode.UNAVAILABLE)] * 99
        with pytest.raises(UnavailableError):
            await lab.checkpoint()


@pytest.mark.asyncio
async def test_a_stream_that_comes_back_with_a_fork_is_caught(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        async with connect(home) as lab:
            (first,) = await lab.notify(NOTICE, ["civil-ai"])
            stream = lab.follow(Filter(box=Box.ALL))
            assert (await anext(stream)).record.index == first.index
            await paper.stop()
            fork = copy.deepcopy(paper.ledger.entries[:2])
            paper.ledger.entries[:] = fork
            grow(paper, 4)
            await paper.start()
            with pytest.raises(HistoryError, match=Flaw.HISTORY_REWRITTEN):
                await anext(stream)


@pytest.mark.asyncio
async def test_a_late_answer_from_before_is_proven_too(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, connect(paper.home(LAB)) as lab:
        await lab.checkpoint()
        grow(paper, 5)
        until = asyncio.Event()
        paper.slow_checkpoints.append((until, 5))
        late = asyncio.create_task(lab.checkpoint())
        await paper.slow.wait()
        assert (await lab.checkpoint()).size == 8
        until.set()
        assert (await late).size == 5
        assert paper.calls.count(PROOF) == 2
        # And the newest is still what counts.
        assert lab.reader is not None
        await lab.checkpoint()
        assert paper.floors[-1] == 8


@pytest.mark.asyncio
async def test_a_late_answer_from_another_past_is_caught(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, connect(paper.home(LAB)) as lab:
        await lab.checkpoint()
        grow(paper, 5)
        rightly = paper.ledger.entries[3]
        rewrite(paper, 3)
        until = asyncio.Event()
        paper.slow_checkpoints.append((until, 5))
        late = asyncio.create_task(lab.checkpoint())
        await paper.slow.wait()
        paper.ledger.entries[3] = rightly
        await lab.checkpoint()
        until.set()
        with pytest.raises(HistoryError, match=Flaw.HISTORY_REWRITTEN):
            await late


@pytest.mark.asyncio
async def test_an_exchange_that_does_not_prove_is_not_believed(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        async with connect(home) as lab:
            await lab.checkpoint()
            paper.refuses_proofs = True
            grow(paper)
            with pytest.raises(HistoryError, match=Flaw.HISTORY_UNPROVEN):
                await lab.checkpoint()
        paper.refuses_proofs = False
        async with connect(home) as lab:
            await lab.checkpoint()


@pytest.mark.asyncio
async def test_a_proof_that_is_refused_for_who_asks_accuses_nobody(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        async with connect(home) as lab:
            await lab.checkpoint()
            grow(paper)
            info = error_details_pb2.ErrorInfo(reason="MEMBER_INACTIVE", domain="forewarn")
            denied = grpc.StatusCode.PERMISSION_DENIED
            paper.proof_failures.append(Failure(code=denied, details=(info,)))
            # Suspended in between: the checkpoint came, its proof does not. Nothing is believed.
            with pytest.raises(RefusedError, match="MEMBER_INACTIVE"):
                await lab.checkpoint()
            assert kept(home) == paper.ledger.checkpoint(3)
            assert not home.evidence.exists()
            await lab.checkpoint()


@pytest.mark.asyncio
async def test_two_connections_of_one_folder_watch_over_each_other(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        async with connect(home) as first, connect(home) as second:
            await first.checkpoint()
            grow(paper, 2)
            await second.checkpoint()
            assert kept(home) == paper.ledger.checkpoint(5)
            grow(paper, 2)
            await first.checkpoint()
            await second.checkpoint()
            assert kept(home) == paper.ledger.checkpoint(7)
            # Each is shown a ledger of its own from here on.
            grow(paper)
            await first.checkpoint()
            rewrite(paper, 7)
            grow(paper)
            with pytest.raises(HistoryError, match=Flaw.HISTORY_REWRITTEN):
                await second.checkpoint()
            assert kept(home) != paper.ledger.checkpoint()


@pytest.mark.asyncio
async def test_a_damaged_memory_is_not_taken_for_none(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        async with connect(home) as lab:
            await lab.checkpoint()
        note = kept(home)
        for damaged in (b"", note[:-9], note.replace(b"\n3\n", b"\n2\n")):
            (home.state / "checkpoint").write_bytes(damaged)
            with pytest.raises(HomeError, match="restore the file"):
                await connect(home).__aenter__()


def test_the_file_never_goes_back_whoever_writes(tmp_path: Path) -> None:
    class Trusting:
        """Takes a note for what it says, without a signature."""

        def checkpoint(self, data: bytes) -> Checkpoint:
            return Checkpoint(origin="o", size=int(data), root=bytes(32))

    trusting: Verifier = Trusting()  # type: ignore[assignment] # it trusts all

    def signed(size: int) -> SignedCheckpoint:
        note = b"%d" % size
        return SignedCheckpoint(note=note, checkpoint=trusting.checkpoint(note))

    def climb(offset: int) -> None:
        file, known = CheckpointFile(tmp_path, trusting), None
        for size in range(offset, 60, 3):
            while (found := file.replace(known, signed(size))) is not None:
                known = found
                if found.size >= size:
                    break
            else:
                known = signed(size)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(climb, (1, 2, 3)))
    assert (tmp_path / "checkpoint").read_bytes() == b"59"


def test_consistency_holds_between_any_two_sizes_and_for_no_other_roots() -> None:
    tree = Tree(numbered)
    for new in range(1, 40):
        for old in range(new + 1):
            roots = tree.root(old), tree.root(new)
            proof = tree.proof(old, new) if old else ()
            merkle.verify_consistency(old, roots[0], new, roots[1], proof)
            wrong = [(tree.root(old + 1), roots[1])]
            # From nothing, any ledger goes on.
            wrong += [(roots[0], tree.root(new + 1))] if old else []
            for before, after in wrong:
                with pytest.raises(VerificationError):
                    merkle.verify_consistency(old, before, new, after, proof)


NOTICE = {
    "tlp": "AMBER",
    "facts": {
        "notice_type": "new_model",
        "release_mode": "api",
        "planned": {"public_release": "2027-01-22"},
    },
    "body": {
        "evaluation_summary": "UNKNOWN",
        "elicitation": "UNKNOWN",
        "planned_safeguards": {"withheld": "not decided"},
        "lineage": "UNKNOWN",
    },
}
