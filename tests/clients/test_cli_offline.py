"""What the command does without any connection: folders, keys, documents, receipts."""

import json
import os
import pty
import subprocess
import sys
import tomllib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs.authority import Authority
from forewarn.exchange.v1 import ledger_pb2
from forewarn.statement.v1 import alert_pb2
from forewarn_client import dsse, files, kinds, note
from forewarn_client.cli import documents, outbox, root
from forewarn_client.cli.documents import Sheet
from forewarn_client.enrolment import EnrolmentRequest
from forewarn_client.errors import RequestError
from forewarn_client.home import Home
from forewarn_client.problems import AuthoringError
from forewarn_client.receipt import Receipt
from forewarn_client.records import Evidence
from forewarn_witness.cosigning import Cosigner
from tests.witness.logs import PaperLog
from tests.world.ledger_builder import TRUST_DOMAIN, Ledger, party

ALERT = """
recipients = ["sector:financial-services"]
tlp = "GREEN"
[facts]
severity = "high"
[body]
title = "A title"
summary = "A summary"
"""


def forewarn(*words: object) -> Result:
    return CliRunner().invoke(root, [str(word) for word in words])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "ca", trust_domain=TRUST_DOMAIN)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def join(tmp_path: Path, authority: Authority, ledger: Ledger) -> Path:
    table = {
        "origin": ledger.origin,
        "trust_domain": TRUST_DOMAIN,
        "genesis_digest": ledger.genesis_digest.hex(),
        "log_key": ledger.log_vkey,
        "address": "localhost:1",
        "ca": authority.bundle.decode(),
    }
    path = tmp_path / "exchange.toml"
    path.write_bytes(files.toml({"": table}))
    return path


@pytest.fixture
def home(tmp_path: Path, join: Path) -> Path:
    folder = tmp_path / "civil"
    result = forewarn(
        *("--home", folder, "init", "--exchange", join, "--kind", "agency"),
        *("--member", "civil-ai", "--system", "desk", "--agency-type", "civil"),
        *("--desk", "incident", "--name", "Civil AI Agency"),
    )
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def alert(tmp_path: Path) -> Path:
    path = tmp_path / "alert.toml"
    path.write_text(ALERT)
    return path


def test_a_member_joins_in_two_steps(home: Path, join: Path, authority: Authority) -> None:
    request = EnrolmentRequest.load(home / "enrolment.toml")
    assert request.profile == {
        "display_name": "Civil AI Agency",
        "agency_type": "civil",
        "desks": ["incident"],
    }
    chain = home.parent / "issued.crt"
    chain.write_bytes(authority.issue((home / "tls.csr").read_bytes()))
    result = forewarn("init", "--certificate", chain, "--home", home, "--json")
    assert json.loads(result.output)["system"] == f"spiffe://{TRUST_DOMAIN}/agency/civil-ai/desk"
    assert Home.load(home).tls().chain == chain.read_bytes()


def test_what_init_needs_is_said(tmp_path: Path, join: Path) -> None:
    at = ("--home", tmp_path / "new", "init")
    assert forewarn(*at).exit_code == 2
    assert "--kind, --member, --system" in forewarn(*at, "--exchange", join).stderr
    names = ("--kind", "agency", "--member", "civil-ai", "--system", "desk")
    assert "--agency-type" in forewarn(*at, "--exchange", join, *names).stderr
    wrong = ("--kind", "lab", "--member", "Aurora!", "--system", "desk")
    assert forewarn(*at, "--exchange", join, *wrong).exit_code == 1
    assert not (tmp_path / "new").exists()


def test_the_registrar_begins_a_ledger_with_keys_of_its_own(tmp_path: Path) -> None:
    folder, target = tmp_path / "registrar", tmp_path / "genesis.dsse"
    words = (
        *("--home", folder, "registrar", "genesis", "--origin", "exchange.example/ledger"),
        *("--trust-domain", "exchange.example", "--registrar", "exchange-registrar"),
        *("--keys", "3", "--quorum", "2", "--output", target, "--json"),
    )
    made = json.loads(forewarn(*words).output)
    assert len(made["key_ids"]) == 3
    assert {path.name for path in folder.iterdir()} == {
        "signing.pem",
        "signing-2.pem",
        "signing-3.pem",
    }
    again = forewarn(*words)
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    target.unlink()
    assert json.loads(forewarn(*words).output)["key_ids"] == made["key_ids"]


def test_a_check_shows_what_would_be_sent_and_sends_nothing(home: Path, alert: Path) -> None:
    words = ("--home", home, "alert", "send", alert, "--check")
    told = json.loads(forewarn(*words, "--json", "--tlp", "AMBER", "--to", "harbor-bank").output)
    assert told["header"]["tlp"] == "AMBER"
    assert told["header"]["recipients"] == ["harbor-bank"]
    assert told["body"] == {"title": "A title", "summary": "A summary"}
    assert "Nothing was sent." in forewarn(*words).output


