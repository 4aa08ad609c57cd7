"""`forewarn submit --many`: whatever ends a run, the next goes on, and nothing is said twice."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2
from forewarn_client import errors
from forewarn_client.cli import outbox
from forewarn_client.home import Home
from tests.world.ledger_builder import Party, party
from tests.world.live import REGISTRAR, REGISTRAR_KEYS, Live, statement, suspension
from tests.world.live_homes import Ran, did, forewarn, home_of

RUN = "from forewarn_client.cli import main; main()"
SOON = 60.0
PAGE = Path(__file__).parents[2] / "gateway" / "docs" / "refusals.md"


def report(number: int, **parts: Any) -> dict[str, Any]:
    """A breach report's document."""
    return {
        "kind": "BreachReport",
        "recipients": ["civil-ai"],
        "tlp": "AMBER",
        "facts": {
            "report_kind": "initial",
            "regimes": ["voluntary"],
            "incident_type": "incident",
            "breach_kind": "unknown",
            "times": {"aware": "2026-11-20T09:00:00Z", "occurred": "2026-11"},
        },
        "body": {
            "title": f"Breach {number}",
            "qualifies_because": "UNKNOWN",
            "statement": "UNKNOWN",
            "internal_use": False,
            "parties": {"entity": "Bank", "submitter": "Bank", "capacity": "self"},
            "awareness": {"trigger": "UNKNOWN", "decided_by": "UNKNOWN"},
        },
        **parts,
    }


def lines(path: Path, *documents: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in documents))
    return path


