"""Files that travel with a statement, byte for byte.

* `{ file = "path" }` is a file, relative to the document that names it. Its name, media type,
  size and SHA-256 are filled in; `file_name` and `media_type` may be stated instead.
* `detached = true` states the digest and leaves the bytes out, for files too large to carry.
* The media type is told by the last ending of the name, from a table of this module: the same
  name gives the same type on every machine.
* A received file is saved under its own name without any folder, never over another file or
  through a link, whole or not at all, and only where its bytes have the size and digest that the
  statement says.

It does not look into a file.
"""

import io
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final, TypedDict

from forewarn.statement.v1.values_pb2 import Attachment

MOST_BYTES: Final = 1_048_576

_KEYS: Final = ("file", "data", "file_name", "media_type", "size", "sha256", "detached")
_MOST_NAME_BYTES: Final = 200
_MOST_SUFFIX_BYTES: Final = 32
_UNSAFE: Final = re.compile(r"[^\w.+@=, -]")
_MEDIA_TYPES: Final = {
    "": "application/octet-stream",
    ".asc": "application/pgp-signature",
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".md": "text/markdown",
    ".p7s": "application/pkcs7-signature",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".sha256": "text/plain",
    ".sha512": "text/plain",
    ".sig": "application/octet-stream",
    ".stix": "application/stix+json",
    ".toml": "application/toml",
    ".txt": "text/plain",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}


class _Measured(TypedDict):
    """Size, digest and bytes of a file, as fields of the message."""

    size: int
    sha256: bytes
    data: bytes


def attachment(table: Mapping[str, object], folder: Path | None) -> Attachment:
    """Make an attachment from what an author writes.

    Args:
        table: `file` or `data` (bytes), and what else is stated.
        folder: Folder that `file` is relative to; None where files are not to be read.

    Returns:
        The attachment.

    Raises:
        ValueError: The table is wrong or the file cannot be read; the text says what to do.
    """
    for key in table:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"its keys are {', '.join(_KEYS)}"
            raise ValueError(f"has no key {key}; {hint}")
    if "file" in table and "data" in table:
        raise ValueError("has a file and data; keep one of them")
    detached = table.get("detached", False)
    if not isinstance(detached, bool):
        raise ValueError("has a `detached` that is not true or false")  # noqa: TRY004 - one type
    content: Path | bytes
    if "data" not in table:
        content = _path(table.get("file"), folder)
        name = _text(table, "file_name", content.name)
    else:
        name = _text(table, "file_name", "")
        given = table["data"]
        if not isinstance(given, bytes):
            raise ValueError("has data that is not bytes; in a file, name it by `file`")
        content = given
    made = Attachment(
        file_name=name,
        media_type=_text(table, "media_type", media_type(name)),
        **(_digested(content) if detached else _whole(content)),
    )
    _agree(made, table)
    return made


def media_type(file_name: str) -> str:
    """Tell the media type of a file by its name."""
    return _MEDIA_TYPES.get(Path(file_name).suffix.lower(), _MEDIA_TYPES[""])


def save(received: Attachment, folder: Path) -> Path:
    """Save a received file.

    Args:
        received: The attachment.
        folder: An existing folder.

    Returns:
        Where it lies.

    Raises:
        ValueError: It carries no bytes, or others than it says.
        OSError: It cannot be written.
    """
    if not received.data:
        raise ValueError("carries only the digest of its file, so there is nothing to save")
    if len(received.data) != received.size or sha256(received.data).digest() != received.sha256:
        raise ValueError("carries bytes that are not those of the digest it states")
    stem, suffix = _plain_name(received.file_name)
    for number in range(1, 10_000):
        path = folder / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
        try:
            _create(path, received.data)
        except FileExistsError:
            if not path.is_symlink() and path.is_file() and path.read_bytes() == received.data:
                return path
            continue
        return path
    raise ValueError("has a name that is taken too often in that folder")


def _plain_name(stated: str) -> tuple[str, str]:
    """Make a name that other members cannot lead out of the folder, hide or mistake for an option.

    Returns:
        The name without its last ending, and that ending; with a number between them still short
        enough for every file system.
    """
    name = _UNSAFE.sub("_", stated).lstrip(". -") or "attachment"
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - on a name, not on a path
    suffix = _shortened(suffix, _MOST_SUFFIX_BYTES)
    return _shortened(stem, _MOST_NAME_BYTES - len(suffix.encode())), suffix


def _shortened(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")


def _create(path: Path, data: bytes) -> None:
    """Write a new file; what cannot be written to its end is not left there."""
    # Exclusive creation fails on a link, too, wherever it leads (open(2), O_EXCL).
    with path.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            path.unlink()
            raise


def _path(value: object, folder: Path | None) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError('names no file; write file = "path"')
    if folder is None:
        raise ValueError("names a file, and this document comes from none that it is relative to")
    path = folder / Path(value).expanduser()
    if not path.is_file():
        raise ValueError(f"names {value}, which is no file beside the document")
    return path


def _whole(content: Path | bytes) -> _Measured:
    """Measure a file that travels with the statement, and take its bytes."""
    if isinstance(content, bytes):
        data = content
    else:
        try:
            with content.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise ValueError(
            f"is larger than the {MOST_BYTES} bytes that a statement may have; "
            "write detached = true to state its digest only"
        )
    return {"size": len(data), "sha256": sha256(data).digest(), "data": data}


def _digested(content: Path | bytes) -> _Measured:
    """Measure a file of any size without holding it."""
    try:
        with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
            digest = file_digest(file, "sha256").digest()
            return {"size": file.tell(), "sha256": digest, "data": b""}
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def _text(table: Mapping[str, object], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or not value:
        raise ValueError(f"has no {key}; state it")
    return value


def _agree(made: Attachment, table: Mapping[str, object]) -> None:
    """Compare what the author states of the file with what it is."""
    if table.get("size", made.size) != made.size:
        raise ValueError(f"has {made.size} bytes, not as many as `size` says")
    stated = table.get("sha256", made.sha256)
    if stated not in {made.sha256, made.sha256.hex()}:
        raise ValueError("has another SHA-256 than `sha256` says")
