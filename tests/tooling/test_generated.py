"""The generated code is what the protocol files give now."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GENERATE = ROOT / ".make" / "generate.py"


def test_the_generated_code_is_fresh() -> None:
    check = subprocess.run(
        [sys.executable, str(GENERATE), "--check"], capture_output=True, text=True, check=False
    )

    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize(
    ("fresh", "kept", "said"),
    [
        ({"a": b"1"}, {"a": b"1"}, []),
        ({"a": b"1"}, {}, ["proto/gen/forewarn/a is missing"]),
        ({}, {"a": b"1"}, ["proto/gen/forewarn/a has no protocol file"]),
        ({"a": b"1"}, {"a": b"2"}, ["proto/gen/forewarn/a is stale"]),
    ],
)
def test_every_difference_is_named(
    fresh: dict[str, bytes], kept: dict[str, bytes], said: list[str]
) -> None:
    spec = importlib.util.spec_from_file_location("generate", GENERATE)
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)

    assert generate.differences(fresh, kept) == said


def test_no_package_file_stands_where_it_would_hide_the_generated_package() -> None:
    folders = (ROOT / "proto", ROOT / "proto" / "gen")

    assert [folder for folder in folders if (folder / "__init__.py").exists()] == []
