"""How far a log was hashed, kept on disk, so that the next run goes on from there.

* `progress.json` is of a run that has not ended; `verified.json` of the last one that ended well,
  and holds the edge of a tree whose root is that of a signed checkpoint.
* What is kept is the edge of the tree, a few kilobytes, and its root. Loaded, it has to give that
  root again: a file that does not hold is as good as none.
* Nothing is believed because it was kept. Gone on from a wrong edge, no tree has the root that the
  log has signed.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from forewarn_client import files
from forewarn_client.errors import HomeError
from forewarn_client.published.rehash import Edge

UNFINISHED: Final = "progress.json"
VERIFIED: Final = "verified.json"
FORMAT: Final = "forewarn-log-progress/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a run came.

    Attributes:
        edge: The edge of the tree.
        compared: How many of the checkpoints that were seen were compared as far as it reaches.
    """

    edge: Edge = field(default_factory=Edge)
    compared: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The files of one log.

    Attributes:
        folder: The folder of the log's state.
        log_key: The log's key.
    """

    folder: Path
    log_key: str

    def load(self, name: str) -> Reached:
        """Load how far a run came.

        Args:
            name: Name of the file.

        Returns:
            It; the empty tree where there is none that holds.
        """
        try:
            document = json.loads(files.read(self.folder / name))
            if (document["format"], document["log_key"]) != (FORMAT, self.log_key):
                return Reached()
            rows = [[bytes.fromhex(each) for each in row] for row in document["rows"]]
            reached = Reached(
                edge=Edge.of(int(document["size"]), rows), compared=int(document["compared"])
            )
            holds = bool(reached.edge.root().hex() == document["root"])
        except (HomeError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return Reached()
        return reached if holds else Reached()

    def save(self, name: str, edge: Edge, compared: int) -> None:
        """Keep how far a run came.

        Args:
            name: Name of the file.
            edge: The edge of the tree.
            compared: How many of the checkpoints that were seen, in the order in which they were,
                were compared as far as the edge reaches.

        Raises:
            HomeError: It cannot be written.
        """
        document = {
            "format": FORMAT,
            "log_key": self.log_key,
            "size": edge.size,
            "compared": compared,
            "root": edge.root().hex(),
            "rows": [[each.hex() for each in row] for row in edge.rows],
        }
        files.write(self.folder / name, json.dumps(document).encode() + b"\n")

    def forget(self, name: str) -> None:
        """Remove an edge, where there is one."""
        (self.folder / name).unlink(missing_ok=True)
