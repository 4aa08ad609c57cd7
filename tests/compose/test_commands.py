"""The `forewarn` command against a running gateway: coverage cases, questions, who is silent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from forewarn_client import Agency, Lab
from forewarn_client.home import Home
from tests.world.live import AURORA, CIVIL, HARBOR, NATSEC, Live, alert, notice
from tests.world.live_homes import did, forewarn, home_of

DECIDED = ("--decided-by", "director of evaluations", "--decided", "2026-11-20T15:00:00Z")


@dataclass(frozen=True, kw_only=True)
class Homes:
    """The members' folders."""

    lab: Home
    civil: Home
    natsec: Home
    bank: Home


@pytest.fixture(scope="module")
def homes(exchange: Live, tmp_path_factory: pytest.TempPathFactory) -> Homes:
    folder = tmp_path_factory.mktemp("homes")
    return Homes(
        lab=home_of(exchange, AURORA, folder),
        civil=home_of(exchange, CIVIL, folder),
        natsec=home_of(exchange, NATSEC, folder),
        bank=home_of(exchange, HARBOR, folder),
    )


@pytest.fixture
def announced(exchange: Live) -> str:
    """A notice to both agencies: the digest of its case."""
    sent = notice(CIVIL, NATSEC)
    with exchange.desk(AURORA) as desk:
        desk.submit(sent)
    return sent.digest.hex()


def test_a_coverage_case_from_request_to_reconsideration(homes: Homes, announced: str) -> None:
    ask = ("coverage", "request", announced, "--text", "Is it covered?", "--evidence", "UNKNOWN")
    several = forewarn(homes.lab, *ask)
    assert several.code == 1
    assert "name it of civil-ai, natsec-ai" in several.err
    asked = did(homes.lab, *ask, "--to", "civil-ai")[0]
    assert asked["case_state"] == "REQUESTED"
    assert asked["handle"] == "h-" + "a" * 26
    case = str(asked["case"])
    progress = did(homes.civil, "coverage", "progress", case, "--stage", "evidence_wanted")[0]
    assert progress["case_state"] == "UNDER_REVIEW"
    did(homes.civil, "coverage", "ask", case, "--text", "Which evaluation?")
    waiting = did(homes.lab, "case", "show", case)[0]
    assert [entry["waiting_for"] for entry in waiting["entries"]] == [[], [], ["aurora"]]
    did(homes.lab, "coverage", "answer", case, "--text", "The one of May.")
    facts = ("--outcome", "covered", "--basis", "benchmark", *DECIDED)
    determine = ("coverage", "determine", case[:12], *facts, "--tear-line", "Covered.")
    first = did(homes.civil, *determine)[0]
    assert first["case_state"] == "DETERMINED"
    again = forewarn(homes.civil, *determine)
    assert (again.code, "CASE_WRONG_STATE" in again.err) == (3, True)
    reconsider = ("coverage", "reconsider", case, "--grounds", "New safeguards.")
    assert did(homes.lab, *reconsider)[0]["case_state"] == "RECONSIDERATION"
    unsaid = forewarn(homes.civil, *determine)
    assert (unsaid.code, "header.facts.review" in unsaid.err) == (3, True)
    assert did(homes.civil, *determine, "--review", "upheld")[0]["case_state"] == "DETERMINED"

    shown = forewarn(homes.lab, "case", "show", case)
    assert shown.out.startswith(f"coverage case {case}: DETERMINED\n")
    kinds = ["CoverageRequest", "CaseProgress", "Question", "Answer", "CoverageDetermination"]
    assert all(kind in shown.out for kind in kinds)
    assert "CoverageRequest at" in shown.out
    assert "answered by civil-ai by CaseProgress at" in shown.out
    assert "no answer yet" not in shown.out
    listed = did(homes.lab, "case", "list", "--protocol", "coverage")
    assert case in [item["case"] for item in listed]
    # The agency that was not asked can learn nothing of the case.
    assert forewarn(homes.natsec, "case", "show", case).code == 3


def test_coverage_is_declined_and_the_notice_stands_as_it_was(homes: Homes, announced: str) -> None:
    words = ("--text", "Is it covered?", "--evidence", "UNKNOWN", "--to", "natsec-ai")
    asked = did(homes.lab, "coverage", "request", announced, *words)[0]
    declined = did(homes.natsec, "coverage", "decline", asked["case"], "--reason", "no_capacity")
    assert declined[0]["case_state"] == "DECLINED"
    assert did(homes.lab, "case", "show", announced)[0]["state"] == "NOTIFIED"
    wrong = forewarn(homes.lab, "coverage", "request", asked["case"], *words)
    assert (wrong.code, "about a notice" in wrong.err) == (1, True)


def test_who_has_not_answered_a_notice(homes: Homes, announced: str) -> None:
    did(homes.civil, "notice", "acknowledge", announced)
    by_lab = did(homes.lab, "case", "show", announced)[0]["entries"][0]
    assert [item["member"] for item in by_lab["answered_by"]] == ["civil-ai"]
    assert by_lab["waiting_for"] == ["natsec-ai"]
    shown = forewarn(homes.lab, "case", "show", announced).out
    assert "answered by civil-ai by Acknowledgement at" in shown
    assert "no answer yet from natsec-ai" in shown
    # Others know of themselves only: answers go to whoever sent what is answered.
    assert did(homes.civil, "case", "show", announced)[0]["entries"][0]["waiting_for"] == []
    by_natsec = did(homes.natsec, "case", "show", announced)[0]["entries"][0]
    assert by_natsec["waiting_for"] == ["natsec-ai"]


def test_questions_about_an_alert(exchange: Live, homes: Homes) -> None:
    warned = alert(CIVIL, HARBOR)
    with exchange.desk(CIVIL) as desk:
        desk.submit(warned)
    case = warned.digest.hex()
    did(homes.bank, "alert", "ask", case, "--text", "Which versions?")
    assert did(homes.civil, "alert", "answer", case, "--text", "All.")[0]["case_state"] == "ISSUED"
    question = did(homes.bank, "case", "show", case)[0]["entries"][1]
    assert [item["member"] for item in question["answered_by"]] == ["civil-ai"]


def test_coverage_by_the_library(homes: Homes, announced: str) -> None:
    async def told() -> list[str]:
        async with Lab.connect(homes.lab) as lab, Agency.connect(homes.civil) as agency:
            body = {"text": "Is it covered?", "evidence": "UNKNOWN"}
            asked = await lab.request_coverage(
                bytes.fromhex(announced), {"body": body}, agency="civil-ai"
            )
            case = asked.digest
            await agency.report_progress(case, {"facts": {"stage": "under_benchmark"}})
            facts = {
                "outcome": "not_determined",
                "decided_by": "director of evaluations",
                "decided_time": "2026-11-20T15:00:00Z",
            }
            document = {"facts": facts, "body": {"tear_line": "Not determined."}}
            await agency.determine_coverage(case, document)
            await lab.request_reconsideration(case, {"body": {"grounds": "Do determine it."}})
            found = await lab.case(case)
            return [record.case_state for record in found.records]

    states = ["REQUESTED", "UNDER_REVIEW", "DETERMINED", "RECONSIDERATION"]
    assert asyncio.run(told()) == states
