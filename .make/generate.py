"""Generate the Python of the protocol files, or say whether what is committed is still theirs.

* `generate.py` writes `proto/gen/forewarn`; `generate.py --check` writes nothing of the project
  and exits 1 when a fresh generation differs from it.
* The same protocol files and the same pinned generators give the same bytes, on any machine.
* A generated file whose protocol file has gone is removed.

It does not read the protocol files' style: `buf lint` does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parent.parent / "proto"
PACKAGE = "forewarn"
GENERATED = PROTO / "gen" / PACKAGE
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
GRPC_TYPES = Path(sys.executable).parent / "protoc-gen-mypy_grpc"


def generate(into: Path) -> dict[str, bytes]:
    """Generate all protocol files into an empty folder.

    Args:
        into: An existing, empty folder; the generated package is made in it.

    Returns:
        Path below the generated package, in POSIX form, to content, of every generated file.

    Raises:
        SystemExit: A protocol file does not compile; protoc has printed where.
    """
    sources = sorted(str(path.relative_to(PROTO)) for path in (PROTO / PACKAGE).rglob("*.proto"))
    arguments = [
        "protoc",
        f"--proto_path={PROTO}",
        f"--proto_path={WELL_KNOWN}",
        f"--plugin=protoc-gen-mypy_grpc={GRPC_TYPES}",
        f"--python_out={into}",
        f"--pyi_out={into}",
    ]
    failed = protoc.main([*arguments, *sources])
    # protoc's gRPC generators write a module for every file, also for one without a service.
    services = [name for name in sources if "\nservice " in (PROTO / name).read_text("utf-8")]
    if not failed and services:
        grpc_out = [f"--grpc_python_out={into}", f"--mypy_grpc_out=quiet,only_async:{into}"]
        failed = protoc.main([*arguments, *grpc_out, *services])
    if failed:
        raise SystemExit(1)
    return files_below(into / PACKAGE)


def files_below(folder: Path) -> dict[str, bytes]:
    """Read the Python files and their types below a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.py*"))
        if path.suffix in {".py", ".pyi"}
    }


def differences(fresh: dict[str, bytes], kept: dict[str, bytes]) -> list[str]:
    """Name the files in which two generations differ.

    Args:
        fresh: What the protocol files give now.
        kept: What the project has.

    Returns:
        One phrase a file, sorted by path; empty when they are the same.
    """
    phrases = {
        **dict.fromkeys(fresh.keys() - kept.keys(), "is missing"),
        **dict.fromkeys(kept.keys() - fresh.keys(), "has no protocol file"),
        **{name: "is stale" for name in fresh.keys() & kept.keys() if fresh[name] != kept[name]},
    }
    return [f"proto/gen/{PACKAGE}/{name} {phrases[name]}" for name in sorted(phrases)]


def replace(fresh: dict[str, bytes]) -> None:
    """Bring the generated package to a generation, leaving alone what is the same already."""
    kept = files_below(GENERATED)
    for name in kept.keys() - fresh.keys():
        (GENERATED / name).unlink()
    for name in fresh.keys() - {name for name in kept if kept[name] == fresh.get(name)}:
        (GENERATED / name).parent.mkdir(parents=True, exist_ok=True)
        (GENERATED / name).write_bytes(fresh[name])


def main() -> int:
    """Generate or check, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check: bool = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch:
        fresh = generate(Path(scratch))
        stale = differences(fresh, files_below(GENERATED))
        if check:
            print(
                "\n".join([*stale, "Run `make proto`."] if stale else ["Generated code is fresh."])
            )
            return 1 if stale else 0
        replace(fresh)
        print("\n".join(stale or ["Generated code was fresh already."]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
