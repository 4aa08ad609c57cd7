"""The outbox: statements on their way, kept until their receipt is.

* A statement is kept before it is handed in, and dropped when its receipt is saved or the exchange
  has refused it. What is left after a crash or a lost answer can be handed in again as it is, and
  then has the index that it had.
* It holds the signed bytes' payload, no key.
"""

from pathlib import Path
from typing import Final

from forewarn.statement.v1 import header_pb2
from forewarn_client import files, kinds, strict
from forewarn_client.authoring import Draft
from forewarn_client.errors import RequestError
from forewarn_client.home import Home

_SUFFIX: Final = ".statement"


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
    path = folder / f"{draft.statement_id}{_SUFFIX}"
    files.write(path, draft.payload)
    return path


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
