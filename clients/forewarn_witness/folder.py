"""What a witness keeps: its name and the logs it serves, its keys, its record.

* `witness.toml` holds the name and the verifier keys of the logs; whoever runs it may edit it.
* `ed25519.pem` and `ml-dsa-44.pem` are its signing keys, mode 0600; it has one of them, or both.
* `cosigned.db` is its record, made once together with the keys.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from forewarn_client import cosignature, files, note
from forewarn_client.errors import HomeError
from forewarn_witness.cosigning import Cosigner, PrivateKey
from forewarn_witness.judging import Witness
from forewarn_witness.record import Record, RecordError

ED25519: Final = "ed25519"
ML_DSA_44: Final = "ml-dsa-44"
_KINDS: Final[Mapping[str, type[PrivateKey]]] = {
    ED25519: Ed25519PrivateKey,
    ML_DSA_44: MLDSA44PrivateKey,
}
_CONFIG: Final = "witness.toml"
_RECORD: Final = "cosigned.db"
_COMMENT: Final = """\
# The name that stands before this witness's cosignatures. It belongs to the keys beside this file:
# never change it.
name = {name}
# Verifier keys of the logs that it serves, as name+hex8+base64. The name is the log's origin; a log
# with several keys has several lines. Read at every start.
logs = [
{logs}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A witness's folder.

    Attributes:
        path: Where it is.
    """

    path: Path

    def create(self, name: str, kinds: Sequence[str], logs: Sequence[str]) -> None:
        """Make the folder of a new witness.

        Args:
            name: Its name, as in `witness.example/w1`.
            kinds: Kinds of its keys.
            logs: Verifier keys of the logs that it serves.

        Raises:
            HomeError: There is one already, or it cannot be written.
            RecordError: Its record cannot be made.
            VerificationError: The name, or a log's key, is not one.
        """
        if self.path.exists() and any(self.path.iterdir()):
            raise HomeError(f"{self.path} is not empty: a witness begins in a folder of its own")
        for log in logs:
            note.VerifierKey.parse(log)
        made = {kind: _KINDS[kind].generate() for kind in kinds}
        for key in made.values():
            cosignature.WitnessKey.of(name, key.public_key())
        files.make_folder(self.path)
        Record.create(self.path / _RECORD)
        for kind, key in made.items():
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            files.write(self.path / f"{kind}.pem", pem)
        # Last: without it there is no witness, and nothing has been cosigned.
        files.write(self.path / _CONFIG, _config(name, logs))
        # Its keys will be pinned, and what it cosigns be relied on: not even their names get lost.
        files.sync_folder(self.path)
        files.sync_folder(self.path.absolute().parent)

    def serve_log(self, log: str) -> None:
        """Add a log; the witness serves it from its next start on.

        Args:
            log: Its verifier key.

        Raises:
            HomeError: The configuration cannot be read or written.
            VerificationError: The key is not one.
        """
        note.VerifierKey.parse(log)
        name, logs = self._read()
        if log not in logs:
            files.write(self.path / _CONFIG, _config(name, [*logs, log]))
            files.sync_folder(self.path)

    def cosigners(self) -> list[Cosigner]:
        """Load the signing keys.

        Raises:
            HomeError: There is none, or one is not fit for use.
        """
        name, _ = self._read()
        found = [
            Cosigner(name=name, key=_load(self.path / f"{kind}.pem", expected))
            for kind, expected in _KINDS.items()
            if (self.path / f"{kind}.pem").exists()
        ]
        if not found:
            raise HomeError(f"{self.path} holds no signing key: restore it")
        return found

    def record(self) -> Record:
        """Open the record.

        Raises:
            RecordError: It is gone, or damaged.
        """
        return Record((self.path / _RECORD).absolute())

    def logs(self) -> dict[str, list[note.VerifierKey]]:
        """Give the keys that sign for each log, by its origin.

        Raises:
            HomeError: The configuration cannot be read.
            VerificationError: A key in it is not one.
        """
        _, logs = self._read()
        found: dict[str, list[note.VerifierKey]] = {}
        for text in logs:
            key = note.VerifierKey.parse(text)
            found.setdefault(key.name, []).append(key)
        return found

    def witness(self) -> Witness:
        """Make the witness that this folder is for; raises what the parts raise."""
        return Witness(logs=self.logs(), cosigners=self.cosigners(), record=self.record())

    def _read(self) -> tuple[str, list[str]]:
        path = self.path / _CONFIG
        if not path.exists():
            raise HomeError(
                f"there is no witness in {self.path}: run `forewarn witness init` first"
            )
        files.refuse_writable(path)
        try:
            table = tomllib.loads(files.read(path).decode())
        except ValueError as error:
            raise HomeError(f"{path} is not TOML: {error}") from None
        name, logs = table.pop("name", None), table.pop("logs", [])
        texts = isinstance(logs, list) and all(isinstance(log, str) for log in logs)
        if table or not isinstance(name, str) or not texts:
            raise HomeError(f"{path} holds `name`, a text, and `logs`, a list of texts; no more")
        return name, logs


def _config(name: str, logs: Sequence[str]) -> bytes:
    listed = "".join(f"  {files.quoted(log)},\n" for log in logs)
    return _COMMENT.format(name=files.quoted(name), logs=listed).encode()


def _load(path: Path, expected: type[PrivateKey]) -> PrivateKey:
    try:
        key = load_pem_private_key(files.read_private(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, expected):
        raise HomeError(f"{path} does not hold a key of its kind: restore it")
    return key


__all__ = ["ED25519", "ML_DSA_44", "Folder", "RecordError"]
