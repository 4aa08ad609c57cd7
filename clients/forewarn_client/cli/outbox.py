"""The outbox: statements on their way, kept until their receipt is.

* A statement is kept before it is handed in, and dropped when its receipt is saved or the exchange
  has refused it. What is left after a crash or a lost answer can be handed in again as it is, and
  then has the index that it had.
* It holds the signed bytes' payload, no key.
"""

import shutil
from pathlib import Path
from typing import Final

from forewarn.statement.v1 import header_pb2
from forewarn_client import files, kinds, strict
from forewarn_client.authoring import Draft
from forewarn_client.errors import RequestError
from forewarn_client.home import Home

_SUFFIX: Final = ".statement"
_STAGED: Final = ".making"


def keep(home: Home, draft: Draft) -> Path:
    """Keep a statement before it is handed in.

    Args:
        home: The member's folder.
        draft: The statement.

    Returns:
        The file.

    Raises:
        HomeError: It cannot be written.
    """
    folder = _folder(home)
    files.make_folder(folder)
    path = place(home, draft.statement_id)
    files.write(path, draft.payload)
    return path


class Staged:
    """Statements that are kept together, all or none."""

    def __init__(self, home: Home) -> None:
        """Begin with none; what an earlier run left half-way goes."""
        self._outbox = _folder(home)
        self._folder = self._outbox / _STAGED
        shutil.rmtree(self._folder, ignore_errors=True)
        files.make_folder(self._folder)

    def add(self, draft: Draft) -> None:
        """Write a statement beside the outbox.

        Raises:
            HomeError: It cannot be written.
        """
        files.write(self._folder / f"{draft.statement_id}{_SUFFIX}", draft.payload)

    def keep(self) -> None:
        """Put all of them into the outbox: from here on they are on their way."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            path.rename(self._outbox / path.name)
        files.sync_folder(self._outbox)
        self.forget()

    def forget(self) -> None:
        """Remove what was not put there."""
        shutil.rmtree(self._folder, ignore_errors=True)


def place(home: Home, statement_id: str) -> Path:
    """Tell where a statement is kept, if it is."""
    return _folder(home) / f"{statement_id}{_SUFFIX}"


def drop(path: Path) -> None:
    """Drop a statement whose fate is known."""
    path.unlink(missing_ok=True)


def waiting(home: Home) -> list[Path]:
    """List the statements whose fate is not known, the oldest first."""
    return sorted(_folder(home).glob(f"*{_SUFFIX}"))


def load(path: Path) -> Draft:
    """Load a statement.

    Args:
        path: The file.

    Returns:
        The very same statement.

    Raises:
        HomeError: It cannot be read.
        RequestError: It is no statement.
    """
    payload = files.read(path)
    try:
        parsed = kinds.parse_statement(payload)
    except strict.StrictError as error:
        raise RequestError(f"{path} is not a statement of this command: {error}") from None
    statement = header_pb2.Statement.FromString(payload)
    return Draft(
        kind=parsed.kind.name,
        sender=parsed.header.sender,
        statement_id=parsed.header.statement_id,
        header_bytes=statement.header,
        body_bytes=statement.body,
    )


def _folder(home: Home) -> Path:
    return home.path / "outbox"
