"""Cursors: how far a member has come in what it reads.

* A cursor is the exchange's token, and the index of the last entry that was taken after it: within
  a message of several entries, the token alone would repeat some.
* A cursor kept on disk is written only after its entry was consumed, so a crash may repeat the last
  one or two, and never skips any.
* Cursors that are kept belong to one filter: another filter has another file.
* Whoever reads with a kept cursor holds it: two at once would each miss what the other was shown.

It does not interpret the exchange's token.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from forewarn.exchange.v1 import exchange_service_pb2
from forewarn_client import files
from forewarn_client.errors import HomeError, RequestError

_SEPARATOR: Final = "~"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HASH_DIGITS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a member has come.

    Attributes:
        token: The exchange's own cursor; empty for the beginning.
        after: Index of the last entry that was taken; -1 for none.
    """

    token: str = ""
    after: int = -1

    def __str__(self) -> str:
        return f"{self.after}{_SEPARATOR}{self.token}" if self.token or self.after >= 0 else ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a cursor.

        Args:
            text: What `str` gave; empty for the beginning.

        Returns:
            The cursor.

        Raises:
            RequestError: It is none.
        """
        if not text:
            return cls()
        after, separator, token = text.partition(_SEPARATOR)
        if not separator or not re.fullmatch(r"-1|[0-9]{1,19}", after):
            raise RequestError("that is no cursor of this library; begin without one")
        return cls(token=token, after=int(after))


class CursorFile:
    """A cursor that is kept on disk."""

    def __init__(
        self, folder: Path, name: str, entry_filter: exchange_service_pb2.EntryFilter
    ) -> None:
        """Take the member's state folder, a name, and the filter that the cursor belongs to.

        Raises:
            RequestError: The name is not made of lower-case letters, digits and hyphens.
        """
        if _NAME.fullmatch(name) is None:
            raise RequestError("a kept cursor's name is made of lower-case letters, digits and -")
        canonical = entry_filter.SerializeToString(deterministic=True)
        mark = hashlib.sha256(canonical).hexdigest()[:_HASH_DIGITS]
        self._path = folder / "cursors" / f"{name}-{mark}.json"

    @contextmanager
    def held(self) -> Iterator[Self]:
        """Hold the cursor, so that no other process reads with it meanwhile.

        Yields:
            The file itself.

        Raises:
            HomeError: Another process holds it, or nothing can be written there.
        """
        files.make_folder(self._path.parent)
        lock = self._path.with_suffix(".lock")
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeError(f"{lock} cannot be opened: {error.strerror}") from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise HomeError(
                    f"another process reads with the cursor {self._path.name} already: stop it, "
                    "or give a cursor, which then is not kept"
                ) from None
            yield self
        finally:
            # The lock goes with the handle, also that of a process that is killed.
            os.close(handle)

    def load(self) -> Cursor:
        """Load the cursor.

        Returns:
            It; the beginning where none was kept.

        Raises:
            HomeError: The file is damaged.
        """
        if not self._path.exists():
            return Cursor()
        try:
            kept = json.loads(files.read(self._path))
            return Cursor(token=str(kept["token"]), after=int(kept["after"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise HomeError(
                f"{self._path} is damaged: remove it to read from the beginning again"
            ) from None

    def save(self, cursor: Cursor) -> None:
        """Keep a cursor.

        Args:
            cursor: The cursor.

        Raises:
            HomeError: It cannot be written.
        """
        files.make_folder(self._path.parent)
        kept = {"token": cursor.token, "after": cursor.after}
        files.write(self._path, json.dumps(kept).encode() + b"\n")
