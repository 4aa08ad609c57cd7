"""What the exchange has confirmed: span by span, its word that this is all of a member's inbox.

* Each line holds the entries of a span by index and leaf hash, and the event of the audit log by
  which the exchange committed itself to them: its bytes, opening, proof and signed checkpoint. It
  opens no entry, and says of each no more than where it stands.
* A line proves itself, under the audit log's pinned key alone: whoever holds it can see what the
  exchange said was all, with the exchange long gone.
* Each line begins at the size where the one before ends, the first at 0. A line is on disk before
  anything builds on it; one that was being written when the power failed is dropped, and confirmed
  anew.

Whether an entry is missing from a span, `withholding` says.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from forewarn.exchange.v1 import audit_service_pb2
from forewarn_client import audit, files, merkle, note
from forewarn_client.audit import AuditEvent
from forewarn_client.errors import Flaw, HomeError, VerificationError
from forewarn_client.inboxes.span import Shown, Span

FORMAT: Final = "forewarn-inbox/v1"
FILE: Final = "inbox.jsonl"
_LONGEST: Final = 2 * 1_048_576
_CHUNK: Final = 65_536
_KEYS: Final = {
    *("format", "from_size", "to_size", "entries"),
    *("event", "index", "salt", "inclusion_proof", "checkpoint"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedSpan:
    """A span with the event that confirms it; nothing in it counts before it is verified.

    Attributes:
        from_size: Size of the ledger at which it begins.
        to_size: Size at which it ends.
        entries: Its entries, without their senders.
        event: A serialized `AuditEvent`.
        index: The event's index in the audit log.
        salt: The opening of its commitment.
        inclusion_proof: Hashes from leaf to root.
        checkpoint: The signed note of the audit log that they lead to.
    """

    from_size: int
    to_size: int
    entries: tuple[Shown, ...]
    event: bytes
    index: int
    salt: bytes
    inclusion_proof: tuple[bytes, ...]
    checkpoint: bytes

    @classmethod
    def of(
        cls,
        span: Span,
        entries: Sequence[Shown],
        record: audit_service_pb2.AuditRecord,
        at: bytes,
    ) -> Self:
        """Put a span and the exchange's answer together, under a checkpoint of the audit log."""
        return cls(
            from_size=span.from_size,
            to_size=span.to_size,
            entries=tuple(Shown(index=each.index, leaf_hash=each.leaf_hash) for each in entries),
            event=record.event,
            index=record.index,
            salt=record.salt,
            inclusion_proof=tuple(record.inclusion_proof),
            checkpoint=at,
        )

    def verify(self, key: note.VerifierKey, member: str) -> AuditEvent:
        """Verify that the exchange has said that these are all.

        Args:
            key: The audit log's key, as pinned.
            member: Whose inbox it is.

        Returns:
            The event.

        Raises:
            VerificationError: The first thing that does not hold.
        """
        record = audit_service_pb2.AuditRecord(
            event=self.event,
            index=self.index,
            salt=self.salt,
            inclusion_proof=self.inclusion_proof,
        )
        (event,) = audit.verify([record], self.checkpoint, key=key, member=member)
        if event.span is None or event.member != member or event.concerned:
            raise _mismatch(f"is not about the whole inbox of {member}")
        if (event.span.from_size, event.span.to_size) != (self.from_size, self.to_size):
            raise _mismatch("is about other sizes than stand beside it")
        event.span.verify_is_of(self.entries)
        return event

    def encode(self) -> bytes:
        """Write it as a line of JSON."""
        document = {
            "format": FORMAT,
            "from_size": self.from_size,
            "to_size": self.to_size,
            "entries": [[each.index, each.leaf_hash.hex()] for each in self.entries],
            "event": self.event.hex(),
            "index": self.index,
            "salt": self.salt.hex(),
            "inclusion_proof": [each.hex() for each in self.inclusion_proof],
            "checkpoint": self.checkpoint.decode(),
        }
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Read a line.

        Args:
            line: The line, with its newline.

        Returns:
            The span.

        Raises:
            VerificationError: CONFIRMED_MALFORMED, it is none, or in another form.
        """
        try:
            made = cls._decoded(json.loads(line))
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise _malformed() from None
        if made.encode() != line:
            raise _malformed()
        return made

    @classmethod
    def _decoded(cls, document: dict[str, Any]) -> Self:
        numbers = [document.get(name) for name in ("from_size", "to_size", "index")]
        numbers += [index for index, _ in document.get("entries", [])]
        if document.keys() != _KEYS or document["format"] != FORMAT:
            raise ValueError(FORMAT)
        if any(type(each) is not int or not 0 <= each <= merkle.MAX_SIZE for each in numbers):
            raise ValueError(FORMAT)
        return cls(
            from_size=document["from_size"],
            to_size=document["to_size"],
            entries=tuple(
                Shown(index=index, leaf_hash=bytes.fromhex(leaf_hash))
                for index, leaf_hash in document["entries"]
            ),
            event=bytes.fromhex(document["event"]),
            index=document["index"],
            salt=bytes.fromhex(document["salt"]),
            inclusion_proof=tuple(bytes.fromhex(each) for each in document["inclusion_proof"]),
            checkpoint=document["checkpoint"].encode(),
        )


class ConfirmedFile:
    """The file that confirmed spans are kept in; whoever adds to it holds the keeper's lock."""

    def __init__(self, path: Path) -> None:
        """Take the file; there may be none yet."""
        self._path = path

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def spans(self) -> Iterator[ConfirmedSpan]:
        """Read all of it.

        Yields:
            The spans, in order, without gap; none of them is verified.

        Raises:
            HomeError: The file cannot be read.
            VerificationError: CONFIRMED_MALFORMED; a line is none, or does not go on from the last.
        """
        reached = 0
        for line in self._lines():
            found = ConfirmedSpan.decode(line)
            if found.from_size != reached or found.to_size < found.from_size:
                raise VerificationError(
                    Flaw.CONFIRMED_MALFORMED,
                    f"{self._path} does not go on from where the line before ends, at {reached}",
                )
            reached = found.to_size
            yield found

    def reached(self) -> int:
        """Give the size up to which the inbox is confirmed; 0 for not at all.

        Raises:
            HomeError: The file cannot be read, or its last line is damaged.
        """
        last = self._last_line()
        if not last:
            return 0
        try:
            return ConfirmedSpan.decode(last).to_size
        except VerificationError:
            raise HomeError(
                f"{self._path} is damaged: put it back from a copy; or move it away, and the whole "
                "inbox is confirmed anew"
            ) from None

    def add(self, span: ConfirmedSpan) -> None:
        """Add a span; it is on disk after.

        Args:
            span: The span, verified, which begins where the file ends.

        Raises:
            HomeError: It cannot be written.
        """
        files.make_folder(self._path.parent)
        new = not self._path.exists()
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "r+b") as file:
                # What a crash cut short was never built on.
                file.truncate(_end_of_lines(file.fileno(), os.fstat(handle).st_size))
                file.seek(0, os.SEEK_END)
                file.write(span.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise HomeError(f"{self._path} cannot be written: {error.strerror}") from None
        if new:
            files.sync_folder(self._path.parent)

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                while line := file.readline(_LONGEST):
                    if not line.endswith(b"\n"):
                        if len(line) == _LONGEST:
                            raise _malformed()
                        return
                    yield line
        except FileNotFoundError:
            return
        except OSError as error:
            raise HomeError(f"{self._path} cannot be read: {error.strerror}") from None

    def _last_line(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                end = _end_of_lines(file.fileno(), size)
                if not end:
                    return b""
                begin = _end_of_lines(file.fileno(), end - 1)
                file.seek(begin)
                return file.read(end - begin)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise HomeError(f"{self._path} cannot be read: {error.strerror}") from None


def _end_of_lines(handle: int, before: int) -> int:
    """Give where the last whole line ends, of those that end at or before a place."""
    while before > 0:
        begin = max(before - _CHUNK, 0)
        found = os.pread(handle, before - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        before = begin
    return 0


def _malformed() -> VerificationError:
    return VerificationError(
        Flaw.CONFIRMED_MALFORMED, "that is no line of what an exchange confirms of an inbox"
    )


def _mismatch(detail: str) -> VerificationError:
    return VerificationError(Flaw.ANSWER_MISMATCHED, f"the event {detail}")
