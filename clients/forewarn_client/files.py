"""Files of a member's own folder: written whole or not at all, and kept from others' eyes.

* What is private is written with mode 0600 from its first byte on, in folders of mode 0700.
* A file appears under its name only when all of it is on disk.
* A private file that group or world may read is refused, not mended: it may have been read. So
  is what pins the exchange, where others may change it.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from forewarn_client.errors import HomeError

MOST_BYTES: Final = 64 * 1_048_576
"""Greatest size of any file of a member's folder that is read whole."""

_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022


def make_folder(path: Path) -> None:
    """Make a folder with mode 0700 where there is none.

    Args:
        path: The folder; its parents are made too.

    Raises:
        HomeError: It cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(f"{path} cannot be made: {error.strerror}") from None


def write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file atomically and durably.

    Args:
        path: The file; replaced where it exists.
        data: Its content.
        mode: Its mode.

    Raises:
        HomeError: It cannot be written; what was there before is untouched, unless the folder
            could not be synced.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        scratch = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise HomeError(f"{path} cannot be written: {error.strerror}") from None
    # The name as well: what is dropped elsewhere because this is there must not be lost with it.
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have the names in a folder on disk.

    Args:
        path: The folder.

    Raises:
        HomeError: It cannot be synced.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise HomeError(f"{path} cannot be synced: {error.strerror}") from None


def read(path: Path) -> bytes:
    """Read a file.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        HomeError: There is none, it cannot be read, or it is larger than any of these files is.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise HomeError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise HomeError(f"{path} is larger than {MOST_BYTES} bytes: it is none of this exchange's")
    return data


def refuse_writable(path: Path) -> None:
    """Refuse a file or folder that others may change, where there is one.

    Args:
        path: What pins the exchange, or the folder that it lies in.

    Raises:
        HomeError: Group or world may write to it.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if mode & _OTHERS_WRITE:
        raise HomeError(
            f"others on this machine may change {path}, and so what you trust: run "
            f"`chmod go-w {path}`, and look whether it is as you left it"
        )


def read_private(path: Path) -> bytes:
    """Read a file that nobody else may read.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        HomeError: There is none, it cannot be read, or others may read it.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise HomeError(f"{path} cannot be read: {error.strerror}") from None
    if mode & _OTHERS:
        raise HomeError(
            f"{path} holds a private key that others on this machine may read: run "
            f"`chmod 600 {path}`, and replace the key if it was not only you who could"
        )
    return read(path)


def toml(tables: Mapping[str, Mapping[str, str | Sequence[str]]]) -> bytes:
    """Write texts and lists of texts as TOML.

    Args:
        tables: Keys and values by table; the table `""` stands first, without a heading.

    Returns:
        The document, UTF-8.
    """
    lines: list[str] = []
    for name, table in tables.items():
        if name:
            lines += ["", f"[{name}]"]
        lines += [f"{key} = {_value(value)}" for key, value in table.items()]
    return ("\n".join(lines) + "\n").encode()


def quoted(text: str) -> str:
    """Write a text as a TOML string."""
    # A JSON string is a TOML basic string, but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return quoted(value)
    return "[" + ", ".join(_value(item) for item in value) + "]"
