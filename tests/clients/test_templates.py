"""Templates: each one makes a statement as it comes, and with every line taken in."""

import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from forewarn_client import authoring, kinds, strict, templates

ROOT = Path(__file__).parents[2]
NAMES = [kind.name for kind in kinds.kinds()]
# What the command fills in from the case.
FROM_THE_CASE = {"recipients": ["civil-ai"], "tlp": "AMBER"}

FROM_THE_NOTICE = {"CoverageRequest": {"handle": "h-" + "a" * 26}}


def compose(kind: str, values: dict[str, Any], folder: Path | None = None) -> kinds.Parsed:
    draft = authoring.compose(
        kind,
        values,
        sender="aurora",
        exchange="exchange.example/ledger",
        now=datetime(2026, 11, 21, tzinfo=UTC),
        folder=folder,
    )
    return kinds.parse_statement(draft.payload)


def with_every_line(template: str) -> str:
    lines = template.split("\n")
    optional = [line.startswith("#") and not line.startswith(("# ", "#\n")) for line in lines]
    return "\n".join(
        line[1:] if taken else line for line, taken in zip(lines, optional, strict=True)
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_template_makes_a_statement(name: str) -> None:
    values = tomllib.loads(templates.template(name))
    filled = {} if kinds.find(name).number < 64 else FROM_THE_CASE
    facts = FROM_THE_NOTICE.get(name, {}) | values.get("facts", {})
    stated = filled | values | ({"facts": facts} if facts else {})
    assert compose(name, stated).kind.name == name


@pytest.mark.parametrize("name", NAMES)
def test_every_optional_line_can_be_taken_in(name: str, tmp_path: Path) -> None:
    (tmp_path / "advisory.json").write_text("{}")
    values = tomllib.loads(with_every_line(templates.template(name)))
    parsed = compose(name, values, tmp_path)
    facts: Any = getattr(parsed.header, parsed.kind.facts) if parsed.kind.facts else None
    for message, table in ((facts, values.get("facts")), (parsed.body, values.get("body"))):
        if message is not None:
            assert set(table or ()) == {rule.name for rule in strict.rules(message.DESCRIPTOR)}


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_short(name: str) -> None:
    assert max(len(line) for line in templates.template(name).split("\n")) <= 100


def test_a_template_explains_itself_in_the_protocol_files_words() -> None:
    text = templates.template("pre-release-notice")
    assert "PreReleaseNotice: A lab announces a release before it happens." in text
    assert "open_weights: By publishing the weights. Irreversible." in text
    assert 'evaluation_summary = "..."' in text
    assert "planned = " not in text
    assert "[facts.planned]" in text


def test_what_comes_from_the_case_is_left_to_the_command() -> None:
    text = templates.template("Acknowledgement")
    for key in ("recipients", "tlp", "case"):
        assert f"\n#{key} = " in text
    assert "\n#case" not in templates.template("Alert")
    assert "recipients" not in templates.template("MemberEnrolment")


def test_a_kind_that_is_none_has_no_template() -> None:
    with pytest.raises(kinds.KindError, match="did you mean Alert"):
        templates.template("Alart")


def test_the_comments_are_those_of_the_protocol_files() -> None:
    check = [sys.executable, str(ROOT / ".make" / "comments.py"), "--check"]
    ran = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr
