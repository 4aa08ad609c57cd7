"""The command against an exchange over real mutual TLS, which is on paper."""

import asyncio
import json
import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest

from forewarn_client import times
from forewarn_client.cli import outbox, views
from forewarn_client.home import Home
from forewarn_client.outcomes import LeadTime
from tests.world.ledger_builder import party, seed
from tests.world.paper_exchange import Failure, PaperExchange

LAB = party("aurora", "lab")
CIVIL = party("civil-ai", "agency")
BANK = party("harbor-bank", "operator")

ALERT = """
recipients = ["harbor-bank"]
tlp = "GREEN"
[facts]
severity = "high"
[body]
title = "Clear the screen \\u001b[2J now"
summary = "A summary"
"""
BREACH = """
recipients = ["civil-ai"]
tlp = "AMBER"
[facts]
report_kind = "initial"
regimes = ["voluntary"]
incident_type = "incident"
breach_kind = "unknown"
[facts.times]
aware = "2026-11-20T09:00:00Z"
occurred = "2026-11"
[body]
title = "A breach"
qualifies_because = "UNKNOWN"
statement = "UNKNOWN"
internal_use = false
[body.parties]
entity = "Aurora"
submitter = "Aurora"
capacity = "self"
[body.awareness]
trigger = "UNKNOWN"
decided_by = { withheld = "personal data" }
"""
RUN = "from forewarn_client.cli import main; main()"


def exchange(folder: Path) -> PaperExchange:
    paper = PaperExchange(folder=folder)
    for who in (LAB, CIVIL, BANK):
        paper.ledger.enrol(who)
    return paper


