"""The command's frame: help everywhere, one place for options, errors and exit codes."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from forewarn.statement.v1.header_pb2 import Header
from forewarn_client import kinds
from forewarn_client.cli import failures, root
from forewarn_client.cli.case_verbs import VERBS as CASE_VERBS
from forewarn_client.cli.commands import Command
from forewarn_client.cli.directory_verbs import VERBS as DIRECTORY_VERBS
from forewarn_client.cli.verbs import Needs
from forewarn_client.errors import (
    Answer,
    Flaw,
    ForewarnError,
    HomeError,
    RefusedError,
    RequestError,
    UnavailableError,
    VerificationError,
    Violation,
)
from forewarn_client.problems import AuthoringError, Problem


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from walk(inner, (*path, name))


COMMANDS = list(walk(root))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_helps(path: tuple[str, ...]) -> None:
    for flag in ("-h", "--help"):
        result = CliRunner().invoke(root, [*path, flag])
        assert result.exit_code == 0
        assert "--json" in result.output
        assert "--home" in result.output
        assert path == () or "Examples:" in result.output or "has examples." in result.output


def test_help_loads_no_network_code() -> None:
    code = (
        "import sys\n"
        "from forewarn_client.cli import root\n"
        "for words in (['--help'], ['template', 'Alert'], ['handle']):\n"
        "    root.main(words, standalone_mode=False)\n"
        "print([name for name in ('grpc', 'rich', 'cryptography') if name in sys.modules],"
        " file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == "[]\n"


def test_receipts_are_checked_without_network_code() -> None:
    code = (
        "import sys\n"
        "from forewarn_client.cli import receipts, joining\n"
        "print([name for name in ('grpc', 'rich.console') if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_version_is_the_packages() -> None:
    result = CliRunner().invoke(root, ["--version"])
    assert result.output.startswith("forewarn, version ")


ANSWER = Answer(
    reason="FIELD_INVALID", violations=(Violation(field="header.tlp\x1b", description="is bad"),)
)
ERRORS: list[tuple[ForewarnError, int, str]] = [
    (AuthoringError((Problem(field="tlp", description="is required"),)), 1, "DOCUMENT_INVALID"),
    (HomeError("no folder"), 1, "HOME_UNFIT"),
    (RequestError("makes no sense"), 1, "REQUEST_INVALID"),
    (kinds.KindError("no such kind"), 1, "NOT_POSSIBLE"),
    (RefusedError("header.tlp is bad", ANSWER), 3, "FIELD_INVALID"),
    (UnavailableError("UNAVAILABLE", "try again later"), 4, "UNAVAILABLE"),
    (VerificationError(Flaw.PROOF_INVALID, "does not lead to the root"), 5, "PROOF_INVALID"),
]


def failing(error: BaseException) -> click.Command:
    def fail() -> None:
        raise error

    return Command(name="handle", callback=fail)


@pytest.mark.parametrize(("error", "code", "reason"), ERRORS, ids=lambda value: str(value)[:20])
def test_every_error_is_a_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: ForewarnError, code: int, reason: str
) -> None:
    monkeypatch.setattr(type(root), "get_command", lambda *_: failing(error))
    result = CliRunner().invoke(root, ["handle"])
    assert result.exit_code == code
    assert result.stderr.startswith("forewarn: ")
    assert f"[{reason}]" in result.stderr
    assert "\x1b" not in result.stderr
    assert result.stdout == ""
    result = CliRunner().invoke(root, ["handle", "--json"])
    assert result.exit_code == code
    told = json.loads(result.stderr)["error"]
    assert told["reason"] == reason
    assert isinstance(told["detail"], str)
    assert isinstance(told["violations"], list)


def test_a_failed_verification_is_loud(capsys: pytest.CaptureFixture[str]) -> None:
    with click.Context(root):
        failures.report(VerificationError(Flaw.SIGNATURE_INVALID, "x"), "a.json")
    assert "a.json: VERIFICATION FAILED: x" in capsys.readouterr().err


def test_an_interrupt_has_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(root), "get_command", lambda *_: failing(KeyboardInterrupt()))
    assert CliRunner().invoke(root, ["handle"]).exit_code == 130


def test_what_is_typed_wrongly_is_told_apart() -> None:
    assert CliRunner().invoke(root, ["handle", "--cuont", "3"]).exit_code == 2
    result = CliRunner().invoke(root, ["handle", "--json", "--cuont", "3"])
    assert result.exit_code == 2
    assert json.loads(result.stderr)["error"]["reason"] == "USAGE"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["inbxo"], "inbox"), (["inbox", "lst"], "list"), (["alrt", "send"], "alert")],
)
def test_a_command_that_is_nearly_one_is_named(typed: list[str], meant: str) -> None:
    result = CliRunner().invoke(root, typed)
    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.stderr


def test_patience_is_a_time() -> None:
    for wrong in ("0", "-1", "soon"):
        assert CliRunner().invoke(root, ["--patience", wrong, "handle"]).exit_code == 2
    assert CliRunner().invoke(root, ["handle", "--patience", "2.5"]).exit_code == 0


def test_the_folder_comes_from_option_environment_or_default(tmp_path: Any) -> None:
    words = ["receipt", "list"]
    chosen = CliRunner().invoke(root, ["--home", str(tmp_path / "a"), *words])
    assert "/a is no member's folder" in chosen.stderr
    later = CliRunner().invoke(root, ["--home", str(tmp_path / "a"), *words, "--home", "/nowhere"])
    assert "/nowhere is no member's folder" in later.stderr
    named = CliRunner().invoke(root, words, env={"FOREWARN_HOME": str(tmp_path / "b")})
    assert "/b is no member's folder" in named.stderr
    default = CliRunner().invoke(root, words, env={"HOME": str(tmp_path), "FOREWARN_HOME": ""})
    assert "/.forewarn is no member's folder: make one with `forewarn init`" in default.stderr


def test_templates_and_handles_in_both_forms() -> None:
    plain = CliRunner().invoke(root, ["template", "alert"])
    told = CliRunner().invoke(root, ["--json", "template", "alert"])
    assert json.loads(told.output) == {"kind": "Alert", "template": plain.output}
    assert tomllib.loads(plain.output)["kind"] == "Alert"
    listed = CliRunner().invoke(root, ["template", "--json"])
    assert json.loads(listed.output)["kinds"] == [kind.name for kind in kinds.kinds()]
    handles = CliRunner().invoke(root, ["handle", "--count", "3", "--json"]).output.splitlines()
    assert len({json.loads(line)["handle"] for line in handles}) == 3


VERBS = (*CASE_VERBS, *DIRECTORY_VERBS)


def test_everything_that_members_say_has_a_verb() -> None:
    said = {verb.kind for verb in VERBS}
    own = {"Genesis", "MemberEnrolment", "MemberSuccession", "RegistrarSuccession"}
    assert said | own == {kind.name for kind in kinds.kinds()}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: f"{verb.group} {verb.name}")
def test_every_option_states_a_key_of_its_kind(verb: Any) -> None:
    kind = kinds.find(verb.kind)
    assert kind.name == verb.kind
    assert verb.name in dict(root.get_command(click.Context(root), verb.group).commands)  # type: ignore[union-attr] # found
    for option in verb.options:
        part, key = option.path.split(".")
        header: Any = Header.DESCRIPTOR
        message: Any = (
            header.fields_by_name[kind.facts].message_type
            if part == "facts"
            else kind.body.DESCRIPTOR  # type: ignore[union-attr] # it has one
        )
        assert key in message.fields_by_name
    if verb.needs is Needs.MEMBER:
        facts: Any = Header.DESCRIPTOR
        assert "member" in facts.fields_by_name[kind.facts].message_type.fields_by_name
