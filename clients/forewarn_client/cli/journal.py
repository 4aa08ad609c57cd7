"""Which document became which statement: what lets a run of many be broken off and run again.

* A line is written, durably, before the statement that it names can leave: a run that is ended
  anywhere finds the very statements again, and makes no second one of a document.
* A document is known by its content, that of its attached files, and its turn among equal ones;
  never by its name, which may change.
* What was recorded stays known, so that the same command, run again, hands in only what is new.
* One run at a time writes it.

It holds digests and ids, nothing that was said.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Final, Self

from forewarn_client import files
from forewarn_client.errors import HomeError
from forewarn_client.home import Home

FILE: Final = "handed-in.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A statement that was made of a document.

    Attributes:
        document: The document's key.
        kind: Kind of the statement.
        statement_id: Its id.
        digest: Its digest, in hex.
    """

    document: str
    kind: str
    statement_id: str
    digest: str


class Journal:
    """The journal of a member's folder, open for one run."""

    def __init__(self, file: IO[bytes], lines: Iterable[bytes]) -> None:
        """Read what is there; `opened` opens it."""
        self._file = file
        self._made: dict[str, Made] = {}
        self._recorded: dict[str, int] = {}
        for line in lines:
            # One that a crash cut short says nothing: what it was for had not begun.
            with suppress(ValueError, KeyError, TypeError):
                self._take(json.loads(line))

    @classmethod
    @contextmanager
    def opened(cls, home: Home) -> Iterator[Self]:
        """Open the journal for a run.

        Args:
            home: The member's folder.

        Yields:
            The journal.

        Raises:
            HomeError: Another run has it, or it cannot be written.
        """
        files.make_folder(home.state)
        path = home.state / FILE
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeError(f"{path} cannot be opened: {error.strerror}") from None
        with os.fdopen(descriptor, "ab+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise HomeError(
                    f"another run is handing in from {home.path}: wait for its end, or stop it"
                ) from None
            file.seek(0)
            lines = file.read().split(b"\n")
            if lines[-1]:
                file.write(b"\n")
            yield cls(file, lines)

    def made_of(self, document: str) -> Made | None:
        """Tell which statement was made of a document last."""
        return self._made.get(document)

    def index_of(self, made: Made) -> int | None:
        """Tell at which index a statement is known to be recorded."""
        return self._recorded.get(made.statement_id)

    def begin(self, batch: Iterable[Made]) -> None:
        """Write down, durably, what is about to be handed in.

        Args:
            batch: The statements.

        Raises:
            HomeError: It cannot be written; nothing may be handed in.
        """
        for made in batch:
            self._write(
                {
                    "document": made.document,
                    "kind": made.kind,
                    "statement_id": made.statement_id,
                    "digest": made.digest,
                }
            )
        self._sync()

    def end(self, statement_id: str, index: int) -> None:
        """Write down that a statement is recorded.

        Args:
            statement_id: Its id.
            index: Its index.

        Raises:
            HomeError: It cannot be written.
        """
        # Not synced: after a crash of the machine its receipt tells the same.
        self._write({"statement_id": statement_id, "recorded": index})
        try:
            self._file.flush()
        except OSError as error:
            raise _unwritten(error) from None

    def _write(self, line: dict[str, object]) -> None:
        try:
            self._file.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            raise _unwritten(error) from None
        self._take(line)

    def _sync(self) -> None:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritten(error) from None

    def _take(self, line: dict[str, object]) -> None:
        name = str(line["statement_id"])
        if "recorded" in line:
            self._recorded[name] = int(str(line["recorded"]))
        else:
            made = Made(
                document=str(line["document"]),
                kind=str(line["kind"]),
                statement_id=name,
                digest=str(line["digest"]),
            )
            self._made[made.document] = made


def _unwritten(error: OSError) -> HomeError:
    return HomeError(f"the folder's state/{FILE} cannot be written: {error.strerror}")
