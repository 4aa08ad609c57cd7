"""What import rules cannot see: the core never asks for the time or for an identifier."""

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "gateway" / "core"
ASKS = {"now", "utcnow", "today", "uuid1", "uuid4", "uuid6", "uuid7", "generate", "urandom"}


def asked(source: str) -> list[str]:
    """Name the attributes called in a module that would take time or randomness from outside."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        f"line {call.lineno}: {call.func.attr}"
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in ASKS
    ]


@pytest.mark.parametrize("module", sorted(CORE.rglob("*.py")), ids=lambda path: path.name)
def test_the_core_is_given_time_and_randomness(module: Path) -> None:
    assert asked(module.read_text("utf-8")) == []


def test_asking_is_noticed() -> None:
    assert asked("from datetime import datetime, UTC\nat = datetime.now(UTC)") == ["line 2: now"]