def test_files_are_attached_from_where_one_stands(home: Path, alert: Path) -> None:
    advisory = alert.parent / "advisory.json"
    advisory.write_bytes(b"{}")
    told = json.loads(
        forewarn(
            *("--home", home, "alert", "send", alert, "--attach", advisory, "--check", "--json")
        ).output
    )
    assert told["body"]["attachments"][0]["file_name"] == "advisory.json"
    assert told["body"]["attachments"][0]["size"] == 2


def test_separately_makes_one_statement_for_each(home: Path, tmp_path: Path) -> None:
    notice = tmp_path / "notice.toml"
    text = CliRunner().invoke(root, ["template", "PreReleaseNotice"]).output
    notice.write_text(text.replace('"..."', '"Words."'))
    words = (
        *("--home", home, "notice", "send", notice, "--to", "civil-ai", "--to", "natsec-ai"),
        *("--separately", "--check", "--json"),
    )
    told = [json.loads(line) for line in forewarn(*words).output.splitlines()]
    assert [item["header"]["recipients"] for item in told] == [["civil-ai"], ["natsec-ai"]]
    assert len({item["facts"]["handle"] for item in told}) == 2
    shared = Sheet(values={"recipients": ["a", "b"], "facts": {"handle": "h-" + "a" * 26}})
    with pytest.raises(RequestError, match="for one recipient only"):
        documents.one_for_each(shared)


def test_a_draft_is_the_same_statement_later(home: Path, alert: Path, tmp_path: Path) -> None:
    path = tmp_path / "alert.statement"
    words = ("--home", home, "alert", "send", alert, "--draft", path, "--json")
    told = json.loads(forewarn(*words).output)
    draft = outbox.load(path)
    assert draft.digest.hex() == told["digest"]
    assert kinds.parse_statement(draft.payload).header.sender == "civil-ai"
    path.write_bytes(b"\xff")
    with pytest.raises(RequestError, match="is not a statement"):
        outbox.load(path)
    assert forewarn("--home", home, "submit").exit_code == 0


def typed(answer: str, *words: object) -> tuple[int, str]:
    """Run the command on a terminal and type an answer; give its status and what it showed."""
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).with_name("forewarn")), *map(str, words)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, answer.encode())
    shown = b""
    with suppress(OSError):  # a terminal that nobody has open any more
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


def test_what_a_file_holds_is_shown_and_asked_for_before_it_is_signed(
    home: Path, alert: Path, tmp_path: Path
) -> None:
    path = tmp_path / "alert.statement"
    assert forewarn("--home", home, "alert", "send", alert, "--draft", path).exit_code == 0
    words = ("--home", home, "submit", path)

    code, shown = typed("n\n", *words)
    assert (code, "Nothing was sent." in shown) == (1, True)
    assert "Sign it and hand it in?" in shown
    assert outbox.load(path).digest.hex() in shown
    # Agreed to, it goes on its way; this folder has no certificate to connect with.
    code, shown = typed("y\n", *words)
    assert "tls.crt is missing" in shown
    assert (code, "Nothing was sent." in shown) == (1, False)

    unasked = forewarn(*words)
    assert unasked.exit_code == 1
    assert "--yes" in unasked.stderr
    assert outbox.load(path).digest.hex() in unasked.stdout
    assert "tls.crt is missing" in forewarn(*words, "--yes").stderr
    assert forewarn("--home", home, "submit", "--many", alert, "--yes").exit_code == 2


def test_all_documents_are_made_before_any_is_sent(home: Path, alert: Path) -> None:
    wrong = alert.parent / "wrong.toml"
    wrong.write_text(ALERT.replace("high", "hihg"))
    result = forewarn("--home", home, "alert", "send", alert, wrong, "--json")
    assert result.exit_code == 1
    (violation,) = json.loads(result.stderr)["error"]["violations"]
    assert violation["field"] == f"{wrong}: facts.severity"
    assert "did you mean high?" in violation["description"]
    assert not (home / "outbox").exists()


