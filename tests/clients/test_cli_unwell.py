"""The command when things are not well: nobody answers, disks are full, terminals narrow."""

import asyncio
import json
import signal
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from forewarn_client import Home
from forewarn_client.cli import outbox, root, tables
from forewarn_client.cursors import CursorFile
from forewarn_client.filters import Filter
from tests.clients.test_cli_online import ALERT, BANK, CIVIL, exchange, forewarn, start, write
from tests.world.paper_exchange import PaperExchange


async def abandoned(folder: Path) -> tuple[PaperExchange, Home]:
    """Make an exchange that is there no more, and a member's folder."""
    async with exchange(folder) as paper:
        home = paper.home(CIVIL)
    return paper, home


@pytest.mark.asyncio
async def test_who_waits_reads_until_when_and_what_then(tmp_path: Path) -> None:
    paper, home = await abandoned(tmp_path)
    began = time.monotonic()
    ran = await forewarn(home, "--patience", 3, "inbox", "list")
    assert ran.code == 4
    assert 2.5 < time.monotonic() - began < 20
    first, second = ran.err.splitlines()
    assert first.startswith(f"No answer from 127.0.0.1:{paper.port} yet; trying until ")
    assert first.endswith("(3 s in all).")
    assert second.startswith("forewarn: the exchange gave no answer that decides: ")
    assert second.endswith("[UNAVAILABLE]")


@pytest.mark.asyncio
async def test_a_program_that_waits_reads_one_object(tmp_path: Path) -> None:
    _, home = await abandoned(tmp_path)
    ran = await forewarn(home, "--patience", 2.5, "--json", "inbox", "list")
    (line,) = ran.err.splitlines()
    assert json.loads(line)["error"]["reason"] == "UNAVAILABLE"
    assert ran.out == ""


