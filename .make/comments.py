"""Keep the protocol files' comments for the client's templates, or say whether they are stale.

* Generated Python drops comments. `comments.py` writes those of the statements to
  `clients/forewarn_client/comments.json`, by full name; `comments.py --check` writes nothing and
  exits 1 when a fresh extraction differs.
* Names are sorted, so that the same protocol files give the same bytes.

It does not turn comments into templates: `forewarn_client.templates` does.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc_tools
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
STATEMENTS = "forewarn/statement/v1"
KEPT = ROOT / "clients" / "forewarn_client" / "comments.json"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"

# Numbers of the fields that lead to an element in google/protobuf/descriptor.proto; a comment's
# path is made of them and of positions.
MESSAGES, ENUMS = 4, 5
FIELDS, NESTED, NESTED_ENUMS, VALUES = 2, 3, 4, 2


def comments() -> dict[str, str]:
    """Read the comments of all messages, fields, enums and enum values of the statements.

    Returns:
        Full name to comment, in one line each, sorted by name. A value is named below its enum.

    Raises:
        SystemExit: A protocol file does not compile; protoc has printed where.
    """
    sources = sorted(str(path.relative_to(PROTO)) for path in (PROTO / STATEMENTS).glob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        described = Path(scratch) / "statements.binpb"
        failed = protoc.main(
            [
                "protoc",
                f"--proto_path={PROTO}",
                f"--proto_path={WELL_KNOWN}",
                "--include_source_info",
                f"--descriptor_set_out={described}",
                *sources,
            ]
        )
        if failed:
            raise SystemExit(1)
        files = FileDescriptorSet.FromString(described.read_bytes()).file
    return dict(sorted(pair for file in files for pair in of_file(file)))


def of_file(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Read the comments of one file's elements, each with its full name."""
    texts = {
        tuple(location.path): " ".join(location.leading_comments.split())
        for location in file.source_code_info.location
        if location.leading_comments
    }
    names: dict[tuple[int, ...], str] = {}
    for position, message in enumerate(file.message_type):
        names |= of_message(message, (MESSAGES, position), file.package)
    for position, enum in enumerate(file.enum_type):
        names |= of_enum(enum, (ENUMS, position), file.package)
    return ((name, texts[path]) for path, name in names.items() if path in texts)


def of_message(
    message: DescriptorProto, path: Sequence[int], above: str
) -> dict[tuple[int, ...], str]:
    """Name a message and what stands in it, by the paths of their comments."""
    name = f"{above}.{message.name}"
    names = {tuple(path): name}
    for position, field in enumerate(message.field):
        names[(*path, FIELDS, position)] = f"{name}.{field.name}"
    for position, nested in enumerate(message.nested_type):
        names |= of_message(nested, (*path, NESTED, position), name)
    for position, enum in enumerate(message.enum_type):
        names |= of_enum(enum, (*path, NESTED_ENUMS, position), name)
    return names


def of_enum(
    enum: EnumDescriptorProto, path: Sequence[int], above: str
) -> dict[tuple[int, ...], str]:
    """Name an enum and its values, by the paths of their comments."""
    name = f"{above}.{enum.name}"
    names = {tuple(path): name}
    for position, value in enumerate(enum.value):
        names[(*path, VALUES, position)] = f"{name}.{value.name}"
    return names


def main() -> int:
    """Write or check, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check: bool = parser.parse_args().check
    fresh = json.dumps(comments(), indent=0, ensure_ascii=False) + "\n"
    stale = not KEPT.is_file() or KEPT.read_text("utf-8") != fresh
    if stale and not check:
        KEPT.write_text(fresh, "utf-8")
    if stale:
        print(f"{KEPT.relative_to(ROOT)} {'is stale: run `make proto`.' if check else 'was stale'}")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