class Ran:
    """What a run of the command left."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode()
        self.err = err.decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


async def start(home: Home, *words: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RUN,
        *(str(word) for word in words),
        env={**os.environ, "FOREWARN_HOME": str(home.path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def forewarn(home: Home, *words: object) -> Ran:
    process = await start(home, *words)
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out, err)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.asyncio
async def test_a_rewritten_ledger_is_reported_loudly_with_the_evidence(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        bank = paper.home(BANK)
        assert (await forewarn(bank, "directory", "list")).code == 0
        paper.ledger.entries[1].salt = bytes(32)
        paper.ledger.say(CIVIL, "FEEDBACK")
        told, ran = [await forewarn(bank, "inbox", "list", *words) for words in ((), ("--json",))]
    (evidence,) = bank.evidence.iterdir()
    assert (told.code, ran.code) == (5, 5)
    assert (told.out, ran.out) == ("", "")
    assert "THE LEDGER IS NOT THE ONE YOU KNEW" in told.err
    assert "Send nothing more" in told.err
    assert str(evidence) in told.err
    error = json.loads(ran.err)["error"]
    assert error["reason"] == "HISTORY_REWRITTEN"
    assert str(evidence) in error["detail"]


@pytest.mark.asyncio
async def test_an_alert_is_followed_shown_and_saved(tmp_path: Path) -> None:
    alert = write(tmp_path / "alert.toml", ALERT)
    advisory = write(tmp_path / "advisory.json", '{"a": 1}\r\n')
    async with exchange(tmp_path) as paper:
        agency, bank = paper.home(CIVIL), paper.home(BANK)
        stream = await start(bank, "inbox", "follow", "--json", "--limit", 2)
        assert stream.stdout is not None
        assert json.loads(await stream.stdout.readline())["event"] == "open"
        ran = await forewarn(agency, "alert", "send", alert, alert, "--attach", advisory, "--json")
        assert (ran.code, ran.err) == (0, "")
        sent = ran.lines
        assert [item["file"] for item in sent] == [str(alert), str(alert)]
        assert {item["receipt"] for item in sent} == set(map(str, agency.receipts.iterdir()))
        out, _ = await stream.communicate()
        came = [json.loads(line) for line in out.splitlines()]
        assert {item["digest"] for item in came} == {item["digest"] for item in sent}
        assert all(item["received_at"] > item["created_time"] for item in came)
        assert stream.returncode == 0

        again = await forewarn(bank, "inbox", "follow", "--json", "--idle-timeout", 2)
        assert [item["event"] for item in again.lines] == ["open"]
        listed = await forewarn(bank, "inbox", "list", "--kind", "Alert")
        assert "Clear the screen \\x1b[2J now" in listed.out
        assert "\x1b" not in listed.out
        shown = await forewarn(bank, "inbox", "show", came[0]["digest"], "--json")
        assert shown.lines[0]["body"]["attachments"][0]["file_name"] == "advisory.json"
        saved = await forewarn(bank, "inbox", "save", came[0]["index"], "--into", tmp_path / "in")
        assert saved.code == 0
        assert (tmp_path / "in" / "advisory.json").read_bytes() == advisory.read_bytes()
        assert sha256(advisory.read_bytes()).hexdigest() in saved.out


@pytest.mark.asyncio
async def test_a_case_is_named_by_its_first_digits(tmp_path: Path) -> None:
    breach = write(tmp_path / "breach.toml", BREACH)
    async with exchange(tmp_path) as paper:
        lab, agency = paper.home(LAB), paper.home(CIVIL)
        ran = await forewarn(lab, "breach", "report", breach, "--json")
        case = ran.lines[0]["case"]
        words = ("--number", "2026-118", "--desk", "incident")
        ran = await forewarn(agency, "breach", "triage", case[:8], *words, "--json")
        assert (ran.code, ran.lines[0]["case"]) == (0, case)
        assert ran.lines[0]["recipients"] == ["aurora"]
        ran = await forewarn(lab, "case", "show", case[:8], "--json")
        entries = ran.lines[0]["entries"]
        assert [item["kind"] for item in entries] == ["BreachReport", "Triage"]
        assert entries[0]["facts"]["times"]["occurred"] == "2026-11"
        assert entries[1]["refers_to"] == [case]
        ran = await forewarn(lab, "case", "show", "0" * 8)
        assert ran.code == 1
        assert "no case begins with 00000000: see `forewarn case list`" in ran.err
        ran = await forewarn(lab, "case", "list")
        assert ran.out.splitlines()[1].startswith(f"{case[:12]}  breach")
        for typed in (case[:12], case):
            ran = await forewarn(agency, "inbox", "list", "--case", typed, "--json")
            assert [item["digest"] for item in ran.lines] == [case]
        ran = await forewarn(agency, "inbox", "follow", "--case", case[:8], "--limit", 1)
        assert (ran.code, "BreachReport" in ran.out) == (0, True)


@pytest.mark.asyncio
async def test_reports_are_pulled_page_by_page_and_once(tmp_path: Path) -> None:
    breach = write(tmp_path / "breach.toml", BREACH)
    async with exchange(tmp_path) as paper:
        lab, agency = paper.home(LAB), paper.home(CIVIL)
        assert (await forewarn(lab, "breach", "report", breach, breach, breach)).code == 0
        ran = await forewarn(agency, "breach", "pull", "--page-size", 2, "--json")
        events = [item["event"] for item in ran.lines]
        assert events == ["record", "record", "page", "record", "page"]
        assert [item["more"] for item in ran.lines if item["event"] == "page"] == [True, False]
        ran = await forewarn(agency, "breach", "pull")
        assert (ran.out, ran.err) == ("", "No report came since the last pull.\n")


@pytest.mark.asyncio
async def test_a_lost_answer_leaves_the_statement_in_the_outbox(tmp_path: Path) -> None:
    alert = write(tmp_path / "alert.toml", ALERT)
    async with exchange(tmp_path) as paper:
        agency = paper.home(CIVIL)
        drafted = await forewarn(
            agency, "alert", "send", alert, "--draft", tmp_path / "a.statement", "--json"
        )
        draft = outbox.load(tmp_path / "a.statement")
        assert draft.digest.hex() == drafted.lines[0]["digest"]
        outbox.keep(agency, draft)
        first = await forewarn(agency, "submit", "--json")
        assert (first.code, outbox.waiting(agency)) == (0, [])
        second = await forewarn(agency, "submit", tmp_path / "a.statement", "--yes", "--json")
        assert first.lines[0]["index"] == second.lines[0]["index"]
        assert (tmp_path / "a.statement").is_file()


@pytest.mark.asyncio
async def test_a_refusal_is_told_with_the_file_and_keeps_nothing(tmp_path: Path) -> None:
    alert = write(tmp_path / "alert.toml", ALERT)
    async with exchange(tmp_path) as paper:
        agency = paper.home(CIVIL)
        paper.failures.append(Failure(code=grpc.StatusCode.PERMISSION_DENIED, text="not you"))
        ran = await forewarn(agency, "alert", "send", alert, "--json")
        assert ran.code == 3
        told = json.loads(ran.err)["error"]
        assert (told["reason"], told["about"]) == ("PERMISSION_DENIED", str(alert))
        assert outbox.waiting(agency) == []


@pytest.mark.asyncio
async def test_what_does_not_verify_is_loud_and_shows_nothing(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        agency, bank = paper.home(CIVIL), paper.home(BANK)
        alert = write(tmp_path / "alert.toml", ALERT)
        assert (await forewarn(agency, "alert", "send", alert)).code == 0
        paper.ledger.log_key = seed("another log")
        ran = await forewarn(bank, "inbox", "list")
        assert (ran.code, ran.out) == (5, "")
        assert "VERIFICATION FAILED" in ran.err


@pytest.mark.asyncio
async def test_the_directory_is_listed_and_shown(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        bank = paper.home(BANK)
        listed = await forewarn(bank, "directory", "list", "--kind", "lab", "--json")
        assert [item["member"] for item in listed.lines] == ["aurora"]
        shown = await forewarn(bank, "directory", "show", "harbor-bank")
        assert BANK.system in shown.out
        assert (await forewarn(bank, "directory", "show", "nobody")).code == 1


def lead(**changed: Any) -> str:
    fields: dict[str, Any] = {
        "profile": "us-draft-2026-05@1",
        "named": False,
        "anchor": "public_release",
        "anchor_time": times.read_time("2027-01-22"),
        "min_lead_days": 90,
        "max_access_days": 90,
        "lead_days": 62,
        "short_by_days": 28,
        "access_from_time": None,
    }
    return views.lead_sentence(LeadTime(**fields | changed))


def test_a_lead_time_informs_and_blocks_nothing() -> None:
    end = " \N{EM DASH} information only, nothing is blocked"
    assert lead() == f"us-draft-2026-05: 62 days before public release, 28 short of 90{end}"
    assert lead(lead_days=100, short_by_days=0, named=True) == (
        "us-draft-2026-05 (named by the notice): 100 days before public release, in time for 90"
        + end
    )
    assert lead(min_lead_days=0, max_access_days=30, lead_days=1) == (
        f"us-draft-2026-05: 1 day before public release, at most 30 days of government access{end}"
    )
    assert lead(anchor_time=None, max_access_days=0) == (
        f"us-draft-2026-05: counts back from public release, which the notice does not plan{end}"
    )
    assert lead(lead_days=-2, short_by_days=92) == (
        f"us-draft-2026-05: 2 days after public release, 92 short of 90{end}"
    )