def test_a_template_that_nobody_filled_in_is_not_sent(home: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.toml"
    raw.write_text(CliRunner().invoke(root, ["template", "Alert"]).output)
    result = forewarn("--home", home, "alert", "send", raw, "--check")
    assert result.exit_code == 1
    assert "body.title: still is the template's placeholder" in result.stderr


def test_options_state_keys_over_the_document() -> None:
    sheet = Sheet(values={"body": {"note": "a", "text": "b"}, "tlp": "GREEN"})
    made = documents.with_options(sheet, {"body.note": "c", "facts.cause": "other"})
    assert made.values == {
        "body": {"note": "c", "text": "b"},
        "facts": {"cause": "other"},
        "tlp": "GREEN",
    }
    assert sheet.values["body"]["note"] == "a"
    with pytest.raises(RequestError, match="`body` is not a table"):
        documents.with_options(Sheet(values={"body": 1}), {"body.note": "c"})


def test_a_member_speaks_of_its_own_keys(home: Path) -> None:
    words = ("--home", home, "directory", "revoke-key", "--key-id", "0" * 64, "--check", "--json")
    told = json.loads(forewarn(*words, "--reason", "compromised").output)
    assert told["facts"] == {"member": "civil-ai", "key_id": "0" * 64, "reason": "compromised"}
    assert told["header"]["tlp"] == "CLEAR"
    assert "facts.reason: is required" in forewarn(*words[:-1]).stderr


def test_a_key_is_registered_from_its_file(home: Path, tmp_path: Path) -> None:
    template = tomllib.loads(CliRunner().invoke(root, ["template", "KeyRegistration"]).output)
    key = tmp_path / "new.pem"
    key.write_text(template["facts"]["key"])
    words = ("--home", home, "registrar", "register-key", "aurora", "--key", key)
    told = json.loads(forewarn(*words, "--check", "--json").output)
    assert told["facts"]["member"] == "aurora"
    assert told["facts"]["key"]["algorithm"] == "ed25519"
    key.write_text("no key")
    assert "is a public key" in forewarn(*words, "--check").stderr


def receipt_for(ledger: Ledger, index: int) -> Receipt:
    def evidence(at: int) -> Evidence:
        return Evidence.of_record(ledger.record(at), ledger.checkpoint())

    recorded = ledger_pb2.EntryBody.FromString(ledger.entries[index].body)
    digest = dsse.Envelope.parse(recorded.envelope).digest
    return Receipt(digest=digest, entry=evidence(index), chain=(evidence(0), evidence(1)))


def test_receipts_are_verified_offline(home: Path, ledger: Ledger) -> None:
    civil = ledger.enrol(party("civil-ai", "agency"), agency_type="AGENCY_TYPE_CIVIL")
    index = ledger.say(
        civil,
        "ALERT",
        facts=alert_pb2.AlertFacts(severity=alert_pb2.SEVERITY_HIGH),
        body=alert_pb2.AlertBody(title="A title", summary="A summary"),
        case_state="ISSUED",
    )
    path = receipt_for(ledger, index).save(home / "receipts")
    result = forewarn("--home", home, "receipt", "verify", "--json")
    told: dict[str, Any] = json.loads(result.stdout)
    assert (result.exit_code, told["verified"], told["index"]) == (0, True, index)
    assert told["file"] == str(path)
    listed = forewarn("--home", home, "receipt", "list")
    assert path.name in listed.output
    damaged = home / "receipts" / "damaged.json"
    text = path.read_text()
    damaged.write_text(text.replace(f'"index": {index}', f'"index": {index - 1}'))
    result = forewarn("--home", home, "receipt", "verify")
    assert result.exit_code == 5
    assert "OK  " in result.stdout
    assert "damaged.json: VERIFICATION FAILED" in result.stderr


def test_a_receipt_says_how_many_witnesses_stand_behind_it(home: Path, ledger: Ledger) -> None:
    civil = ledger.enrol(party("civil-ai", "agency"), agency_type="AGENCY_TYPE_CIVIL")
    index = ledger.say(
        civil,
        "ALERT",
        facts=alert_pb2.AlertFacts(severity=alert_pb2.SEVERITY_HIGH),
        body=alert_pb2.AlertBody(title="A title", summary="A summary"),
        case_state="ISSUED",
    )
    cosigners = [
        Cosigner(name=f"witness.example/w{n}", key=Ed25519PrivateKey.generate()) for n in range(3)
    ]
    lines = [f"witness w{n} {each.verifier}" for n, each in enumerate(cosigners)]
    policy = home / "witnesses.policy"
    bare = receipt_for(ledger, index)
    text = note.parse_note(bare.entry.checkpoint).text
    for number, each in enumerate((None, *cosigners)):
        if each is not None:
            cosigned = bare.entry.checkpoint + each.cosign(text, 1_790_000_000)
            bare = replace(bare, entry=replace(bare.entry, checkpoint=cosigned))
        bare.save(home / "receipts")
        policy.unlink(missing_ok=True)
        assert "witness" not in forewarn("--home", home, "receipt", "verify").stdout
        policy.write_text("\n".join([*lines, "group g 2 w0 w1 w2", "quorum g"]))
        policy.chmod(0o600)
        shown = forewarn("--home", home, "receipt", "verify")
        assert shown.exit_code == 0, shown.stderr
        assert f"{number} of 3 witnesses" in shown.stdout
        assert ("pending" in shown.stdout) is (number < 2)
        told = json.loads(forewarn("--home", home, "receipt", "verify", "--json").stdout)
        assert len(told["witnesses"]["cosigned"]) == number
        assert told["witnesses"]["quorum"] is (number >= 2)
    for text_, said in (
        ("quorum g\n", "line 1"),
        (f"log {PaperLog().key}\nquorum none\n", "another log"),
    ):
        policy.write_text(text_)
        assert said in forewarn("--home", home, "receipt", "verify").stderr
    policy.chmod(0o666)
    assert "chmod go-w" in forewarn("--home", home, "receipt", "verify").stderr


def test_problems_of_a_document_come_all_at_once(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    sheet = documents.read(tmp_path / "empty.toml")
    with pytest.raises(AuthoringError) as caught:
        documents.draft_all("BreachReport", [sheet], Home.load(home))
    assert len(caught.value.problems) > 10
