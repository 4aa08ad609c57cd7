"""`forewarn inbox follow` with a command for each entry: at least once, whatever ends what."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from forewarn_client.home import Home
from tests.world.live import CIVIL, HARBOR, Live, alert, alert_update
from tests.world.live_homes import forewarn, home_of

RUN = "from forewarn_client.cli import main; main()"
SOON = 60.0


class Ran:
    """What a run of the command left."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Bank:
    """A bank that follows one case, with commands that write into a file."""

    def __init__(self, live: Live, home: Home, folder: Path) -> None:
        self.live = live
        self.home = home
        self.folder = folder
        self.log = folder / "log"
        self.case = ""
        self.indexes: list[int] = []

    def told(self, count: int, *, summary: str = "Look at this.") -> list[int]:
        """Have an alert and its updates come; give their indexes."""
        sent = alert(CIVIL, HARBOR, summary=summary)
        with self.live.desk(CIVIL) as desk:
            answers = [desk.submit(sent)]
            for _ in range(count - 1):
                update = alert_update(CIVIL, sent.digest, answers[-1].digest, HARBOR)
                answers.append(desk.submit(update))
        self.case = sent.digest.hex()
        self.indexes = [answer.receipt.index for answer in answers]
        return self.indexes

    def script(self, text: str) -> str:
        """Write a shell script; give what is typed to run it."""
        path = self.folder / "hook"
        path.write_text(f"#!/bin/sh\nLOG='{self.log}'\n{text}\n")
        path.chmod(0o700)
        return str(path)

    @property
    def logged(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def start(self, *words: object) -> subprocess.Popen[str]:
        typed = ["inbox", "follow", "--case", self.case, *map(str, words)]
        return subprocess.Popen(
            [sys.executable, "-c", RUN, "--home", self.home.path, *typed],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def follow(self, *words: object) -> Ran:
        with self.start(*words) as process:
            out, err = process.communicate(timeout=SOON)
        return Ran(process.returncode, out, err)

    def until_logged(self, line: str) -> None:
        end = time.monotonic() + SOON
        while line not in self.logged:
            assert time.monotonic() < end, self.logged
            time.sleep(0.02)


@pytest.fixture(scope="module")
def home(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home_of(live, HARBOR, tmp_path_factory.mktemp("following"))


@pytest.fixture
def bank(live: Live, home: Home, tmp_path: Path) -> Bank:
    return Bank(live, home, tmp_path)


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_the_command_gets_the_record_and_its_facts_and_no_shell_reads_it(bank: Bank) -> None:
    one, two = bank.told(2, summary="$(touch pwned) `touch pwned` \N{BELL}")
    script = bank.script('cat >> "$LOG"; echo "$FOREWARN_INDEX $FOREWARN_KIND $1 $2"')
    facts = bank.script(
        'cat >> "$LOG"\n'
        'echo "$FOREWARN_INDEX/$FOREWARN_KIND/$FOREWARN_SENDER/$FOREWARN_TLP/$FOREWARN_CASE" "$@"\n'
        'echo "$FOREWARN_HOME"'
    )
    assert script == facts
    ran = bank.follow("--exec", f"{facts} 'two words' $HOME *", "--limit", 2)
    assert (ran.code, ran.err) == (0, "Following; Ctrl-C ends it.\n")
    assert ran.out.splitlines() == [
        f"{one}/Alert/civil-ai/GREEN/{bank.case} two words $HOME *",
        str(bank.home.path),
        f"{two}/AlertUpdate/civil-ai/GREEN/{bank.case} two words $HOME *",
        str(bank.home.path),
    ]
    listed = forewarn(bank.home, "inbox", "list", "--case", bank.case, "--json").objects
    assert [json.loads(line) for line in bank.logged] == listed
    assert listed[0]["body"]["summary"] == "$(touch pwned) `touch pwned` \N{BELL}"
    assert not Path("pwned").exists()
    # Both are ticked off, apart from what was only shown.
    assert bank.follow("--exec", facts, "--idle-timeout", 0.5).out == ""
    shown = bank.follow("--jsonl", "--limit", 2)
    assert shown.lines == listed
    assert bank.follow("--jsonl", "--idle-timeout", 0.5).out == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [("exit 7", "ended with status 7"), ("kill -9 $$", "was ended by signal 9")],
)
def test_a_command_that_fails_stops_it_and_has_the_same_entry_again(
    bank: Bank, text: str, said: str
) -> None:
    one, two, three = bank.told(3)
    fails = f'echo $FOREWARN_INDEX >> "$LOG"; test $FOREWARN_INDEX -eq {one} || {{ {text}; }}'
    ran = bank.follow("--exec", bank.script(fails), "--json")
    assert ran.code == 1
    error = json.loads(ran.err)["error"]
    assert error["reason"] == "COMMAND_FAILED"
    assert said in error["detail"]
    assert f"entry {two}" in error["detail"]
    # What was not dealt with is not shown either.
    assert [item["index"] for item in ran.lines if item["event"] == "record"] == [one]
    mended = bank.script('echo $FOREWARN_INDEX >> "$LOG"')
    assert bank.follow("--exec", mended, "--limit", 2).code == 0
    assert bank.logged == [str(each) for each in (one, two, two, three)]


def test_a_command_is_run_again_where_that_is_asked_for(bank: Bank) -> None:
    (one,) = bank.told(1)
    third = bank.script('echo $FOREWARN_INDEX >> "$LOG"; test $(wc -l < "$LOG") -ge 3')
    ran = bank.follow("--exec", third, "--exec-retry", 1, "--limit", 1)
    assert ran.code == 1
    assert "The command ended with status 1; again in 1 s." in ran.err
    assert bank.follow("--exec", third, "--exec-retry", 1, "--limit", 1).code == 0
    assert bank.logged == [str(one)] * 3


def test_a_command_that_hangs_is_ended_with_all_that_it_started(bank: Bank) -> None:
    (one,) = bank.told(1)
    hangs = bank.script('trap "" TERM; sleep 1000 & echo $! >> "$LOG"; echo $$ >> "$LOG"; wait')
    ran = bank.follow("--exec", hangs, "--exec-timeout", 1)
    assert ran.code == 1
    assert "did not end within 1 s" in ran.err
    assert not [pid for pid in map(int, bank.logged) if is_running(pid)]
    ran = bank.follow("--exec", "true", "--limit", 1, "--jsonl")
    assert [item["index"] for item in ran.lines] == [one]


def test_what_a_command_does_not_read_holds_nothing_up(bank: Bank) -> None:
    bank.told(1, summary="long " * 6000)
    assert bank.follow("--exec", "true", "--limit", 1).code == 0


def test_killed_between_the_command_and_the_cursor_it_hands_the_entry_over_again(
    bank: Bank,
) -> None:
    one, two = bank.told(2)
    logs = 'echo $FOREWARN_INDEX >> "$LOG"'
    murder = bank.script(f"{logs}; test $FOREWARN_INDEX -eq {one} || kill -9 $PPID")
    assert bank.follow("--exec", murder).code == -signal.SIGKILL
    assert bank.logged == [str(one), str(two)]
    assert bank.follow("--exec", bank.script(logs), "--limit", 1).code == 0
    assert bank.logged == [str(one), str(two), str(two)]
    assert bank.follow("--exec", bank.script(logs), "--idle-timeout", 0.5).code == 0
    assert len(bank.logged) == 3


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_ended_while_the_command_runs_it_ends_that_too(
    bank: Bank, by: signal.Signals, code: int
) -> None:
    (one,) = bank.told(1)
    slow = bank.script('echo $$ >> "$LOG"; echo started >> "$LOG"; exec sleep 1000')
    with bank.start("--exec", slow) as process:
        bank.until_logged("started")
        process.send_signal(by)
        _, err = process.communicate(timeout=SOON)
    assert (process.returncode, "Traceback" in err) == (code, False)
    assert not is_running(int(bank.logged[0]))
    ran = bank.follow("--exec", "true", "--limit", 1, "--jsonl")
    assert [item["index"] for item in ran.lines] == [one]


def test_two_commands_keep_places_of_their_own(bank: Bank) -> None:
    bank.told(1)
    for name in ("pager", "archive"):
        assert (
            len(bank.follow("--exec", "true", "--keep", name, "--limit", 1, "--jsonl").lines) == 1
        )
    ran = bank.follow("--exec", "true", "--keep", "pager", "--idle-timeout", 0.3, "--jsonl")
    assert ran.lines == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--exec", "no-such-program --now"), "there is no program no-such-program"),
        (("--exec", "sh -c 'oh"), "No closing quotation"),
        (("--exec", ""), "there is no program nothing"),
        (("--keep", "x", "--since-start"), "leave the other option out"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_followed(
    home: Home, words: tuple[str, ...], said: str
) -> None:
    ran = forewarn(home, "inbox", "follow", *words)
    assert ran.code == 2
    assert said in " ".join(ran.err.split())


def test_its_help_says_that_an_entry_may_come_twice(home: Home) -> None:
    text = " ".join(forewarn(home, "inbox", "follow", "--help").out.split())
    assert "AT LEAST ONCE" in text
    assert "may be run twice" in text