class Reporter:
    """A member of its own, that hands in many."""

    def __init__(self, live: Live, who: Party, folder: Path) -> None:
        self.live = live
        self.who = who
        live.enrol(who)
        self.home: Home = home_of(live, who, folder)

    def submit(self, *words: object) -> Ran:
        return forewarn(self.home, "submit", "--many", *words, "--json")

    @property
    def waiting(self) -> int:
        return len(outbox.waiting(self.home))

    def recorded(self) -> list[str]:
        """Titles of what the exchange has of it, in the ledger's order."""
        listed = forewarn(self.home, "inbox", "list", "--box", "sent", "--json")
        assert listed.code == 0, listed.err
        return [each["body"]["title"] for each in listed.objects]

    def start(self, *words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                RUN,
                "--home",
                self.home.path,
                "submit",
                "--many",
                *map(str, words),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def reporter(live: Live, tmp_path: Path, request: pytest.FixtureRequest) -> Reporter:
    mark = sum(map(ord, request.node.name))
    return Reporter(live, party(f"bank-{mark}", "operator", "security"), tmp_path)


def outcomes(ran: Ran) -> list[str]:
    return [each["outcome"] for each in ran.objects]


def summary(ran: Ran) -> dict[str, int]:
    made: dict[str, int] = json.loads(ran.err.splitlines()[-1])["summary"]
    return made


def test_documents_of_every_source_are_handed_in_once(reporter: Reporter, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.json").write_text(json.dumps(report(number)))
    (folder / "notes.txt").write_text("not a document")
    without = {key: value for key, value in report(3).items() if key != "kind"}
    more = lines(tmp_path / "more.jsonl", without, report(4), report(4))
    words = (folder, more, "--kind", "BreachReport")
    ran = reporter.submit(*words)
    assert (ran.code, outcomes(ran)) == (0, ["recorded"] * 5)
    assert sorted(reporter.recorded()) == [f"Breach {each}" for each in (1, 2, 3, 4, 4)]
    assert {each["receipt"] for each in ran.objects} == {
        str(path) for path in reporter.home.receipts.iterdir()
    }
    assert forewarn(reporter.home, "receipt", "verify").code == 0
    # A file that is added and one under another name: only what is new is handed in.
    (folder / "2.json").rename(folder / "5.json")
    (folder / "6.json").write_text(json.dumps(report(6)))
    again = reporter.submit(*words)
    assert outcomes(again).count("recorded_before") == 5
    assert summary(again) == {"recorded": 1, "recorded_before": 5, "refused": 0, "waiting": 0}
    assert len(reporter.recorded()) == 6
    indexes = {each["index"] for each in ran.objects}
    assert indexes == {each["index"] for each in again.objects if "receipt" not in each}


def test_where_one_document_is_wrong_none_is_handed_in(reporter: Reporter, tmp_path: Path) -> None:
    wrong = report(2, tlp="PURPLE")
    given = lines(tmp_path / "some.jsonl", report(1), wrong, {"kind": "Wish"}, {"tlp": "GREEN"})
    ran = reporter.submit(given)
    assert (ran.code, ran.out) == (1, "")
    fields = [each["field"] for each in json.loads(ran.err)["error"]["violations"]]
    assert [field.rpartition(": ")[0].rpartition(" ")[2] for field in fields] == ["2", "3", "4"]
    assert reporter.waiting == 0
    assert reporter.recorded() == []
    assert reporter.submit(lines(given, report(1))).code == 0
    for text in ("[]\n", "{\n", '{"a": 1, "a": 2}\n'):
        given.write_text(text)
        assert reporter.submit(given).code == 1
    given.write_bytes(b"\xff\n")
    assert "is not UTF-8" in reporter.submit(given).err
    assert "holds no document" in reporter.submit(reporter.home.state).err


def test_what_is_refused_is_told_and_stays_nowhere(reporter: Reporter, tmp_path: Path) -> None:
    stranger = report(2, recipients=["nobody-ai"])
    given = lines(tmp_path / "some.jsonl", report(1), stranger, report(3))
    ran = reporter.submit(given)
    assert ran.code == 3
    told = {each["file"]: each for each in ran.objects}
    refused = told[f"{given}, line 2"]
    assert (refused["outcome"], refused["reason"]) == ("refused", "RECIPIENT_UNKNOWN")
    assert "header.recipients" in refused["violations"][0]["field"]
    (record,) = did(reporter.home, "audit", "show", refused["audit_index"])
    assert (record["reason"], record["rpc"]) == ("RECIPIENT_UNKNOWN", "SubmitStream")
    assert record["digests"] == [refused["digest"]]
    assert summary(ran) == {"recorded": 2, "recorded_before": 0, "refused": 1, "waiting": 0}
    assert reporter.waiting == 0
    # Run again, it is tried anew, as a new statement.
    again = reporter.submit(given)
    assert again.code == 3
    assert sorted(outcomes(again)) == ["recorded_before", "recorded_before", "refused"]
    anew = next(each for each in again.objects if each["outcome"] == "refused")
    assert anew["statement_id"] != refused["statement_id"]
    # For people, only what is amiss.
    plain = forewarn(reporter.home, "submit", "--many", given)
    assert f"{given}, line 2: The exchange refused" in plain.err
    assert "3 statements: 0 recorded, 2 recorded before, 1 refused, 0 waiting." in plain.err


def test_a_member_that_is_suspended_keeps_all_and_is_told_once(
    reporter: Reporter, tmp_path: Path
) -> None:
    given = lines(tmp_path / "some.jsonl", *(report(each) for each in range(20)))
    with reporter.live.desk(REGISTRAR) as desk:
        desk.submit(suspension(reporter.who))
    for _ in range(2):
        ran = reporter.submit(given)
        assert (ran.code, ran.out) == (3, "")
        first, last = ran.err.splitlines()
        assert json.loads(first)["error"]["reason"] == "MEMBER_INACTIVE"
        assert json.loads(last)["summary"]["waiting"] == reporter.waiting == 20
    with reporter.live.desk(REGISTRAR) as desk:
        desk.submit(reinstatement(reporter.who))
    kept = {path.stem for path in outbox.waiting(reporter.home)}
    ran = reporter.submit(given)
    assert (ran.code, {each["statement_id"] for each in ran.objects}) == (0, kept)
    assert (len(reporter.recorded()), reporter.waiting) == (20, 0)


def reinstatement(who: Party) -> Any:
    from forewarn.statement.v1 import directory_pb2  # noqa: PLC0415 - used here only

    facts = directory_pb2.MemberReinstatementFacts(member=who.member)
    return statement("MEMBER_REINSTATEMENT", REGISTRAR, keys=REGISTRAR_KEYS, facts=facts)


def test_suspended_half_way_the_rest_waits(reporter: Reporter, tmp_path: Path) -> None:
    given = lines(tmp_path / "some.jsonl", *(report(each) for each in range(200)))
    with reporter.start(given, "--json") as process, reporter.live.desk(REGISTRAR) as desk:
        assert process.stdout is not None
        said = [process.stdout.readline()]
        desk.submit(suspension(reporter.who))
        out, err = process.communicate(timeout=SOON)
    said += out.splitlines()
    if process.returncode == 0:
        # It was faster than the registrar: nothing to see here.
        assert len(said) == 200
        return
    assert process.returncode == 3, err
    assert {json.loads(line)["outcome"] for line in said} == {"recorded"}
    reasons = [json.loads(line)["error"]["reason"] for line in err.splitlines()[:-1]]
    assert reasons == ["MEMBER_INACTIVE"]
    assert reporter.waiting == 200 - len(said)
    with reporter.live.desk(REGISTRAR) as desk:
        desk.submit(reinstatement(reporter.who))
    assert reporter.submit(given).code == 0
    assert sorted(reporter.recorded()) == sorted(f"Breach {each}" for each in range(200))


@contextmanager
def crowded(live: Live, who: Party) -> Iterator[None]:
    """Have as many streams of a member open as one may have: each counts for what it may bring."""
    ending = threading.Event()

    def one_and_wait() -> Iterator[exchange_service_pb2.SubmitStreamRequest]:
        yield exchange_service_pb2.SubmitStreamRequest(tag=1, envelope=b"nothing")
        ending.wait(SOON)

    with live.desk(who) as desk:
        streams: list[Any] = []
        try:
            # Answered, a stream is open.
            with suppress(grpc.RpcError):
                while len(streams) < 64:
                    streams.append(desk.exchange.SubmitStream(one_and_wait()))
                    next(streams[-1])
            assert len(streams) < 64
            yield
        finally:
            ending.set()
            for stream in streams:
                stream.cancel()


def test_too_many_calls_keep_all_and_are_told_once(reporter: Reporter, tmp_path: Path) -> None:
    given = lines(tmp_path / "some.jsonl", *(report(each) for each in range(5)))
    with crowded(reporter.live, reporter.who):
        ran = reporter.submit(given, "--patience", 0.5)
    assert (ran.code, ran.out) == (4, "")
    first, last = ran.err.splitlines()
    assert json.loads(first)["error"]["reason"] == "TOO_MANY_CALLS"
    assert json.loads(last)["summary"]["waiting"] == reporter.waiting == 5
    # What waits can also be handed in without the documents.
    ran = reporter.submit()
    assert (ran.code, outcomes(ran)) == (0, ["recorded"] * 5)
    assert outcomes(reporter.submit(given)) == ["recorded_before"] * 5
    assert reporter.submit().out == ""


@pytest.mark.parametrize(("by", "after"), [(signal.SIGKILL, 1), (signal.SIGKILL, 60)])
def test_killed_and_run_again_nothing_is_said_twice(
    reporter: Reporter, tmp_path: Path, by: signal.Signals, after: int
) -> None:
    given = lines(tmp_path / "some.jsonl", *(report(each) for each in range(150)))
    with reporter.start(given, "--json") as process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline()
        process.send_signal(by)
        process.communicate(timeout=SOON)
    assert process.returncode in {-by, 0}
    assert reporter.submit(given).code == 0
    assert sorted(reporter.recorded()) == sorted(f"Breach {each}" for each in range(150))
    assert (reporter.waiting, reporter.submit(given).code) == (0, 0)
    assert len(list(reporter.home.receipts.glob("*.json"))) == 150


def test_ctrl_c_tells_how_far_it_came(reporter: Reporter, tmp_path: Path) -> None:
    given = lines(tmp_path / "some.jsonl", *(report(each) for each in range(200)))
    with reporter.start(given, "--json") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SOON)
    told = json.loads(err.splitlines()[-1])["summary"]
    assert process.returncode in {130, 0}
    assert told["waiting"] == reporter.waiting
    assert "Traceback" not in err
    assert reporter.submit(given).code == 0
    assert len(reporter.recorded()) == 200


def test_killed_before_anything_left_it_is_made_anew(
    reporter: Reporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noted in the journal, but not in the outbox; and left half-way beside it."""
    given = lines(tmp_path / "some.jsonl", report(1), report(2))

    class PowerCutError(Exception):
        pass

    def cut(_: object) -> None:
        raise PowerCutError

    monkeypatch.setattr(outbox.Staged, "keep", cut)
    with pytest.raises(PowerCutError):
        reporter.submit(given)
    journal = reporter.home.state / "handed-in.jsonl"
    noted = journal.read_bytes()
    assert (noted.count(b"\n"), reporter.waiting) == (2, 0)
    # And a line that was cut short.
    journal.write_bytes(noted + noted[:30])
    monkeypatch.undo()
    assert reporter.submit(given).code == 0
    assert sorted(reporter.recorded()) == ["Breach 1", "Breach 2"]
    # The journal lost what the receipts still know.
    made = [line for line in journal.read_bytes().splitlines() if b"recorded" not in line]
    journal.write_bytes(b"\n".join(made) + b"\n")
    assert outcomes(reporter.submit(given)) == ["recorded_before"] * 2


def test_two_runs_at_once_do_not_cross(reporter: Reporter, tmp_path: Path) -> None:
    fifo = tmp_path / "slow.jsonl"
    given = lines(tmp_path / "some.jsonl", report(1))
    with subprocess.Popen(
        [sys.executable, "-c", RUN, "--home", reporter.home.path, "submit", "--many", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        end = time.monotonic() + SOON
        while not (reporter.home.state / "handed-in.jsonl").exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        while (ran := reporter.submit(given)).code == 0:
            assert time.monotonic() < end
        assert "another run is handing in" in ran.err
        process.communicate(json.dumps(report(2)), timeout=SOON)
    assert process.returncode == 0
    assert not fifo.exists()
    assert reporter.submit(given).code == 0
    assert sorted(reporter.recorded()) == ["Breach 1", "Breach 2"]


def test_reasons_that_are_the_callers_are_those_of_the_page() -> None:
    section = PAGE.read_text().split("## Identity")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([A-Z_]+)`", section, re.MULTILINE)) == errors.OF_THE_CALLER
