"""Evidence and proofs from a real exchange, verified by a stranger with two pins and no folder."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from forewarn_client.cli.root import root
from forewarn_client.home import Home
from tests.world.live import AURORA, CIVIL, Live
from tests.world.live_homes import Ran, did, forewarn, home_of

NOTICE = {
    "kind": "PreReleaseNotice",
    "tlp": "AMBER",
    "recipients": ["civil-ai"],
    "facts": {
        "notice_type": "new_model",
        "release_mode": "api",
        "handle": "h-" + "a" * 26,
        "planned": {"public_release": {"time": "2027-03-01T00:00:00Z", "precision": "day"}},
    },
    "body": {
        "evaluation_summary": "Said in confidence.",
        "elicitation": "UNKNOWN",
        "planned_safeguards": "UNKNOWN",
        "lineage": "UNKNOWN",
    },
}


@pytest.fixture
def lab(exchange: Live, tmp_path: Path) -> Home:
    return home_of(exchange, AURORA, tmp_path)


def sent(home: Home, folder: Path) -> dict[str, Any]:
    document = folder / "notice.json"
    document.write_text(json.dumps(NOTICE))
    (submitted,) = did(home, "notice", "send", document)
    return submitted


def stranger(folder: Path, *words: object) -> Ran:
    """Run the command with a folder that is not there."""
    typed = ["--home", str(folder / "nowhere"), *map(str, words), "--json"]
    result = CliRunner().invoke(root, typed)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert not (folder / "nowhere").exists()
    return Ran(code=result.exit_code, out=result.stdout, err=result.stderr)


def pins(live: Live) -> tuple[str, ...]:
    join = tomllib.loads((live.state / "exchange.toml").read_text())
    return "--genesis-digest", join["genesis_digest"], "--log-key", join["log_key"]


@pytest.mark.parametrize("by", ["index", "digest", "receipt"])
def test_a_stranger_verifies_what_a_member_exports(
    exchange: Live, lab: Home, tmp_path: Path, by: str
) -> None:
    notice = sent(lab, tmp_path)
    (receipt,) = lab.receipts.glob("*.json")
    what = {"index": notice["index"], "digest": notice["digest"], "receipt": receipt}[by]
    target = tmp_path / "notice.evidence"
    ran = forewarn(lab, "evidence", "export", what, "-o", target)
    assert ran.code == 0, ran.err
    assert "TLP:AMBER" in ran.err
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    # Nothing is overwritten.
    assert forewarn(lab, "evidence", "export", what, "-o", target).code == 1

    done = stranger(tmp_path, "evidence", "verify", target, *pins(exchange), "--show")
    assert done.code == 0, done.err
    (found,) = done.objects
    assert (found["verified"], found["sender"], found["tlp"]) == (True, "aurora", "AMBER")
    assert (found["index"], found["digest"]) == (notice["index"], notice["digest"])
    assert found["one_log"] is (by != "receipt" or found["checkpoints"] == 1)
    assert "Said in confidence." in json.dumps(found["record"])
    quiet = stranger(tmp_path, "evidence", "verify", target, *pins(exchange))
    assert "Said in confidence." not in quiet.out
    told = forewarn(lab, "evidence", "verify", target)
    assert told.code == 0
    assert "PreReleaseNotice by aurora" in told.out

    spoiled = bytearray(target.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    target.write_bytes(bytes(spoiled))
    assert stranger(tmp_path, "evidence", "verify", target, *pins(exchange)).code == 5


def test_a_recipient_exports_what_it_was_sent(exchange: Live, lab: Home, tmp_path: Path) -> None:
    notice = sent(lab, tmp_path)
    agency = home_of(exchange, CIVIL, tmp_path)
    target = tmp_path / "received.evidence"
    (made,) = did(agency, "evidence", "export", notice["index"], "-o", target)
    assert (made["sender"], made["one_log"]) == ("aurora", True)
    assert stranger(tmp_path, "evidence", "verify", target, *pins(exchange)).code == 0


def test_a_bundle_is_compared_with_the_directory_of_whoever_has_one(
    exchange: Live, lab: Home, tmp_path: Path
) -> None:
    notice = sent(lab, tmp_path)
    target = tmp_path / "notice.evidence"
    did(lab, "evidence", "export", notice["index"], "-o", target)
    agency = home_of(exchange, CIVIL, tmp_path)
    verify = ("evidence", "verify", target)

    # A folder that has fetched no directory is asked to; by itself it says that it cannot tell.
    named = ("--directory", agency.path)
    unready = stranger(tmp_path, *verify, *pins(exchange), *named)
    assert (unready.code, "directory list" in unready.err) == (1, True)
    assert did(agency, *verify)[0]["directory_known"] is False
    assert "leaves out" in forewarn(agency, *verify).err

    did(agency, "directory", "list")
    assert stranger(tmp_path, *verify, *pins(exchange)).objects[0]["directory_known"] is False
    known = stranger(tmp_path, *verify, *pins(exchange), *named)
    assert known.objects[0]["directory_known"] is True
    assert did(agency, *verify)[0]["directory_known"] is True
    assert "leaves out" not in forewarn(agency, *verify).err


def test_the_directory_can_be_proven_too(exchange: Live, lab: Home, tmp_path: Path) -> None:
    for index in (0, 1):
        target = tmp_path / f"{index}.evidence"
        ran = forewarn(lab, "evidence", "export", index, "-o", target, "--json")
        assert (ran.code, ran.err) == (0, "")
        done = stranger(tmp_path, "evidence", "verify", target, *pins(exchange))
        assert done.objects[0]["index"] == index


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ((), (1, "name --genesis-digest and --log-key")),
        (("--log-key", "x"), (1, "belong together")),
        (("--genesis-digest", "00", "--log-key", "x"), (1, "64 hex digits")),
        (("--genesis-digest", "00" * 32, "--log-key", "KEY"), (5, "GENESIS_FOREIGN")),
        (("--genesis-digest", "00" * 32, "--log-key", "AUDIT"), (5, "CHECKPOINT_UNSIGNED")),
    ],
    ids=["none", "one", "short", "genesis", "key"],
)
def test_other_pins_prove_nothing(
    exchange: Live, lab: Home, tmp_path: Path, changed: tuple[str, ...], answer: tuple[int, str]
) -> None:
    sent(lab, tmp_path)
    (receipt,) = lab.receipts.glob("*.json")
    target = tmp_path / "notice.evidence"
    did(lab, "evidence", "export", receipt, "-o", target)
    join = tomllib.loads((exchange.state / "exchange.toml").read_text())
    keys = {"KEY": join["log_key"], "AUDIT": join["audit_log_key"]}
    done = stranger(
        tmp_path, "evidence", "verify", target, *(keys.get(word, word) for word in changed)
    )
    assert done.code == answer[0]
    assert answer[1] in done.err


def test_what_is_no_entry_is_said(lab: Home, tmp_path: Path) -> None:
    ran = forewarn(lab, "evidence", "export", "nothing", "-o", tmp_path / "x")
    assert (ran.code, (tmp_path / "x").exists()) == (1, False)
    junk = tmp_path / "junk"
    junk.write_bytes(b"junk")
    assert forewarn(lab, "evidence", "verify", junk).code == 5


def test_a_receipt_becomes_a_proof_that_a_stranger_verifies(
    exchange: Live, lab: Home, tmp_path: Path
) -> None:
    notice = sent(lab, tmp_path)
    (receipt,) = lab.receipts.glob("*.json")
    (made,) = did(lab, "receipt", "export", receipt, "--tlog-proof")
    proof = receipt.with_suffix(".tlog-proof")
    assert Path(made["file"]) == proof
    assert proof.read_text().startswith("c2sp.org/tlog-proof@v1\nextra ")
    key = pins(exchange)[2:]
    done = stranger(tmp_path, "receipt", "verify", proof, *key)
    (found,) = done.objects
    assert (found["index"], found["digest"]) == (notice["index"], notice["digest"])
    # The folder's own pins do as well, and its receipts are still verified as they were.
    assert forewarn(lab, "receipt", "verify", proof).code == 0
    assert forewarn(lab, "receipt", "verify").code == 0

    did(
        lab, "receipt", "export", receipt, "--tlog-proof", "--without-opening",
        "--into", tmp_path / "public",
    )  # fmt: skip
    (public,) = (tmp_path / "public").iterdir()
    assert "extra" not in public.read_text()
    assert stranger(tmp_path, "receipt", "verify", public, *key).code == 1
    committed = made["commitment"]
    done = stranger(tmp_path, "receipt", "verify", public, *key, "--commitment", committed)
    assert (done.code, "digest" in done.objects[0]) == (0, False)
    other = stranger(tmp_path, "receipt", "verify", public, *key, "--commitment", "00" * 32)
    assert other.code == 5
    foreign = stranger(tmp_path, "receipt", "verify", proof, "--log-key", "no key")
    assert foreign.code == 1
