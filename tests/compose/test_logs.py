"""Log lines: fields of fixed names, levels as configured, and nothing that no line may hold."""

from __future__ import annotations

import ast
import json
import logging
import random
import re
import secrets
import tomllib
from base64 import b64encode as standard
from base64 import urlsafe_b64encode as url_safe
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from gateway.compose import logs
from gateway.compose.config import Config
from gateway.compose.logs import FIELDS, JsonLines, Level, Lines, Log
from gateway.compose.redaction import redacted
from gateway.compose.settings import read_tables
from gateway.compose.state import SetupError
from gateway.ledger.nats_roles import Role, fresh_seeds, public_key

ROOT = Path(__file__).parents[2]
SECRET = "Ada's unreleased model"


def pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


KEY = pem(Ed25519PrivateKey.generate()).strip()
KEY_LINES = KEY.splitlines()
EC_BODY = "".join(pem(ec.generate_private_key(ec.SECP256R1())).splitlines()[1:-1])
SEED = fresh_seeds([Role.SYS])[Role.SYS]
HANDLE = "h-" + "abcdefghijklmnopqrstuvwxyz"[:26]
DIGEST = secrets.token_hex(32)
TOKEN = url_safe(bytes(range(200, 255)) + b"A9z").decode()


@pytest.mark.parametrize(
    ("text", "hidden", "left"),
    [
        (f"cannot read {KEY} of it", KEY_LINES[1], "cannot read [redacted: PEM] of it"),
        (f"half of one: {KEY[:60]}", KEY_LINES[1][:20], "half of one: [redacted: PEM]"),
        (f"key {KEY!r}", KEY_LINES[1], "key '[redacted: PEM]"),
        (f"the PRIVATE KEY is {SECRET}", SECRET, "the [redacted: a private key]"),
        (f"seed={SEED}.", SEED, "seed=[redacted: a seed]."),
        (f"about {HANDLE}, today", HANDLE, "about [redacted: a handle], today"),
        (f"digest {DIGEST} it is", DIGEST[12:], f"digest {DIGEST[:12]}... it is"),
        (f"body {EC_BODY}", EC_BODY[:40], "body [redacted: base64]"),
        (f"token {TOKEN},", TOKEN[:40], "token [redacted: base64]"),
    ],
    ids=["pem", "cut-off", "escaped", "private-key", "seed", "handle", "hex", "base64", "url-safe"],
)
def test_what_no_line_may_hold_is_taken_out(text: str, hidden: str, left: str) -> None:
    assert hidden in text
    assert hidden not in redacted(text)
    assert redacted(text).startswith(left[: len(left) - 3])


@pytest.mark.parametrize(
    "text",
    [
        "serving on 127.0.0.1:8443",
        "/var/lib/forewarn/Exchange-2/jetstream/streams/LEDGER/msgs/17.blk cannot be read",
        "spiffe://exchange.example/lab/aurora-with-a-rather-long-name/release-desk-number-1",
        "the store ledger.db cannot be written (SQLITE_FULL): free disk space, or wait",
        "statement 0197f0f0-4a5e-7cc0-8000-0123456789ab",
        "PreReleaseNotice MEMBER_INACTIVE StreamInterrupted",
        f"nkey {public_key(SEED)[:20]}",
        f"checkpoint {DIGEST[:12]}",
    ],
    ids=["address", "path", "system", "file", "statement", "names", "nkey", "checkpoint"],
)
def test_what_a_line_is_for_stays(text: str) -> None:
    assert redacted(text) == text


@given(st.text())
def test_redaction_is_total_and_repeats_itself(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


def test_a_key_in_any_usual_coding_does_not_get_through() -> None:
    for number in range(300):
        key = random.Random(number).randbytes(33 + number % 100)
        for coded in (key.hex(), *(each(key).decode() for each in (standard, url_safe))):
            shown = redacted(f"key {coded}")
            assert coded[:40] not in shown, coded
            assert len(shown) < 60, coded


def record(**parts: Any) -> logging.LogRecord:
    stated = {
        "name": "gateway.edge.guard",
        "msg": "refused %s",
        "args": ("twice",),
        "levelno": logging.INFO,
        "levelname": "INFO",
        **parts,
    }
    return logging.makeLogRecord(stated)


def test_a_line_for_machines_has_stable_keys() -> None:
    said = json.loads(
        JsonLines().format(
            record(event="refused", reason="MEMBER_INACTIVE", rpc="Submit", password=SECRET)
        )
    )

    assert list(said) == [
        *("time", "level", "logger", "pid", "message", "event", "reason", "rpc"),
    ]
    assert said["message"] == "refused twice"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said["time"])
    assert SECRET not in json.dumps(said)


def test_a_line_for_people_ends_with_the_same() -> None:
    line = Lines().format(record(event="refused", reason="MEMBER_INACTIVE", rpc="Submit"))

    assert line.endswith("INFO gateway.edge.guard refused twice reason=MEMBER_INACTIVE rpc=Submit")


def test_of_an_exception_type_and_place_are_said_and_never_its_text() -> None:
    with pytest.raises(ValueError, match="Ada") as raised:
        int(SECRET)
    failed = record(exc_info=(raised.type, raised.value, raised.tb))
    said = json.loads(JsonLines().format(failed))

    assert said["error"] == "ValueError"
    assert said["at"].startswith("test_logs.py:")
    assert SECRET not in JsonLines().format(failed) + Lines().format(failed)


def test_fields_and_later_lines_pass_through_the_same_redaction() -> None:
    line = JsonLines().format(record(msg=f"one\n{SECRET}", args=(), system=KEY, address=HANDLE))

    assert SECRET not in line
    assert KEY_LINES[1] not in line
    assert HANDLE not in line


def test_no_line_holds_what_a_terminal_would_obey() -> None:
    spoilt = record(msg="a\x1b]0;b\rc\x9bd", args=(), address="\x1b[2J")
    line = Lines().format(spoilt)

    assert line.endswith(r"a\x1b]0;b\x0dc\x9bd address=\x1b[2J")
    assert line.isprintable()


@pytest.fixture
def heard(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """Standard error, with the logging of this process left as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = ("gateway", "gateway.ledger", "nats")
    levels = {name: logging.getLogger(name).level for name in names}
    # `configure` replaces what the test runner put there: kept aside, not closed.
    root.handlers = []
    yield capsys
    root.handlers, root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def test_levels_are_as_configured_by_part(heard: pytest.CaptureFixture[str]) -> None:
    log = read_tables(
        Config,
        tomllib.loads(
            """
            [listen]
            address = "127.0.0.1:0"
            public = "127.0.0.1:0"
            [tls]
            certificate = "a"
            key = "b"
            client_ca = "c"
            server_ca = "d"
            [log]
            level = "warning"
            libraries = "error"
            parts = ["gateway.ledger=debug", "nats=info"]
            form = "json"
            """
        ),
        ROOT,
    ).log
    logs.configure(logs.formatter(log, as_json=False), log)
    for name in ("gateway.edge", "gateway.ledger.store", "nats", "grpc"):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logging.getLogger(name).log(level, "said")

    lines = [json.loads(line) for line in heard.readouterr().err.splitlines()]
    assert [(each["logger"], each["level"]) for each in lines] == [
        *(("gateway.edge", level) for level in ("WARNING", "ERROR")),
        *(("gateway.ledger.store", level) for level in ("DEBUG", "INFO", "WARNING", "ERROR")),
        *(("nats", level) for level in ("INFO", "WARNING", "ERROR")),
        ("grpc", "ERROR"),
    ]


@pytest.mark.parametrize("parts", ["gateway", "=debug", "gateway=loud"])
def test_a_part_without_a_level_is_refused(parts: str) -> None:
    with pytest.raises(ValueError, match="is not a part and its level"):
        Log(parts=(parts,))
    said = {"log": {"parts": [parts]}}
    with pytest.raises(SetupError, match=r"\[log\]: parts"):
        read_tables(Config, {**said, "listen": LISTEN, "tls": TLS}, ROOT)


LISTEN = {"address": "127.0.0.1:0", "public": "127.0.0.1:0"}
TLS = {"certificate": "a", "key": "b", "client_ca": "c", "server_ca": "d"}


def test_json_can_be_asked_for_whatever_the_file_says() -> None:
    assert isinstance(logs.formatter(Log(), as_json=True), JsonLines)
    assert isinstance(logs.formatter(Log(), as_json=False), Lines)
    assert [level.upper() for level in Level] == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def logged() -> Iterator[tuple[str, ast.Call]]:
    """Give every call of a module's log."""
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"_log", "log"}
                and node.func.attr in {"info", "warning", "error", "exception", "critical", "log"}
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def events() -> dict[str, str]:
    """Give every event, and a place that logs it."""
    found = {}
    for place, call in logged():
        for keyword in call.keywords:
            if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
                for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "event":
                        assert isinstance(value, ast.Constant), place
                        found[str(value.value)] = place
                    assert key is None or ast.literal_eval(key) in FIELDS, place
    return found


def test_every_event_and_field_is_described() -> None:
    text = (ROOT / "gateway" / "docs" / "watching.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    described = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}

    assert set(events()) <= described
    assert set(FIELDS) <= described
