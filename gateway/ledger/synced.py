"""Files and folders on disk: what they hold, and the names that they go by.

* A file that is replaced is the old one or the new one, whole, after a loss of power at any step.
* POSIX has a name on disk once the folder that it stands in is synced. Most file systems take the
  name of a new file along with its content; what is done here does not rest on it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file as a whole; once this returns, content and name are on disk.

    Args:
        path: The file; made where there is none.
        content: What it is to hold.
        mode: Its mode, less what the process masks.

    Raises:
        OSError: The disk failed. The file is the one before, or the new one.
    """
    new = path.with_name(f"{path.name}.new")
    # What a crash left half written there, with whatever mode.
    new.unlink(missing_ok=True)
    write(new, content, mode=mode)
    new.replace(path)
    _sync(path.parent)


def write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a new file; once this returns, its content is on disk, its name not yet.

    Args:
        path: The file; emptied where there is one.
        content: What it is to hold.
        mode: Its mode where it is made, less what the process masks.

    Raises:
        OSError: The disk failed.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Have the content of a file on disk, and its name.

    Args:
        path: The file.

    Raises:
        OSError: The disk failed.
    """
    _sync(path)
    _sync(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk.

    Args:
        folder: The folder.

    Raises:
        OSError: The disk failed.
    """
    _sync(folder)


def sync_names(root: Path) -> None:
    """Have every name below a folder on disk.

    Args:
        root: The folder.

    Raises:
        OSError: The disk failed.
    """
    for folder, _, _ in os.walk(root):
        _sync(Path(folder))


def sync_tree(root: Path) -> None:
    """Have everything below a folder on disk, names and content.

    Args:
        root: The folder.

    Raises:
        OSError: The disk failed.
    """
    for folder, _, files in os.walk(root):
        for name in files:
            _sync(Path(folder) / name)
        _sync(Path(folder))


def sync_name(path: Path) -> None:
    """Have the name of a folder on disk, and those of the folders that it stands in.

    Args:
        path: The folder.
    """
    for folder in path.resolve().parents:
        # One that may not be read was there before: nothing was made in it.
        with contextlib.suppress(OSError):
            _sync(folder)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
