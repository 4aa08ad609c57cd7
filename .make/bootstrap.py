"""Make `.venv`: the pinned, hashed dependencies and the project itself, editable.

* `bootstrap.py` does what is missing; `bootstrap.py current` does nothing and exits 0 when
  nothing is. Whether something is, is decided by what the files say, not by their dates.
* Every failure ends in one sentence that says what to do; pip's own words stay in
  `.venv/setup.log`.
* Standard library only, for it runs before anything is installed.

It does not choose the Python: the Makefile does, and refuses one that is too old.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".forewarn-setup.json"
LOG = VENV / "setup.log"
INPUTS = ("pyproject.toml", "requirements-dev.lock", ".make/bootstrap.py")
FLOOR = (3, 11)
SOURCE_ONLY = "nkeys"  # pure Python, published without a wheel
PIP_TOOLS = "pip-tools==7.6.2"

# What pip prints -> what to do, first match wins: a cause stands before its consequences.
REMEDIES = (
    (
        r"DO NOT MATCH THE HASHES|Hashes are required",
        (
            "A package differs from the one pinned in requirements-dev.lock: check the package"
            " index that pip is set to use, and install nothing until you know why."
        ),
    ),
    (
        r"No space left on device",
        "The disk is full: free about 600 MB for .venv, then run make again.",
    ),
    (
        (
            r"Retrying \(|NewConnectionError|ProxyError|SSLError|ReadTimeout|ConnectTimeout"
            r"|Temporary failure in name resolution|Network is unreachable"
        ),
        (
            "No package index could be reached: connect to the network or set PIP_INDEX_URL to an"
            " index that you can reach, then run make again."
        ),
    ),
    (
        r"No matching distribution found for (?P<package>[\w.\-]+)",
        (
            "The package index has no {package} for {machine}: supported are Linux (glibc 2.28 or"
            " musl 1.2, or later) and macOS 13 or later, on x86-64 or arm64, with CPython 3.11 to"
            " 3.14."
        ),
    ),
)


def wanted() -> dict[str, str]:
    """Say what a finished environment records: where it is, its Python and its inputs."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return {
        "folder": str(VENV),
        "python": platform.python_version(),
        "inputs": digest.hexdigest(),
    }


def recorded() -> dict[str, str]:
    """Read what the environment records; empty when it was never finished."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def usable() -> bool:
    """Tell whether the environment can be added to, instead of made anew.

    Returns:
        Whether it runs this Python, from this folder, with a pip of its own.
    """
    if not PYTHON.exists():
        return False
    probe = "import pip, platform; print(platform.python_version())"
    answer = subprocess.run([str(PYTHON), "-c", probe], capture_output=True, text=True, check=False)
    if answer.stdout.strip() != platform.python_version():
        return False
    # A folder that was moved keeps scripts that point to where it was.
    return recorded().get("folder", str(VENV)) == str(VENV)


def create() -> None:
    """Make the environment anew, with nothing but pip.

    Raises:
        SystemExit: This Python has no venv module, or it failed.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        sys.exit(
            f"This Python {version} has no venv module: install it (on Debian and Ubuntu:"
            f" apt install python{version}-venv), or name another Python (make PYTHON=...)."
        )
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        print(made.stdout, made.stderr, sep="", file=sys.stderr)
        sys.exit(f"{sys.executable} could not make .venv: see above, or name another Python.")


def pip(*arguments: str) -> None:
    """Run the environment's pip.

    Args:
        arguments: What follows `pip install`.

    Raises:
        SystemExit: pip failed; the exit text is one sentence that says what to do.
    """
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    with LOG.open("a", encoding="utf-8") as log:
        log.write(done.stdout)
    if done.returncode:
        sys.exit(remedy(done.stdout))


def pinned(package: str) -> str:
    """Cut one package, its version and its hashes, out of the lock file.

    Args:
        package: Its normalised name.

    Returns:
        A requirements file of that package alone.

    Raises:
        SystemExit: The lock file does not have it.
    """
    lock_text = (ROOT / "requirements-dev.lock").read_text("utf-8")
    found = re.search(rf"^{package}==(?:.*\\\n)*.*\n", lock_text, re.MULTILINE)
    if not found:
        sys.exit(f"requirements-dev.lock has no {package}: run make lock.")
    return found[0]


def remedy(output: str) -> str:
    """Turn pip's output into the sentence that says what to do.

    Args:
        output: Everything that a failed pip printed.

    Returns:
        One sentence.
    """
    machine = f"{platform.system()} on {platform.machine()}, Python {platform.python_version()}"
    for pattern, sentence in REMEDIES:
        found = re.search(pattern, output)
        if found:
            return sentence.format(machine=machine, **found.groupdict())
    return "The installation failed: .venv/setup.log says why; mend that, then run make again."


def set_up() -> None:
    """Bring the environment to what the project's files say."""
    if not usable():
        print("Making .venv ...", flush=True)
        create()
    # Until the stamp is written again, an interruption here means: do it over.
    STAMP.unlink(missing_ok=True)
    LOG.write_text("", "utf-8")
    print("Installing the pinned packages into .venv (a minute or two) ...", flush=True)
    # Whatever has to be built is built by pinned tools: build isolation would fetch others.
    with tempfile.TemporaryDirectory() as scratch:
        builder = Path(scratch) / "builder.txt"
        builder.write_text(pinned("setuptools"), "utf-8")
        pip("--require-hashes", "--only-binary=:all:", "-r", str(builder))
    source = f"--no-binary={SOURCE_ONLY}"
    hashed = ("--require-hashes", "--no-build-isolation", "--only-binary=:all:", source)
    pip(*hashed, "-r", "requirements-dev.lock")
    pip("--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")
    STAMP.write_text(json.dumps(wanted()), "utf-8")


def lock() -> None:
    """Resolve pyproject.toml anew into both lock files, with the newest versions it allows.

    Raises:
        SystemExit: This is not the oldest Python supported, whose needs include the others'.
    """
    if sys.version_info[:2] != FLOOR:
        sys.exit("Locks are made by the oldest Python supported: make lock PYTHON=python3.11.")
    with tempfile.TemporaryDirectory() as scratch:
        tools = Path(scratch) / "bin"
        subprocess.run([sys.executable, "-m", "venv", scratch], check=True)
        subprocess.run([str(tools / "pip"), "install", "--quiet", PIP_TOOLS], check=True)
        compiling = [str(tools / "pip-compile"), "--quiet", "--upgrade", "--extra", "gateway"]
        for extra in (
            ["--output-file", "requirements.lock"],
            # The second keeps to the first, so that what is tested is what is run.
            ["--extra", "dev", "-c", "requirements.lock", "-o", "requirements-dev.lock"],
        ):
            subprocess.run(
                [*compiling, *extra, "pyproject.toml"],
                cwd=ROOT,
                check=True,
                env={**os.environ, "CUSTOM_COMPILE_COMMAND": "make lock"},
            )


def main(arguments: list[str]) -> int:
    """Do what the one argument says, or the set-up when there is none."""
    if arguments == ["current"]:
        return 0 if recorded() == wanted() else 1
    if arguments == ["lock"]:
        lock()
    elif recorded() != wanted() or not usable():
        set_up()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
