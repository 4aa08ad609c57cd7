"""The fault table names tests that exist, findings that exist, and a remedy for each row."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from gateway.care.findings import Damage

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "gateway" / "docs" / "faults.md"
HEAD = ["fault", "forms", "what holds", "finding", "remedy", "test"]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NAME = re.compile(r"`([A-Z_]+)`")


def rows() -> list[list[str]]:
    """Give the cells of every row of every table, without heads and rulers."""
    lines = (line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|"))
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    assert all(len(row) == len(HEAD) for row in cells)
    return [row for row in cells if row != HEAD and set(row[0]) != {"-"}]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    made = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, made))


def test_every_row_names_tests_that_exist() -> None:
    named = ""
    for row in rows():
        named = named if row[-1] == "the same" else row[-1]
        found = TEST.findall(named)
        assert found, row
        for path, test in found:
            assert test in names_in(path), f"{path}::{test}"


def test_every_test_is_run_by_the_command_for_it() -> None:
    _, _, recipe = (ROOT / "Makefile").read_text("utf-8").partition("\ntest-faults:")
    run = re.findall(r"tests/[\w/.]+", recipe.partition("\n\n")[0])
    named = {path for row in rows() for path, _ in TEST.findall(row[-1])}
    assert run
    missed = [each for each in sorted(named) if not each.startswith(tuple(run))]
    assert missed == []


def test_every_row_says_what_holds_what_it_is_called_and_what_to_do() -> None:
    names = {name.value for name in Damage}
    for row in rows():
        assert "" not in row[2:5], row
        found = NAME.findall(row[3])
        assert found or row[3].startswith(("none", "the same")), row
        assert set(found) <= names, row


def test_what_can_be_found_is_tried() -> None:
    """But for what stands in the folder beside the logs."""
    tried = {name for row in rows() for name in NAME.findall(row[3])}
    beside = {
        Damage.INCEPTION_MISSING,
        Damage.INCEPTION_DAMAGED,
        Damage.CONFIGURATION_DAMAGED,
        Damage.JOIN_FILE_DIFFERS,
        Damage.HISTORY_UNCOMPARED,
        Damage.GENESIS_DIFFERS,
        Damage.STORE_FOREIGN,
        Damage.STORE_OUTDATED,
    }
    assert {name.value for name in Damage} - tried == {name.value for name in beside}
