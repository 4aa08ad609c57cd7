"""The keeper: what a member was shown of its inbox, kept until the exchange has confirmed it.

* What counts as shown is what a reader of the unfiltered inbox was handed, entry after entry: an
  entry counts only if everything before it, from the size that is confirmed on, counts already.
  Where readers leave a gap, nothing is guessed: what lies in it is listed before it is confirmed.
* Up to which size the inbox is confirmed stands in one place, the file of the confirmed spans. What
  was shown since is a journal: each entry a line, written when it was taken, so that a process that
  dies loses none. A line cut short by a crash is dropped, with all after it; that part is listed
  again.
* An entry that turns up where the inbox was shown, or confirmed, without it, is told at once.
* One process of the folder keeps; others read without keeping.

It asks the exchange nothing; `confirming` does.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from forewarn_client import files
from forewarn_client.cursors import Cursor
from forewarn_client.errors import HomeError, RequestError
from forewarn_client.home import Home
from forewarn_client.inboxes.proof import FILE, ConfirmedFile, ConfirmedSpan
from forewarn_client.inboxes.span import Shown

JOURNAL: Final = "inbox-shown.jsonl"
_LOCK: Final = "inbox.lock"
MOST_KEPT: Final = 8192
"""Most entries that are kept at once; what comes after them is listed when they are confirmed."""


class InboxBusyError(HomeError):
    """Another process of this folder confirms the inbox already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Omitted:
    """An entry that was left out when the inbox was shown, and turns up now.

    Attributes:
        entry: The entry.
        confirmed: Whether the exchange had confirmed that it is not there.
    """

    entry: Shown
    confirmed: bool


