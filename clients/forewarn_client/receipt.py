"""Receipts: files that prove, without the exchange, that it recorded a statement.

* A receipt holds the entry, its opening, its proof and checkpoint, and the statements of the
  directory that made the sender's keys valid there, back to the genesis statement.
* It is verified against what the member pinned: genesis digest, log key, origin. Nothing in the
  file is trusted, and no connection is made.
* The chain in the file says nothing of statements that it leaves out, such as a revocation. Where
  the folder's own verified directory reaches far enough, it is asked too.

* Where the member's folder names witnesses that it trusts, it is told how many of them stand behind
  the receipt's checkpoint, and whether they are its quorum.

A receipt says that the statement is recorded at its index. Without witnesses it does not say that
everyone is shown the same ledger. It opens the entry, so it goes to the case's parties only.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from forewarn_client import files
from forewarn_client.directory import DirectoryView
from forewarn_client.directory_cache import DirectoryCache
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.home import Home
from forewarn_client.records import Evidence, VerifiedRecord
from forewarn_client.verifier import Verifier
from forewarn_client.witness_policy import Standing

FORMAT: Final = "forewarn-receipt/v1"
_DIGEST_DIGITS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt, as saved; nothing in it counts before it is verified.

    Attributes:
        digest: Digest of the statement, 32 bytes.
        entry: The entry with its proof.
        chain: The statements of the directory that vouch for the sender's keys, genesis first.
    """

    digest: bytes
    entry: Evidence
    chain: tuple[Evidence, ...]

    @property
    def file_name(self) -> str:
        """Name under which it is saved: its index, then the first digits of the digest."""
        return f"{self.entry.index:08d}-{self.digest.hex()[:_DIGEST_DIGITS]}.json"

    def save(self, folder: Path) -> Path:
        """Save the receipt.

        Args:
            folder: Where to; made with mode 0700 where there is none.

        Returns:
            The file.

        Raises:
            HomeError: It cannot be written.
        """
        files.make_folder(folder)
        path = folder / self.file_name
        files.write(path, self.encode())
        return path

    def encode(self) -> bytes:
        """Write the receipt as JSON.

        Returns:
            What `decode` reads.
        """
        document = {
            "format": FORMAT,
            "digest": self.digest.hex(),
            "entry": _encode(self.entry),
            "directory": [_encode(item) for item in self.chain],
        }
        return json.dumps(document, indent=1).encode() + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a receipt.

        Args:
            data: JSON.

        Returns:
            The receipt.

        Raises:
            VerificationError: RECEIPT_MALFORMED.
        """
        try:
            document = _document(data)
            return cls(
                digest=bytes.fromhex(document["digest"]),
                entry=_decode(document["entry"]),
                chain=tuple(_decode(item) for item in document["directory"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise VerificationError(
                Flaw.RECEIPT_MALFORMED, "the file is not a receipt, or is damaged"
            ) from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a saved receipt.

        Args:
            path: The file.

        Returns:
            The receipt.

        Raises:
            HomeError: It cannot be read.
            VerificationError: RECEIPT_MALFORMED.
        """
        return cls.decode(files.read(path))

    def verify(self, verifier: Verifier) -> VerifiedRecord:
        """Verify the receipt by what it holds itself.

        Args:
            verifier: The verifier, which holds the pins.

        Returns:
            The record that it proves.

        Raises:
            VerificationError: The first thing that does not hold.
        """
        view = DirectoryView.of_selection(verifier, self.chain, self.entry.index)
        record = verifier.verify(self.entry, view)
        if record.digest != self.digest:
            raise VerificationError(
                Flaw.ANSWER_MISMATCHED, "the receipt is for another statement than it says"
            )
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """A receipt that holds.

    Attributes:
        record: The record that it proves.
        directory_known: Whether the folder's own directory confirms that the sender's keys were
            not revoked by then; else only the chain in the file speaks for them.
        standing: What the folder's witnesses say about the checkpoint; None where it names none.
    """

    record: VerifiedRecord
    directory_known: bool
    standing: Standing | None


def verify_receipt(path: Path, home: Home) -> VerifiedReceipt:
    """Verify a saved receipt without any connection.

    Args:
        path: The file.
        home: The member's folder, for its pins and its verified directory.

    Returns:
        What it proves.

    Raises:
        HomeError: The file cannot be read.
        VerificationError: The first thing that does not hold; a quorum that is not there yet is
            told in what comes back, and is no error.
    """
    receipt = Receipt.load(path)
    verifier = Verifier(home.exchange)
    record = receipt.verify(verifier)
    view = DirectoryCache(home.state, verifier).load()
    known = view is not None and view.size >= record.index
    if view is not None and known:
        verifier.verify(receipt.entry, view)
    policy = home.witnesses()
    standing = policy.standing(receipt.entry.checkpoint) if policy is not None else None
    return VerifiedReceipt(record=record, directory_known=known, standing=standing)


_KEYS: Final = {"format", "digest", "entry", "directory"}
_ENTRY_KEYS: Final = {"index", "entry_body", "salt", "inclusion_proof", "checkpoint"}


def _document(data: bytes) -> dict[str, Any]:
    document = json.loads(data)
    if document.keys() != _KEYS or document["format"] != FORMAT:
        raise ValueError(FORMAT)
    return dict(document)


def _encode(evidence: Evidence) -> dict[str, Any]:
    return {
        "index": evidence.index,
        "entry_body": _b64(evidence.entry_body),
        "salt": _b64(evidence.salt),
        "inclusion_proof": [_b64(item) for item in evidence.inclusion_proof],
        "checkpoint": _b64(evidence.checkpoint),
    }


def _decode(document: dict[str, Any]) -> Evidence:
    if document.keys() != _ENTRY_KEYS or type(document["index"]) is not int:
        raise ValueError(FORMAT)
    return Evidence(
        index=document["index"],
        entry_body=_unb64(document["entry_body"]),
        salt=_unb64(document["salt"]),
        inclusion_proof=tuple(_unb64(item) for item in document["inclusion_proof"]),
        checkpoint=_unb64(document["checkpoint"]),
    )


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(FORMAT) from error