@pytest.mark.asyncio
async def test_a_stream_tells_that_it_broke_and_that_it_is_back(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        process = await start(home, "inbox", "follow", "--limit", 1)
        assert process.stderr is not None
        assert await process.stderr.readline() == b"Following; Ctrl-C ends it.\n"
        await paper.stop()
        assert b"No answer from" in await process.stderr.readline()
        await paper.start()
        assert (await process.stderr.readline()).endswith(b" answers.\n")
        sent = await forewarn(paper.home(CIVIL), "alert", "send", write(tmp_path / "a", ALERT))
        assert sent.code == 0
        out, _ = await process.communicate()
        assert (process.returncode, out.count(b"\n")) == (0, 1)


@pytest.mark.asyncio
async def test_an_interrupt_says_what_is_kept(tmp_path: Path) -> None:
    _, home = await abandoned(tmp_path)
    process = await start(home, "alert", "send", write(tmp_path / "alert.toml", ALERT))
    assert process.stderr is not None
    assert b"No answer from" in await process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"`forewarn submit` hands it in again" in err
    assert b"Traceback" not in err
    assert len(outbox.waiting(home)) == 1


@pytest.mark.asyncio
async def test_a_receipt_that_cannot_be_saved_is_fetched_again(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(CIVIL)
        home.receipts.rmdir()
        home.receipts.write_text("not a folder")
        alert = write(tmp_path / "alert.toml", ALERT)
        ran = await forewarn(home, "alert", "send", alert, "--json")
        assert (ran.code, ran.out) == (4, "")
        told = json.loads(ran.err.splitlines()[0])["error"]
        assert told["reason"] == "RECEIPT_NOT_SAVED"
        assert told["detail"].startswith("recorded at index 4, but ")
        assert len(outbox.waiting(home)) == 1
        home.receipts.unlink()
        again = await forewarn(home, "submit", "--json")
        assert (again.code, again.lines[0]["index"]) == (0, 4)


@pytest.mark.asyncio
async def test_two_do_not_read_with_one_cursor(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(BANK)
        first = await start(home, "inbox", "follow", "--json")
        assert first.stdout is not None
        await first.stdout.readline()
        second = await forewarn(home, "inbox", "follow")
        assert second.code == 1
        assert "another process reads with the cursor" in second.err
        other = await forewarn(home, "inbox", "follow", "--since-start", "--idle-timeout", 0.2)
        assert other.code == 0
        first.terminate()
        await first.wait()
        with CursorFile(home.state, "inbox-follow", Filter().message()).held():
            pass


@pytest.mark.asyncio
async def test_a_file_that_did_not_travel_keeps_no_other_back(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "a")
    document = (
        f'{ALERT}\n[[body.attachments]]\nfile = "a.txt"\ndetached = true\n'
        '[[body.attachments]]\nfile = "b.txt"\n'
    )
    write(tmp_path / "b.txt", "b")
    async with exchange(tmp_path) as paper:
        agency, bank = paper.home(CIVIL), paper.home(BANK)
        sent = await forewarn(
            agency, "alert", "send", write(tmp_path / "alert.toml", document), "--json"
        )
        into = tmp_path / "into"
        ran = await forewarn(bank, "inbox", "save", sent.lines[0]["index"], "--into", into)
        assert ran.code == 1
        assert "a.txt: carries only the digest" in ran.err
        assert [path.name for path in into.iterdir()] == ["b.txt"]
        ran = await forewarn(bank, "inbox", "show", "9" * 30)
        assert (ran.code, "Traceback" in ran.err) == (1, False)
        assert "an index is a number from 0 to " in ran.err


@pytest.mark.asyncio
async def test_what_a_receipt_alone_says_is_told_apart(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        home = paper.home(CIVIL)
        alert = write(tmp_path / "alert.toml", ALERT)
        assert (await forewarn(home, "alert", "send", alert)).code == 0
        known = await forewarn(home, "receipt", "verify")
        assert (known.code, known.err) == (0, "")
        (home.state / "directory.pages").unlink()
        alone = await forewarn(home, "receipt", "verify")
        assert (alone.code, alone.out) == (0, known.out)
        assert alone.err.startswith("For 1 of them, this folder does not know the directory far")
        told = await forewarn(home, "receipt", "verify", "--json")
        assert [item["directory_known"] for item in told.lines] == [False]
        # As the sentence says.
        assert (await forewarn(home, "directory", "list")).code == 0
    again = await forewarn(home, "receipt", "verify")
    assert (again.code, again.err) == (0, "")


def test_a_file_that_is_no_receipt_came_from_nobody(tmp_path: Path) -> None:
    async def make() -> Home:
        async with exchange(tmp_path) as paper:
            return paper.home(CIVIL)

    home = asyncio.run(make())
    ran = CliRunner().invoke(
        root, ["--home", str(home.path), "receipt", "verify", str(write(tmp_path / "x", "x"))]
    )
    assert ran.exit_code == 5
    assert "the file is not a receipt, or is damaged [RECEIPT_MALFORMED]" in ran.stderr
    assert "whoever runs the exchange" not in ran.stderr


ROWS = [
    (8, "PreReleaseNotice", "h-wddc4k7yn4mfpveinbwn6zb2mu and a few words more than fit on it"),
    (1042, "Alert", "\x1b[2J \u6f22\u5b57"),
]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_what_names_something_stays_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    tables.show_table(("Index", "Kind", "About"), ROWS, "")
    out = click.unstyle(capsys.readouterr().out)
    assert "\x1b" not in out
    assert "h-wddc4k7yn4mfpveinbwn6zb2mu" in out
    lines = out.splitlines()
    assert all(line == line.rstrip() for line in lines)
    starts = {line.index(part) for line, part in zip(lines, ("Kind", "PreRelease"), strict=False)}
    assert len(starts) == 1
    if width >= 60:
        assert max(map(len, lines)) <= width


def test_in_a_pipe_a_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show_table(("A", "B"), [("x", "word " * 99)], "")
    tables.show_table(("A", "B"), [], "Nothing.")
    out = capsys.readouterr().out.splitlines()
    assert (len(out), out[0], out[-1]) == (3, "A  B", "Nothing.")