class InboxKeeper:
    """What was shown since the inbox was confirmed last.

    Attributes:
        proof: The file of the confirmed spans.
    """

    def __init__(self, home: Home) -> None:
        """Take the member's folder; use it within `held`."""
        self.proof = ConfirmedFile(home.confirmed / FILE)
        self._journal = home.state / JOURNAL
        self._lock = home.state / _LOCK
        self._confirmed = 0
        self._reached = 0
        self._cursor = Cursor()
        self._shown: dict[int, Shown] = {}
        self._known: dict[int, bytes] | None = None

    @contextmanager
    def held(self) -> Iterator[Self]:
        """Keep, so that no other process does meanwhile.

        Yields:
            The keeper, with what was kept before.

        Raises:
            InboxBusyError: Another process keeps.
            HomeError: Something in the folder is damaged, or cannot be written.
        """
        files.make_folder(self._lock.parent)
        try:
            handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeError(f"{self._lock} cannot be opened: {error.strerror}") from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InboxBusyError(
                    "another process of this folder, such as `forewarn inbox follow`, confirms the "
                    "inbox already"
                ) from None
            self._load()
            yield self
        finally:
            # The lock goes with the handle, also that of a process that is killed.
            os.close(handle)

    @property
    def confirmed(self) -> int:
        """Size of the ledger up to which the inbox is confirmed."""
        return self._confirmed

    @property
    def reached(self) -> int:
        """Size up to which the inbox was shown, without a gap; at least what is confirmed."""
        return self._reached

    @property
    def full(self) -> bool:
        """Whether nothing more is taken before something is confirmed."""
        return len(self._shown) >= MOST_KEPT

    @property
    def cursor(self) -> str:
        """Where a listing of the received entries goes on; it may repeat some that were taken."""
        return str(self._cursor)

    def shown(self, before: int) -> tuple[Shown, ...]:
        """Give what was shown from the confirmed size on.

        Args:
            before: Only what lies before this size.

        Returns:
            The entries, in the ledger's order.
        """
        return tuple(self._shown[index] for index in sorted(self._shown) if index < before)

    def take(self, after: int, entry: Shown, cursor: str = "") -> Omitted | None:
        """Take an entry that was shown.

        Args:
            after: Index of the entry that the reader was shown before it; -1 for none.
            entry: The entry.
            cursor: Where a listing goes on after it; empty where the reader has none to give.

        Returns:
            The entry, where it turns up though the inbox was shown without it; else None.

        Raises:
            HomeError: It cannot be kept.
        """
        if entry.index < self._reached:
            return self._compare(entry)
        if after < self._reached and not self.full:
            goes_on = Cursor.parse(cursor) if cursor else self._cursor
            # Written first: where it cannot be, the entry was not taken, and no later line is
            # written as if it had been.
            self._append([entry.index, entry.leaf_hash.hex(), entry.sender, str(goes_on)])
            self._shown[entry.index] = entry
            self._reached = entry.index + 1
            self._cursor = goes_on
        return None

    def go_on(self, cursor: str) -> None:
        """Have the next listing go on from a cursor: what it passes over was taken.

        Args:
            cursor: The cursor of a page.
        """
        # Not written down: the next entry that is taken brings one along.
        self._cursor = Cursor.parse(cursor)

    def reach(self, size: int) -> None:
        """Know that nothing else was shown before a size: a listing came to its end there.

        Args:
            size: The size.

        Raises:
            HomeError: It cannot be kept.
        """
        if size > self._reached:
            self._append([size])
            self._reached = size

    def confirm(self, span: ConfirmedSpan) -> None:
        """Keep a span that the exchange has confirmed; what it covers is kept as shown no longer.

        Args:
            span: The span, verified.

        Raises:
            HomeError: It cannot be written.
        """
        self.proof.add(span)
        # After this line it is confirmed; a restart drops from the journal what it covers.
        self._confirmed, self._known = span.to_size, None
        self._reached = max(self._reached, span.to_size)
        self._shown = {
            index: entry for index, entry in self._shown.items() if index >= span.to_size
        }
        self._rewrite()

    def forget(self) -> None:
        """Forget what was shown since; it is listed anew. What is confirmed stays.

        Raises:
            HomeError: It cannot be written.
        """
        self._shown, self._reached, self._cursor = {}, self._confirmed, Cursor()
        self._rewrite()

    def _compare(self, entry: Shown) -> Omitted | None:
        if entry.index >= self._confirmed:
            kept = self._shown.get(entry.index)
            held = kept is not None and kept.leaf_hash == entry.leaf_hash
            return None if held else Omitted(entry=entry, confirmed=False)
        if self._known is None:
            # Read once, and only by whoever reads again what is confirmed already.
            self._known = {
                each.index: each.leaf_hash for span in self.proof.spans() for each in span.entries
            }
        held = self._known.get(entry.index) == entry.leaf_hash
        return None if held else Omitted(entry=entry, confirmed=True)

    def _load(self) -> None:
        self._confirmed = self._reached = self.proof.reached()
        self._shown, self._cursor, self._known = {}, Cursor(), None
        with suppress(ValueError, TypeError, KeyError, RequestError):
            self._replay()
        self._rewrite()

    def _replay(self) -> None:
        """Take up the journal, up to the first line that is none."""
        if not self._journal.exists():
            return
        first, *lines = files.read(self._journal).split(b"\n")[:-1]
        begun = json.loads(first)
        # Behind a gap between it and what is confirmed, the journal says nothing.
        if begun["from"] > self._confirmed:
            return
        self._cursor = Cursor.parse(begun["cursor"])
        for line in lines:
            match json.loads(line):
                case [int(index), str(leaf_hash), str(sender), str(cursor)]:
                    taken = Shown(index=index, leaf_hash=bytes.fromhex(leaf_hash), sender=sender)
                    if index >= self._confirmed:
                        self._shown[index] = taken
                    self._reached = max(self._reached, index + 1)
                    self._cursor = Cursor.parse(cursor)
                case [int(size)]:
                    self._reached = max(self._reached, size)
                case _:
                    return

    def _rewrite(self) -> None:
        begun = {"from": self._confirmed, "cursor": str(self._cursor)}
        lines: list[Any] = [begun]
        lines += [
            [each.index, each.leaf_hash.hex(), each.sender, str(self._cursor)]
            for each in self.shown(self._reached)
        ]
        lines.append([self._reached])
        files.write(self._journal, b"".join(_line(each) for each in lines))

    def _append(self, value: list[Any]) -> None:
        try:
            with self._journal.open("ab") as file:
                file.write(_line(value))
        except OSError as error:
            raise HomeError(f"{self._journal} cannot be written: {error.strerror}") from None


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
