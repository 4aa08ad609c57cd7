"""Members talk to an exchange over real mutual TLS; it is on paper, the checks are not."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from forewarn.statement.v1 import release_pb2
from forewarn_client import (
    Agency,
    EnrolmentRequest,
    Filter,
    Flaw,
    Home,
    HomeError,
    Lab,
    Operator,
    Patience,
    Receipt,
    RefusedError,
    Registrar,
    RequestError,
    Signer,
    UnavailableError,
    VerificationError,
    verify_receipt,
)
from forewarn_client.cases import CaseSummary
from forewarn_client.errors import ForewarnError
from tests.world.ledger_builder import envelope, party
from tests.world.paper_exchange import PaperExchange

LAB = party("aurora", "lab")
CIVIL = party("civil-ai", "agency")
NATSEC = party("natsec-ai", "agency")
BANK = party("harbor-bank", "operator")

NOTICE: dict[str, Any] = {
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
ALERT: dict[str, Any] = {
    "tlp": "GREEN",
    "recipients": ["harbor-bank", "quay-bank"],
    "facts": {"severity": "high"},
    "body": {"title": "A title", "summary": "A summary"},
}
HASTE = Patience(budget=5.0, attempt=2.0, reconnect=5.0)


def exchange(folder: Path) -> PaperExchange:
    paper = PaperExchange(folder=folder)
    for who in (LAB, CIVIL, NATSEC):
        paper.ledger.enrol(who)
    paper.ledger.enrol(BANK, sectors=["financial-services"])
    return paper


@pytest.mark.asyncio
async def test_a_notice_goes_to_each_agency_apart(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, Lab.connect(paper.home(LAB), patience=HASTE) as lab:
        first, second = await lab.notify(NOTICE, ["civil-ai", "natsec-ai"])
        facts = [item.record.facts for item in (first, second)]
        assert all(isinstance(item, release_pb2.PreReleaseNoticeFacts) for item in facts)
        handles = {item.record.header.pre_release_notice.handle for item in (first, second)}
        assert len(handles) == 2
        assert first.record.audience == ("civil-ai",)
        assert second.record.audience == ("natsec-ai",)
        assert first.record.case_digest != second.record.case_digest
        with pytest.raises(RequestError):
            await lab.notify(NOTICE, ["civil-ai", "civil-ai"])


@pytest.mark.asyncio
async def test_a_lost_answer_is_asked_for_again(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, Lab.connect(paper.home(LAB), patience=HASTE) as lab:
        paper.lost_answers = 2
        (done,) = await lab.notify(NOTICE, ["civil-ai"])
        assert paper.calls.count("Submit") == 3
        assert done.index == paper.ledger.size - 1
        (draft,) = lab.draft_notices(NOTICE, ["civil-ai"])
        once, again = await lab.submit(draft), await lab.submit(draft)
        assert once.index == again.index


@pytest.mark.asyncio
async def test_a_case_decides_what_its_statements_leave_open(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        lab_home, agency_home = paper.home(LAB), paper.home(CIVIL)
        async with (
            Lab.connect(lab_home, patience=HASTE) as lab,
            Agency.connect(agency_home, patience=HASTE) as agency,
        ):
            (notice,) = await lab.notify(NOTICE, ["civil-ai"])
            done = await agency.acknowledge(notice.digest)
            header = done.record.header
            assert header.refers_to == [notice.digest]
            assert header.case_digest == notice.digest
            assert header.tlp == notice.record.header.tlp
            assert [item.member for item in header.recipients] == ["aurora"]
            question = await agency.ask(notice.digest, {"body": {"text": "Why?"}})
            answer = await lab.answer(notice.digest, {"body": {"text": "So."}, "tlp": "RED"})
            assert answer.record.header.refers_to == [question.digest]
            assert answer.record.header.tlp == 5
            case = await agency.case(notice.digest)
            assert [record.kind for record in case.records] == [
                "PreReleaseNotice",
                "Acknowledgement",
                "Question",
                "Answer",
            ]
            assert (case.parties, case.state) == (("aurora", "civil-ai"), "OPEN")
            paper.case_page = 3
            assert await agency.case(notice.digest) == case
            assert paper.calls[-2:] == ["GetCase", "GetCase"]
            with pytest.raises(RequestError, match="holds none"):
                await lab.activate_grant(notice.digest)
            assert [item async for item in lab.cases()] == [
                CaseSummary(
                    digest=notice.digest,
                    protocol="release",
                    state="OPEN",
                    opened_index=notice.index,
                    last_index=answer.index,
                )
            ]


@pytest.mark.asyncio
async def test_recipients_of_an_alert_answer_the_alerter_alone(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        agency_home, bank_home = paper.home(CIVIL), paper.home(BANK)
        async with (
            Agency.connect(agency_home, patience=HASTE) as agency,
            Operator.connect(bank_home, patience=HASTE) as bank,
        ):
            alert = await agency.alert(ALERT)
            seen = await bank.sight(
                alert.digest,
                {"facts": {"seen_time": "2026-11-20"}, "body": {"text": "Here too."}},
            )
            assert seen.record.audience == ("civil-ai",)
            update = await agency.update_alert(
                alert.digest,
                {
                    "facts": {"severity": "low"},
                    "body": {"change": "Calmer.", "alert": ALERT["body"]},
                },
            )
            assert update.record.audience == ("harbor-bank", "quay-bank")


@pytest.mark.asyncio
async def test_following_comes_back_without_gap_or_duplicate(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        agency_home, bank_home = paper.home(CIVIL), paper.home(BANK)
        async with (
            Agency.connect(agency_home, patience=HASTE) as agency,
            Operator.connect(bank_home, patience=HASTE) as bank,
        ):
            sent = [(await agency.alert(ALERT)).index for _ in range(5)]
            paper.break_after = 1
            seen, cursors = [], []
            stream = bank.follow(keep="alerts")
            async for delivery in stream:
                seen.append(delivery.record.index)
                cursors.append(delivery.cursor)
                if len(seen) == 5:
                    await paper.stop()
                    await paper.start()
                    sent.append((await agency.alert(ALERT)).index)
                if len(seen) == 6:
                    break
            await stream.aclose()
            assert seen == sent
            assert paper.calls.count("Follow") >= 3
            # The sixth was delivered, but its consumer never came back for another.
            stream = bank.follow(keep="alerts")
            assert (await anext(stream)).record.index == sent[5]
            await stream.aclose()
            for at, cursor in enumerate(cursors[:-1]):
                stream = bank.follow(cursor=cursor)
                assert (await anext(stream)).record.index == sent[at + 1]
                await stream.aclose()


@pytest.mark.asyncio
async def test_pulling_goes_on_where_the_last_page_was_consumed(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        agency_home, bank_home = paper.home(CIVIL), paper.home(BANK)
        async with (
            Agency.connect(agency_home, patience=HASTE) as agency,
            Operator.connect(bank_home, patience=HASTE) as bank,
        ):
            sent = [(await agency.alert(ALERT)).index for _ in range(5)]
            wanted = Filter(kinds=("Alert",))
            broken = bank.pull(wanted, page_size=2)
            await anext(broken)
            second = await anext(broken)
            await broken.aclose()
            assert [record.index for record in second.records] == sent[2:4]
            again = [
                [record.index for record in page.records]
                async for page in bank.pull(wanted, page_size=2)
            ]
            assert again == [sent[2:4], sent[4:]]
            assert [page async for page in bank.pull(wanted)] == []
            later = (await agency.alert(ALERT)).index
            assert [
                record.index async for page in bank.pull(wanted) for record in page.records
            ] == [later]


@pytest.mark.asyncio
async def test_entries_are_got_by_index_and_digest(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, Lab.connect(paper.home(LAB), patience=HASTE) as lab:
        (done,) = await lab.notify(NOTICE, ["civil-ai"])
        assert (await lab.entry(done.index)).digest == done.digest
        assert (await lab.entry(done.digest)).index == done.index
        assert (await lab.entry(0)).kind == "Genesis"
        assert (await lab.checkpoint()).size == paper.ledger.size
        with pytest.raises(RefusedError) as caught:
            await lab.entry(99)
        assert caught.value.reason == "NOT_FOUND"


@pytest.mark.asyncio
async def test_a_receipt_is_verified_without_the_exchange(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
        async with Lab.connect(home, patience=HASTE) as lab:
            await lab.directory()
            await lab.notify(NOTICE, ["natsec-ai"])
            (done,) = await lab.notify(NOTICE, ["civil-ai"])
    path = done.receipt.save(home.receipts)
    assert path.name == f"{done.index:08d}-{done.digest.hex()[:16]}.json"
    verified = verify_receipt(path, home)
    assert (verified.record.digest, verified.directory_known) == (done.digest, True)
    (home.state / "directory.pages").unlink()
    assert verify_receipt(path, home).directory_known is False
    assert Receipt.decode(path.read_bytes()) == done.receipt
    good = path.read_bytes()
    for at in range(0, len(good), 53):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(VerificationError):
            verify_receipt(path, home)
    path.write_bytes(b"{}")
    with pytest.raises(VerificationError, match=Flaw.RECEIPT_MALFORMED):
        verify_receipt(path, home)


@pytest.mark.asyncio
async def test_a_lagging_directory_is_waited_for(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, Lab.connect(paper.home(LAB), patience=HASTE) as lab:
        paper.lag = 1
        (done,) = await lab.notify(NOTICE, ["civil-ai"])
        assert done.record.sender == "aurora"


@pytest.mark.asyncio
async def test_a_forged_entry_never_comes_out(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        payload = paper.ledger.statement("GRANT_ACTIVATION", "aurora")
        paper.ledger.append(
            envelope(payload, BANK.key),
            system=LAB.system,
            audience=["harbor-bank"],
            case_state="ACTIVE",
        )
        async with Operator.connect(paper.home(BANK), patience=HASTE) as bank:
            for reading in (bank.list_entries(), anext(bank.follow()), bank.entry(5)):
                with pytest.raises(VerificationError, match=Flaw.KEY_UNKNOWN):
                    await reading


@pytest.mark.asyncio
async def test_the_registrar_enrols_from_a_request(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        newcomer = paper.home(party("borealis", "lab"))
        request = newcomer.write_enrolment({"display_name": "Borealis", "desks": ["notice"]})
        registrar = paper.home(paper.ledger.registrar)
        signers = [Signer.of(key) for key in paper.ledger.registrar_keys]
        async with Registrar.connect(registrar, signers=signers, patience=HASTE) as at_work:
            done = await at_work.enrol(EnrolmentRequest.load(request))
            assert len(done.record.signed_by) == 2
            known = await at_work.directory()
            assert known.members["borealis"].profile.desks == ["notice"]
        async with Lab.connect(newcomer, patience=HASTE) as lab:
            (notice,) = await lab.notify(NOTICE, ["civil-ai"])
            assert notice.record.sender == "borealis"
        async with Registrar.connect(registrar, signers=[signers[0]], patience=HASTE) as alone:
            with pytest.raises(RequestError, match="2 keys of the registrar"):
                await alone.record_departure({"facts": {"member": "borealis"}})


@pytest.mark.asyncio
async def test_many_at_once_share_one_view_of_the_directory(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, Lab.connect(paper.home(LAB), patience=HASTE) as lab:
        drafts = [lab.draft_notices(NOTICE, ["civil-ai"])[0] for _ in range(10)]
        done = await asyncio.gather(*(lab.submit(draft) for draft in drafts))
        assert len({item.index for item in done}) == 10


@pytest.mark.asyncio
async def test_a_refused_certificate_is_explained_soon(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB, certificate=False)
        (tmp_path / "other").mkdir()
        stranger = PaperExchange(folder=tmp_path / "other")
        async with stranger:
            chain = stranger.authority.issue((home.path / "tls.csr").read_bytes())
        home.install_certificate(chain)
        started = datetime.now(UTC)
        async with Lab.connect(home) as lab:
            with pytest.raises(UnavailableError, match="trust bundle"):
                await lab.checkpoint()
        assert (datetime.now(UTC) - started).total_seconds() < 30


@pytest.mark.asyncio
async def test_a_gateway_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(LAB)
    async with Lab.connect(home, patience=Patience(budget=0.5)) as lab:
        with pytest.raises(UnavailableError, match="UNAVAILABLE"):
            await lab.checkpoint()


@pytest.mark.asyncio
async def test_a_member_uses_the_class_of_its_kind(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        with pytest.raises(HomeError, match="kind operator"):
            Lab.connect(home)
        with pytest.raises(RequestError, match="async with"):
            await Operator.connect(home).checkpoint()
        assert Home.load(home.path) == home
        assert issubclass(HomeError, ForewarnError)
