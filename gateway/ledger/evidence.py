"""Evidence that a node's tree and a signed checkpoint contradict each other, kept on disk.

* Both sides as they are: the note, verbatim, with its signature; and this node's own tree at that
  size, as an unsigned checkpoint. What the node had agreed with before lies beside them.
* It is kept before the node halts, and never overwritten: the same contradiction met again is the
  same folder.
* A checkpoint says how many entries there are, and commits to them; it shows none.

Nothing here decides what is true: whoever runs the nodes compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway.core.checkpoint import Checkpoint
from gateway.core.errors import Fault, Reason
from gateway.ledger import synced


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """What does not go together.

    Attributes:
        heard: The note that the log's key has signed.
        claimed: What it says.
        other: What stands against it: this node's own tree at that size, or another signed note.
        agreed: The note that this node had agreed with or signed last; None for none.
    """

    heard: bytes
    claimed: Checkpoint
    other: bytes
    agreed: bytes | None


def keep(folder: Path, found: Contradiction) -> Path:
    """Write what contradicts; once this returns, it is on disk.

    Args:
        folder: Where evidence is kept; made where it does not exist.
        found: What does not go together.

    Returns:
        The folder with the files `signed-note`, `against-it` and, if any, `agreed-before`.

    Raises:
        Fault: LEDGER_UNAVAILABLE, it could not be written.
    """
    name = sha256(found.heard + b"\0" + found.other).hexdigest()[:16]
    place = folder / f"size-{found.claimed.size}-{name}"
    files = {"signed-note": found.heard, "against-it": found.other}
    if found.agreed is not None:
        files["agreed-before"] = found.agreed
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, content in files.items():
            if not (place / file).exists():
                synced.replace(place / file, content)
    except OSError as error:
        detail = f"{place} cannot be written ({error.strerror}): make room for the evidence"
        raise Fault(Reason.LEDGER_UNAVAILABLE, detail) from error
    return place
