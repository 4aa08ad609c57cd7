"""`make demo` and `make up`, for real: what they print, how they end, what they leave behind."""

import fcntl
import io
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from certs.authority import Authority
from tests.story import material
from tests.story.claims import Story
from tests.story.processes import BIN

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 180.0
LAST = "The gateway serves on"
HELD = "\N{CHECK MARK}"

KEY_CLAIMS = (
    "no private key of the registrar or of a member is anywhere in the gateway's folder",
    "it is 62 days ahead, 28 short of that",
    "and nothing is blocked: the case is open",
    "civil-ai has its notice, and no trace of the other one",
    "asked for the case by its name, it is answered as for one that does not exist",
    "after 5 more it pulls those, 2 a page, from its last cursor",
    "mercy-hospital sees nothing of the other sector's",
    "Civil AI sees who has its alerts: both banks and the hospital, each by its own signature",
    "Aurora's words, signed by Borealis: refused, KEY_NOT_OF_SENDER",
    "one byte changed after signing: refused, SIGNATURE_INVALID",
    "from each of the 8 checkpoints that members had verified before, the log is proven to go on",
    "a replay is answered with the same entry, at index",
    "a caller without a certificate: TLS closes the connection, no answer comes",
    "a certificate with two SPIFFE IDs: refused, SPIFFE_ID_AMBIGUOUS",
    "another's entry, by digest: code, text and details are those of what does not exist",
    "SIGKILL, the moment the receipt is there",
    "the bank's stream came back by itself: no gap, nothing twice",
    "and indeed nothing listens where the gateway was",
)


@contextmanager
def story(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run `python -m tests.story` in a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.story", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read what a process prints, up to a line that holds a text."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def nothing_is_left(folder: Path) -> bool:
    """Tell whether gateway and nats-server have ended: each holds the lock of the state folder."""
    descriptor = os.open(folder / "gateway" / "lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def test_the_demo_tells_the_whole_story_and_every_claim_holds(tmp_path: Path) -> None:
    with story("demo", "--folder", tmp_path / "demo") as process:
        output, _ = process.communicate(timeout=SECONDS)

    assert process.returncode == 0, output
    for claim in KEY_CLAIMS:
        assert f"{HELD} {claim}" in output, claim
    assert "NOT SO" not in output
    assert [int(number) for number in re.findall(r"^(\d+)\. ", output, re.MULTILINE)] == [
        *range(1, 10)
    ]
    latencies = re.findall(r"verified, (\d+) ms after the gateway received it", output)
    assert len(latencies) == 3
    assert f"All {output.count(HELD)} claims held" in output
    data = material.folder()
    if material.case_studies(data) and material.advisories(data):
        assert f"{HELD} each advisory has the SHA-512 that its own .sha512 file states" in output
    else:
        assert "skipped: no real material at" in output
    assert nothing_is_left(tmp_path / "demo")


def test_ctrl_c_stops_everything_that_the_demo_started(tmp_path: Path) -> None:
    with story("demo", "--folder", tmp_path / "demo") as process:
        read_until(process, "2. Aurora announces")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 130, output
    assert "everything that was started is stopped" in output
    assert nothing_is_left(tmp_path / "demo")


def test_an_exchange_goes_on_where_it_was_and_runs_once(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with story("up", "--folder", folder) as first:
        read_until(first, LAST)
        with story("up", "--folder", folder) as second:
            output, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert output.count("\n") == 1
        assert "an exchange is running in" in output
        join = (folder / "gateway" / "exchange.toml").read_bytes()
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)

    assert first.returncode == 0
    assert nothing_is_left(folder)
    host, _, port = tomllib.loads(join.decode())["address"].rpartition(":")
    with socket.create_server((host, int(port))), story("up", "--folder", folder) as blocked:
        output, _ = blocked.communicate(timeout=60)
    assert blocked.returncode == 1
    assert output.count("\n") == 1
    assert "another program listens on" in output
    aurora = folder / "members" / "aurora"
    authority = Authority.load(folder / "pki")
    request = (aurora / "tls.csr").read_bytes()
    (aurora / "tls.crt").write_bytes(authority.issue(request, lifetime=timedelta(seconds=1)))
    with story("up", "--folder", folder) as again:
        read_until(again, LAST)
        assert (folder / "gateway" / "exchange.toml").read_bytes() == join
        listed = subprocess.run(
            [BIN / "forewarn", "--home", aurora, "directory", "list"],
            capture_output=True,
            text=True,
            check=False,
        )
        # Its certificate had expired while the exchange was away.
        assert (listed.returncode, listed.stderr) == (0, "")


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("all of it", "utf-8")

    with story("demo", "--folder", tmp_path) as process:
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "thesis.txt" in output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("condition", [False, 0, "", [], None])
def test_a_claim_that_does_not_hold_is_never_printed_as_held(condition: object) -> None:
    out = io.StringIO()
    told = Story(out=out)

    told.claim("water is dry", condition, found="wet")

    assert told.broken == ["water is dry"]
    assert told.held == 0
    assert HELD not in out.getvalue()
    assert "wet" in out.getvalue()


def test_claims_of_equality_show_both_sides() -> None:
    out = io.StringIO()
    told = Story(out=out)

    told.same("two and two", 4, 4)
    told.same("two and two again", 5, 4)

    assert told.held == 1
    assert "5, not 4" in out.getvalue()
