"""Evidence: two checkpoints that the exchange signed and that do not belong to one ledger.

* The file holds both signed notes, the log key that signed them, and the proof that was given, so
  that whoever has it can check everything without trusting who saved it.
* Two roots for one size prove by themselves that there are two ledgers. For different sizes the
  file shows what was asked and answered; the exchange can refute it only with a proof that holds.
* It opens no entry and holds nothing secret: it may be shown to anyone.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forewarn_client import files
from forewarn_client.checkpoint_file import SignedCheckpoint
from forewarn_client.errors import Flaw, HistoryError

FORMAT: Final = "forewarn-evidence/v1"
_DIGITS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """What the exchange had signed, and what it shows now.

    Attributes:
        reason: What is wrong.
        detail: The same for people.
        verified: The newest checkpoint that the member has verified.
        shown: What the exchange shows.
        proof: The consistency proof that was given, in the order of the RFC; None where none was.
        rule: Rule of the proof that is broken; empty for none.
    """

    reason: Flaw
    detail: str
    verified: SignedCheckpoint
    shown: SignedCheckpoint
    proof: Sequence[bytes] | None = None
    rule: str = ""

    def report(self, folder: Path, origin: str, log_key: str) -> HistoryError:
        """Save the evidence and make the error that tells of it.

        Args:
            folder: Where to; made with mode 0700 where there is none. The same evidence is saved
                once.
            origin: Origin of the log, as it was pinned.
            log_key: Its key, as it was pinned.

        Returns:
            The error, to be raised.

        Raises:
            HomeError: The evidence cannot be saved.
        """
        proof = None if self.proof is None else [item.hex() for item in self.proof]
        document = {
            "format": FORMAT,
            "reason": str(self.reason),
            "detail": self.detail,
            "rule": self.rule,
            "origin": origin,
            "log_key": log_key,
            "verified": self.verified.note.decode(),
            "shown": self.shown.note.decode(),
            "consistency_proof": proof,
        }
        encoded = json.dumps(document, indent=1).encode() + b"\n"
        mark = hashlib.sha256(encoded).hexdigest()[:_DIGITS]
        sizes = f"{self.verified.size}-{self.shown.size}"
        name = f"{self.reason.lower().replace('_', '-')}-{sizes}-{mark}.json"
        files.make_folder(folder)
        if not (folder / name).exists():
            files.write(folder / name, encoded)
        return HistoryError(self.reason, self.detail, folder / name, self.rule)
