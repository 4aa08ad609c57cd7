"""Folders on disk: the content of files, and the names that they go by.

* POSIX has a name on disk once the folder that it stands in is synced. Most file systems take the
  name of a new file along with its content; what is done here does not rest on it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


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
