"""An inbox that is compared with the ledger: kept without gap, confirmed with proof, or told."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from certs.authority import Authority
from forewarn.exchange.v1 import audit_pb2, inbox_pb2
from forewarn_client import (
    Agency,
    Box,
    Filter,
    Flaw,
    HomeError,
    InboxError,
    Operator,
    Patience,
    VerificationError,
    note,
)
from forewarn_client.dsse import PublicKey
from forewarn_client.home import Home
from forewarn_client.inboxes import attending, confirmation, confirming
from forewarn_client.inboxes import keeper as keeping
from forewarn_client.inboxes import span as spans
from forewarn_client.inboxes.confirmation import Party
from forewarn_client.inboxes.keeper import InboxBusyError, InboxKeeper
from forewarn_client.inboxes.proof import ConfirmedFile, ConfirmedSpan
from forewarn_client.inboxes.span import Shown, Span, Stretch
from forewarn_client.inboxes.withholding import Verdict, judge
from forewarn_client.signing import Signer
from tests.world.ledger_builder import party
from tests.world.live_homes import Ran, forewarn
from tests.world.paper_exchange import Failure
from tests.world.paper_inboxes import PaperInboxes, resigned

CIVIL = party("civil-ai", "agency")
BANK = party("harbor-bank", "operator")
OTHER = party("quay-bank", "operator")
HASTE = Patience(budget=5.0, attempt=2.0, reconnect=5.0)
SOON = 60.0
RUN = "from forewarn_client.cli import main; main()"
BANK_SIGNER = Signer.of(BANK.key)
BANK_KEY = PublicKey.load(BANK_SIGNER.spki)
ALERT: dict[str, Any] = {
    "tlp": "GREEN",
    "recipients": ["harbor-bank"],
    "facts": {"severity": "high"},
    "body": {"title": "A title", "summary": "A summary"},
}


def exchange(folder: Path) -> PaperInboxes:
    paper = PaperInboxes(folder=folder)
    for who in (CIVIL, BANK, OTHER):
        paper.ledger.enrol(who)
    return paper


async def told(paper: PaperInboxes, count: int, **changes: Any) -> list[int]:
    """Have alerts sent to the bank; give their indexes."""
    folder = paper.folder / "civil-ai"
    home = Home.load(folder) if folder.exists() else paper.home(CIVIL)
    async with Agency.connect(home, patience=HASTE) as agency:
        return [(await agency.alert({**ALERT, **changes})).index for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a file
            await asyncio.sleep(0.01)


async def drained(items: AsyncIterator[object]) -> list[object]:
    return [item async for item in items]


def confirmed(home: Home) -> list[ConfirmedSpan]:
    return list(InboxKeeper(home).proof.spans())


@pytest.mark.asyncio
async def test_everything_is_confirmed_signed_and_kept(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        sent = await told(paper, 3)
        await told(paper, 1, recipients=["quay-bank"])
        async with Operator.connect(home, patience=HASTE) as bank:
            made = await bank.confirm_inbox()
            assert (made.size, made.entries, made.signed_to) == (
                paper.ledger.size,
                3,
                ("civil-ai",),
            )
            more = await told(paper, 1)
            again = await bank.confirm_inbox()
            assert (again.entries, again.size) == (1, paper.ledger.size)
            # Nothing was added since: nothing is asked.
            assert (await bank.confirm_inbox()).spans == ()
        assert len(paper.asked) == 2
        found, key = confirmed(home), note.VerifierKey.parse(paper.audit_log_key)
        assert [(each.from_size, each.to_size) for each in found] == [
            (0, made.size),
            (made.size, again.size),
        ]
        assert [each.index for span in found for each in span.entries] == sent + more
        for span in found:
            span.verify(key, "harbor-bank")
        (signed,) = paper.asked[0].confirmations
        between = Party(exchange=paper.ledger.origin, recipient="harbor-bank", sender="civil-ai")
        compared = Span.of_message(paper.asked[0].span)
        keys = {BANK_KEY.keyid: BANK_KEY}
        assert confirmation.verify(signed, between, compared, keys).signed_by == {BANK_KEY.keyid}


@pytest.mark.asyncio
async def test_a_long_inbox_is_confirmed_in_parts_without_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_KEPT", 3)
    monkeypatch.setattr(spans, "MOST_ENTRIES", 2)
    monkeypatch.setattr(confirming, "_PAGE", 2)
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        sent = await told(paper, 8)
        async with Operator.connect(home, patience=HASTE) as bank:
            made = await bank.confirm_inbox()
        assert (made.entries, made.size) == (8, paper.ledger.size)
        found = confirmed(home)
        assert [span.from_size for span in found] == [0, *(span.to_size for span in found[:-1])]
        assert [each.index for span in found for each in span.entries] == sent
        assert max(len(span.entries) for span in found) == 2


@pytest.mark.asyncio
async def test_without_a_signing_key_it_is_recorded_and_not_signed(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        await told(paper, 1)
        async with Operator.connect(home, signers=(), patience=HASTE) as bank:
            made = await bank.confirm_inbox()
        assert (made.entries, made.signed_to) == (1, ())
        assert not paper.asked[0].confirmations


@pytest.mark.asyncio
async def test_a_key_that_came_later_signs_for_nothing_before_it(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        await told(paper, 1)
        foreign = Operator.connect(paper.home(OTHER)).signers
        async with Operator.connect(home, signers=foreign, patience=HASTE) as bank:
            assert (await bank.confirm_inbox()).signed_to == ()


@pytest.mark.asyncio
async def test_an_entry_that_was_held_back_and_compared_is_told_loudly(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        first, second, third = await told(paper, 3)
        paper.hides = {second}
        async with Operator.connect(home, patience=HASTE) as bank:
            with pytest.raises(InboxError, match="showed you 2, and does not confirm") as error:
                await bank.confirm_inbox()
            document = json.loads(error.value.evidence.read_text())
            assert [each["index"] for each in document["shown"]] == [first, third]
            assert document["answer"]["reason"] == "INBOX_DIFFERS"
            assert confirmed(home) == []
            # The exchange shows it at last: what was shown before was not all.
            paper.hides = set()
            with pytest.raises(InboxError):
                await bank.confirm_inbox()
            made = await bank.confirm_inbox_anew()
            assert (made.entries, made.left_out) == (3, (second,))


@pytest.mark.asyncio
async def test_an_exchange_that_confirms_too_little_has_proven_it_itself(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        first, second = await told(paper, 2)
        paper.hides = paper.forgets = {second}
        async with Operator.connect(home, patience=HASTE) as bank:
            assert (await bank.confirm_inbox()).entries == 1
        async with Agency.connect(Home.load(tmp_path / "civil-ai"), patience=HASTE) as agency:
            for index in (first, second):
                bundle = await agency.evidence(index)
                (tmp_path / f"{index}.evidence").write_bytes(bundle.encode())
        paper.hides = paper.forgets = set()
        # Whoever reads the inbox again, is told at once.
        async with Operator.connect(home, patience=HASTE) as bank:
            listed = await bank.list_entries()
            with InboxKeeper(home).held() as keeper:
                found = [keeper.take(-1, Shown.of(record)) for record in listed.records]
        assert [each is not None and each.confirmed for each in found] == [False, True]
    # And whoever has the entry from its sender, can prove it, with both of them gone.
    file = str(tmp_path / f"{second}.evidence")
    ran = await asyncio.to_thread(forewarn, home, "inbox", "dispute", file, "--json")
    assert ran.code == 5
    assert ran.objects[0]["verdict"] == "WITHHELD"
    pins = home.exchange
    stranger = [
        *("inbox", "dispute", file, "--confirmed", InboxKeeper(home).proof.path),
        *("--member", "harbor-bank", "--genesis-digest", pins.genesis_digest.hex()),
        *("--log-key", pins.log_key, "--audit-log-key", pins.audit_log_key),
    ]
    nowhere = replace(home, path=tmp_path / "nowhere")
    ran = await asyncio.to_thread(forewarn, nowhere, *stranger)
    assert ran.code == 5
    assert f"WITHHELD  entry {second}, Alert by civil-ai" in ran.out
    assert "its own signatures prove it" in ran.err
    shown = await asyncio.to_thread(
        forewarn, home, "inbox", "dispute", tmp_path / f"{first}.evidence"
    )
    assert (shown.code, shown.out[:5]) == (0, "SHOWN")


@pytest.mark.asyncio
async def test_verdicts_depend_on_index_audience_and_hash_alone(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        await told(paper, 1)
        async with Operator.connect(home, patience=HASTE) as bank:
            await bank.confirm_inbox()
            await told(paper, 1)
            mine, later = (await bank.list_entries()).records
        key, found = note.VerifierKey.parse(paper.audit_log_key), confirmed(home)
        assert judge(mine, found, key, "harbor-bank").verdict is Verdict.SHOWN
        assert judge(later, found, key, "harbor-bank").verdict is Verdict.BEYOND
        assert judge(mine, found, key, "quay-bank").verdict is Verdict.NOT_ADDRESSED
        emptied = replace(found[0], entries=())
        with pytest.raises(VerificationError, match="other entries"):
            judge(mine, [emptied], key, "harbor-bank")


def _another_root(answer: Any) -> None:
    origin, size, root, *rest = answer.checkpoint.split(b"\n")
    other = (b"B" if root.startswith(b"A") else b"A") + root[1:]
    answer.checkpoint = b"\n".join([origin, size, other, *rest])


def _flip(message: Any, name: str, at: int) -> None:
    data = bytearray(getattr(message, name))
    data[at] ^= 1
    setattr(message, name, bytes(data))


ANSWERS: list[tuple[str, Callable[[Any], None], Flaw]] = [
    ("bit", lambda it: _flip(it.record, "event", -1), Flaw.PROOF_INVALID),
    ("salt", lambda it: _flip(it.record, "salt", 0), Flaw.PROOF_INVALID),
    ("index", lambda it: setattr(it.record, "index", it.record.index + 1), Flaw.PROOF_INVALID),
    ("checkpoint", _another_root, Flaw.CHECKPOINT_SIGNATURE_INVALID),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("lie", "flaw"), [each[1:] for each in ANSWERS], ids=[each[0] for each in ANSWERS]
)
async def test_an_answer_that_was_changed_confirms_nothing(
    tmp_path: Path, lie: Callable[[Any], None], flaw: Flaw
) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        await told(paper, 1)
        paper.before["ConfirmInbox"] = lie
        async with Operator.connect(home, patience=HASTE) as bank:
            with pytest.raises(VerificationError) as error:
                await bank.confirm_inbox()
        assert error.value.reason == flaw
        assert confirmed(home) == []


def _other_event(change: Callable[[audit_pb2.AuditEvent], None]) -> Callable[[PaperInboxes], Any]:
    """Have another event recorded, and answered with: genuine, but of something else."""

    def make(paper: PaperInboxes) -> Callable[[Any], None]:
        def lie(answer: Any) -> None:
            event = audit_pb2.AuditEvent.FromString(answer.record.event)
            change(event)
            answer.record.CopyFrom(paper.proven(paper.note(event)))
            answer.checkpoint = paper.audit.note()

        return lie

    return make


def _fewer(event: audit_pb2.AuditEvent) -> None:
    event.inbox_confirmed.span.to_size -= 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "change",
    [
        _fewer,
        lambda event: setattr(event.inbox_confirmed.span, "root", b"\1" * 32),
        lambda event: setattr(event, "concerned", "civil-ai"),
        lambda event: setattr(event, "member", "quay-bank"),
        lambda event: event.content_released.SetInParent(),
    ],
    ids=["size", "root", "concerned", "member", "kind"],
)
async def test_an_event_of_something_else_confirms_nothing(
    tmp_path: Path, change: Callable[[audit_pb2.AuditEvent], None]
) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        await told(paper, 1)
        paper.before["ConfirmInbox"] = _other_event(change)(paper)
        async with Operator.connect(home, patience=HASTE) as bank:
            with pytest.raises(VerificationError, match=Flaw.ANSWER_MISMATCHED):
                await bank.confirm_inbox()
        assert confirmed(home) == []


@pytest.mark.asyncio
async def test_the_audit_log_behind_it_has_to_go_on_from_the_one_before(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        await told(paper, 1)
        async with Operator.connect(home, patience=HASTE) as bank:
            await bank.confirm_inbox()
            # The event of the first confirmation is taken back.
            paper.noted.clear()
            paper.audit.held.clear()
            await told(paper, 1)
            with pytest.raises(VerificationError, match="HISTORY_REWRITTEN"):
                await bank.confirm_inbox()


@pytest.mark.asyncio
async def test_reading_is_confirmed_at_a_calm_moment_and_goes_on_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "CALM", (0.01, 0.05))
    monkeypatch.setattr(attending, "AGAIN", (0.01, 0.02))
    said: list[str] = []
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        sent = await told(paper, 4)
        refusal = Failure(code=grpc.StatusCode.FAILED_PRECONDITION, text="not today")
        paper.confirm_failures = [refusal] * 3
        async with Operator.connect(home, patience=HASTE, tell=said.append) as bank:
            inbox = bank.inbox()
            read = [(await anext(inbox)).record.index for _ in range(4)]
            assert read == sent
            coming = asyncio.ensure_future(anext(inbox))
            await until(lambda: len(confirmed(home)) > 0)
            # It was refused three times, and told once; the stream was never disturbed.
            assert len(said) == 1
            assert "not today" in said[0]
            assert not coming.done()
            (later,) = await told(paper, 1)
            assert (await asyncio.wait_for(coming, SOON)).record.index == later
            await inbox.aclose()
        # The last one was handed out, and not asked after: it is not confirmed, and comes again.
        assert confirmed(home)[-1].to_size == sent[-1] + 1
        assert all(request.span.from_size == 0 for request in paper.asked)
        async with Operator.connect(home, patience=HASTE) as bank:
            inbox = bank.inbox()
            assert (await anext(inbox)).record.index == later
            await inbox.aclose()


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_written_is_told_and_stops_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "CALM", (0.01, 0.02))
    monkeypatch.setattr(attending, "AGAIN", (0.01, 0.02))
    said: list[str] = []
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        sent = await told(paper, 4)
        journal = home.state / keeping.JOURNAL
        async with Operator.connect(home, patience=HASTE, tell=said.append) as bank:
            inbox = bank.inbox()
            read = [(await anext(inbox)).record.index]
            journal.unlink()
            journal.mkdir()
            read += [(await anext(inbox)).record.index for _ in range(3)]
            assert read == sent
            await until(lambda: len(said) > 0)
            assert "cannot be written" in said[0]
            # There is room again: nothing of it is lost.
            journal.rmdir()
            coming = asyncio.ensure_future(anext(inbox))
            await until(lambda: bool(confirmed(home)) and confirmed(home)[-1].to_size > sent[3])
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        assert [each.index for span in confirmed(home) for each in span.entries] == sent


@pytest.mark.asyncio
async def test_reading_ends_loudly_where_the_inbox_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "CALM", (0.01, 0.02))
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        _, hidden, _ = await told(paper, 3)
        paper.hides = {hidden}
        async with Operator.connect(home, patience=HASTE) as bank:
            with pytest.raises(InboxError):
                await asyncio.wait_for(drained(bank.inbox()), SOON)


@pytest.mark.asyncio
async def test_one_process_keeps_and_the_others_are_told(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        await told(paper, 1)
        with InboxKeeper(home).held():
            async with Operator.connect(home, patience=HASTE) as bank:
                with pytest.raises(InboxBusyError):
                    await bank.confirm_inbox()
            # A listing is shown all the same.
            listed = await asyncio.to_thread(forewarn, home, "inbox", "list", "--json")
            assert (listed.code, len(listed.objects)) == (0, 1)
        assert paper.asked == []


@pytest.mark.asyncio
async def test_a_listing_of_the_whole_inbox_is_confirmed_and_a_part_of_it_is_not(
    tmp_path: Path,
) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        sent = await told(paper, 3)

        async def listed(*words: object) -> int:
            ran = await asyncio.to_thread(forewarn, home, "inbox", "list", *words)
            assert (ran.code, ran.err.strip().splitlines()[1:]) == (0, [])
            return sum(len(span.entries) for span in confirmed(home))

        for narrowed in (("--kind", "Alert"), ("--sender", "civil-ai"), ("--box", "sent")):
            assert await listed(*narrowed) == 0
        assert await listed("--no-confirm") == 0
        assert await listed("--limit", 2) == 2
        assert confirmed(home)[-1].to_size == sent[1] + 1
        assert await listed("--box", "all") == 3
        assert await listed() == 3
        assert len(paper.asked) == 2


async def followed(home: Home, *words: object) -> Ran:
    """Run `inbox follow` in a process of its own: it takes signals."""
    typed = ["--home", str(home.path), "inbox", "follow", *map(str, words)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN, *typed),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), SOON)
    return Ran(code=process.returncode or 0, out=out.decode(), err=err.decode())


@pytest.mark.asyncio
async def test_following_confirms_what_it_has_shown_before_it_ends(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        sent = await told(paper, 3)
        ran = await followed(home, "--limit", 2, "--jsonl")
        assert (ran.code, len(ran.objects)) == (0, 2)
        assert confirmed(home)[-1].to_size == sent[1] + 1
        paper.confirm_failures = [Failure(code=grpc.StatusCode.UNIMPLEMENTED)] * 9
        ran = await followed(home, "--limit", 1)
        assert ran.code == 0
        assert "not confirmed yet" in ran.err
        paper.confirm_failures = []
        # What a crash left out between two readings, the next one lists.
        (home.state / keeping.JOURNAL).unlink()
        paper.calls.clear()
        (last,) = await told(paper, 1)
        assert (await followed(home, "--limit", 1, "--json")).code == 0
        assert "ListEntries" in paper.calls
        assert confirmed(home)[-1].to_size == last + 1
        assert sum(len(span.entries) for span in confirmed(home)) == 4
        # And where the exchange holds something back, that is how it ends.
        hidden, _ = await told(paper, 2)
        paper.hides = {hidden}
        ran = await followed(home, "--limit", 1)
        assert ran.code == 5
        assert "YOUR INBOX IS NOT WHOLE" in ran.err


def a_home(folder: Path) -> Home:
    paper = exchange(folder)
    paper.authority = Authority.create(folder / "ca", trust_domain="exchange.example")
    return paper.home(BANK, certificate=False)


def entry(index: int) -> Shown:
    return Shown(index=index, leaf_hash=bytes([index]) * 32, sender="civil-ai")


def proven(start: int, end: int, *entries: Shown) -> ConfirmedSpan:
    return ConfirmedSpan(
        from_size=start,
        to_size=end,
        entries=tuple(Shown(index=each.index, leaf_hash=each.leaf_hash) for each in entries),
        event=b"event",
        index=7,
        salt=bytes(32),
        inclusion_proof=(bytes(32),),
        checkpoint=b"note\n",
    )


def test_only_what_was_read_without_a_gap_counts_as_shown(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    with InboxKeeper(home).held() as keeper:
        keeper.take(-1, entry(3))
        keeper.take(3, entry(5))
        # Somebody who had begun further on has not read what lies between.
        keeper.take(8, entry(9))
        assert (keeper.reached, keeper.shown(100)) == (6, (entry(3), entry(5)))
        assert keeper.take(-1, entry(3)) is None
        found = keeper.take(3, entry(4))
        assert found is not None
        assert not found.confirmed


@pytest.mark.parametrize("died", ["before", "between", "after"])
def test_a_process_that_dies_repeats_and_never_skips(tmp_path: Path, died: str) -> None:
    home = a_home(tmp_path)
    span = proven(0, 6, entry(3), entry(5))
    with InboxKeeper(home).held() as keeper:
        for after, index in ((-1, 3), (3, 5), (5, 8)):
            keeper.take(after, entry(index))
        if died == "between":
            # The span is on disk; the journal still says what it said.
            keeper.proof.add(span)
        if died == "after":
            keeper.confirm(span)
    with InboxKeeper(home).held() as keeper:
        assert keeper.reached == 9
        if died == "before":
            assert (keeper.confirmed, len(keeper.shown(9))) == (0, 3)
        else:
            assert (keeper.confirmed, keeper.shown(9)) == (6, (entry(8),))


def test_what_was_shown_says_nothing_behind_a_gap(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    with InboxKeeper(home).held() as keeper:
        for after, index in ((-1, 3), (3, 5), (5, 8)):
            keeper.take(after, entry(index))
        keeper.confirm(proven(0, 6, entry(3), entry(5)))
    # The proof is gone, or put back from an older copy: all of it is listed again.
    keeper.proof.path.unlink()
    with InboxKeeper(home).held() as keeper:
        assert (keeper.confirmed, keeper.reached, keeper.shown(100)) == (0, 0, ())
        assert keeper.cursor == ""


def test_a_journal_cut_at_any_byte_loses_only_what_comes_after(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    with InboxKeeper(home).held() as keeper:
        for after, index in ((-1, 3), (3, 5), (5, 8)):
            keeper.take(after, entry(index))
    journal = home.state / keeping.JOURNAL
    whole = journal.read_bytes()
    for length in (*range(0, len(whole), 5), len(whole)):
        journal.write_bytes(whole[:length])
        with InboxKeeper(home).held() as keeper:
            kept = [each.index for each in keeper.shown(100)]
        assert kept == [3, 5, 8][: len(kept)]
        assert keeper.reached == (kept[-1] + 1 if kept else 0)
    for flipped in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[flipped] ^= 0x15
        journal.write_bytes(bytes(changed))
        with InboxKeeper(home).held():
            pass


def test_what_could_not_be_written_was_not_taken_and_leaves_no_gap_in_the_journal(
    tmp_path: Path,
) -> None:
    """Or the exchange would be accused of an inbox that this folder has forgotten in part."""
    home = a_home(tmp_path)
    journal = home.state / keeping.JOURNAL
    with InboxKeeper(home).held() as keeper:
        keeper.take(-1, entry(3))
        kept = journal.read_bytes()
        journal.unlink()
        journal.mkdir()
        with pytest.raises(HomeError, match="cannot be written"):
            keeper.take(3, entry(5))
        with pytest.raises(HomeError, match="cannot be written"):
            keeper.reach(7)
        # There is room again.
        journal.rmdir()
        journal.write_bytes(kept)
        keeper.take(5, entry(8))
    with InboxKeeper(home).held() as keeper:
        assert (keeper.reached, keeper.shown(100)) == (4, (entry(3),))


def test_a_line_that_was_cut_short_is_written_anew(tmp_path: Path) -> None:
    file = ConfirmedFile(tmp_path / "confirmed" / "inbox.jsonl")
    first, second = proven(0, 6, entry(3)), proven(6, 9, entry(8))
    file.add(first)
    whole = file.path.read_bytes()
    file.add(second)
    both = file.path.read_bytes()
    for length in (*range(len(whole), len(both), 40), len(both) - 1):
        file.path.write_bytes(both[:length])
        assert (file.reached(), list(file.spans())) == (6, [first])
        file.add(second)
        assert file.path.read_bytes() == both
    assert list(file.spans()) == [first, second]


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b'"from_size":0', b'"from_size":1'),
        lambda line: line.replace(b'"from_size":0', b'"from_size": 0'),
        lambda line: line.replace(b'"index":7', b'"index":true'),
        lambda line: line.replace(b'"index":7', b'"index":18446744073709551616'),
        lambda line: line.replace(b"forewarn-inbox/v1", b"forewarn-inbox/v2"),
        lambda line: line.replace(b'"to_size":6', b'"to_size":"6"'),
        lambda line: line[:-2] + b',"more":1}\n',
        lambda _line: b"[]\n",
        lambda _line: b"\xff\n",
        lambda _line: b"[" * 100_000 + b"\n",
    ],
    ids=["gap", "space", "true", "beyond", "format", "text", "more", "list", "not-json", "deep"],
)
def test_a_line_in_another_form_is_refused(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    file = ConfirmedFile(tmp_path / "inbox.jsonl")
    file.path.write_bytes(change(proven(0, 6, entry(3)).encode()))
    with pytest.raises(VerificationError, match=Flaw.CONFIRMED_MALFORMED):
        list(file.spans())


def test_what_parses_is_written_as_the_same_bytes() -> None:
    line = proven(0, 6, entry(3), entry(5)).encode()
    for at in range(len(line)):
        for other in (line[at] ^ 1, line[at] ^ 0x20, 0):
            changed = line[:at] + bytes([other]) + line[at + 1 :]
            with suppress(VerificationError):
                assert ConfirmedSpan.decode(changed).encode() == changed


def test_a_damaged_end_is_told_and_not_built_on(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    file = InboxKeeper(home).proof
    file.add(proven(0, 6, entry(3)))
    file.path.write_bytes(file.path.read_bytes().replace(b"event", b"evens", 1))
    with pytest.raises(HomeError, match="damaged"), InboxKeeper(home).held():
        pass


def test_a_confirmation_holds_for_what_it_says_and_nothing_else() -> None:
    entries, end = [entry(3), entry(5)], 9
    stretch_span = Span.of(entries, 0, end)
    signer = BANK_SIGNER
    (made,) = confirmation.make(
        Stretch(span=stretch_span, entries=tuple(entries)),
        "exchange.example/ledger",
        "harbor-bank",
        datetime(2026, 11, 22, tzinfo=UTC),
        [signer],
    )
    between = Party(exchange="exchange.example/ledger", recipient="harbor-bank", sender="civil-ai")
    keys = {BANK_KEY.keyid: BANK_KEY}
    done = confirmation.verify(made, between, stretch_span, keys)
    assert done.created_time == datetime(2026, 11, 22, tzinfo=UTC)

    def refused(data: bytes, flaw: Flaw, **changes: Any) -> None:
        given: dict[str, Any] = {"between": between, "span": stretch_span, "keys": keys, **changes}
        with pytest.raises(VerificationError) as error:
            confirmation.verify(data, **given)
        assert error.value.reason == flaw

    refused(made, Flaw.KEY_UNKNOWN, keys={})
    refused(made, Flaw.EXCHANGE_FOREIGN, between=replace(between, exchange="second.example/ledger"))
    refused(made, Flaw.ANSWER_MISMATCHED, between=replace(between, sender="quay-bank"))
    refused(made, Flaw.ANSWER_MISMATCHED, between=replace(between, recipient="quay-bank"))
    refused(made, Flaw.ANSWER_MISMATCHED, span=replace(stretch_span, to_size=10))

    def changed(change: Callable[[inbox_pb2.InboxConfirmation], None]) -> bytes:
        return resigned(made, change, BANK.key)

    refused(changed(lambda it: it.ClearField("created_time")), Flaw.STATEMENT_MALFORMED)
    refused(changed(lambda it: setattr(it.created_time, "nanos", -1)), Flaw.STATEMENT_MALFORMED)
    refused(changed(lambda it: setattr(it.span, "count", 1)), Flaw.ANSWER_MISMATCHED)
    # Every bit of it counts.
    for at in range(len(made)):
        flipped = bytearray(made)
        flipped[at] ^= 1
        with pytest.raises(VerificationError):
            confirmation.verify(bytes(flipped), between, stretch_span, keys)


def test_who_reads_a_part_reads_no_whole_inbox() -> None:
    assert attending.is_whole(Filter())
    assert attending.is_whole(Filter(box=Box.ALL))
    for part in (Filter(box=Box.SENT), Filter(kinds=("Alert",)), Filter(sender="aurora")):
        assert not attending.is_whole(part)
