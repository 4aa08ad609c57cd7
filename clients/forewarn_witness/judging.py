"""Judging a checkpoint that is handed in: exactly the steps and statuses of C2SP tlog-witness.

1. 400 where the request has not its form; 404 where the log is not known; 403 where none of the
   log's own keys signed, or the signature of one fails.
2. 400 where the old size is above the new one.
3. 409, with the size cosigned last, where the old size is another.
4. 422 where the tree is not proven to go on from the one cosigned last, or is another of its size,
   or where an empty one has not the root of an empty tree.
5. What is new is on disk; then 200, with one signature line for each key.

What was cosigned last is shown to anybody who asks: to compare with, also for the log itself.

Step 3 to 5 are one transaction. A request that has passed step 1 and fails in step 4 is kept: with
the checkpoint cosigned before it may prove that the log shows two histories.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from forewarn_client import merkle, note
from forewarn_client.errors import VerificationError
from forewarn_witness.cosigning import Cosigner
from forewarn_witness.record import Cosigned, Record
from forewarn_witness.request import AddCheckpoint, MalformedError

TEXT: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer.

    Attributes:
        status: Its status.
        body: Its body.
        media_type: What the body is.
    """

    status: HTTPStatus
    body: bytes
    media_type: str = TEXT


class Witness:
    """A witness for some logs."""

    def __init__(
        self,
        *,
        logs: Mapping[str, Sequence[note.VerifierKey]],
        cosigners: Sequence[Cosigner],
        record: Record,
    ) -> None:
        """Keep what it judges by.

        Args:
            logs: The keys that sign for a log, by its origin.
            cosigners: The witness's own keys; at least one.
            record: What it has cosigned.
        """
        self._logs = logs
        self._hashes = {sha256(origin.encode()).hexdigest(): origin for origin in logs}
        self._shown: dict[str, tuple[Cosigned, bytes]] = {}
        self._cosigners = cosigners
        self._record = record

    def add_checkpoint(self, body: bytes, now: int) -> Answer:
        """Judge a checkpoint, and cosign it where it goes on from the one before.

        Args:
            body: The request's body.
            now: The present, in seconds since 1970, UTC.

        Returns:
            The answer. One with status 200 is given only when the checkpoint is on disk.

        Raises:
            RecordError: It could not be put on disk; nothing was cosigned.
        """
        try:
            asked = self._signed(body)
        except _Refused as refused:
            return refused.answer
        new = asked.checkpoint
        with self._record.deciding(new.origin) as decision:
            latest = decision.latest
            if asked.old != latest.size:
                return Answer(
                    status=HTTPStatus.CONFLICT, body=b"%d\n" % latest.size, media_type=SIZE
                )
            try:
                _check_goes_on(latest, new, asked.proof)
            except VerificationError as error:
                decision.keep(new.size, new.root, body, now)
                return _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, error.detail).answer
            # As of its time a cosignature names the largest log that was seen: a clock that was
            # set back must not have a larger one cosigned before a smaller one.
            time = max(now, latest.time)
            decision.cosign(Cosigned(size=new.size, root=new.root, note=asked.signed, time=time))
        # On disk: whatever is asked from here on has to go on from this checkpoint.
        lines = [each.cosign(asked.parsed.text, time) for each in self._cosigners]
        return Answer(status=HTTPStatus.OK, body=b"".join(lines))

    def newest(self, origin_hash: str) -> bytes | None:
        """Show the newest checkpoint of a log that was cosigned, for whoever compares.

        Args:
            origin_hash: SHA-256 of the log's origin, lower-case hex.

        Returns:
            The note, under the log's signatures and ours of then; None where there is none.

        Raises:
            RecordError: The record cannot be read.
        """
        origin = self._hashes.get(origin_hash)
        latest = self._record.latest(origin) if origin is not None else Cosigned()
        if origin is None or not latest.note:
            return None
        known = self._shown.get(origin)
        if known is None or known[0] != latest:
            # Signed once for each, however many ask. What others put below the note is left out.
            known = self._shown[origin] = latest, self._cosigned(latest, self._logs[origin])
        return known[1]

    def _cosigned(self, latest: Cosigned, keys: Sequence[note.VerifierKey]) -> bytes:
        parsed = note.parse_note(latest.note)
        by_log = {(key.name, key.key_id) for key in keys}
        lines = [
            f"\u2014 {line.name} {note.to_base64(line.key_id + line.signature)}\n".encode()
            for line in dict.fromkeys(parsed.signatures)
            if (line.name, line.key_id) in by_log
        ]
        lines += [each.cosign(parsed.text, latest.time) for each in self._cosigners]
        return parsed.text + b"\n" + b"".join(lines)

    def _signed(self, body: bytes) -> AddCheckpoint:
        """Take what needs no look at the record."""
        try:
            asked = AddCheckpoint.parse(body)
        except MalformedError as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
        keys = self._logs.get(asked.checkpoint.origin)
        if keys is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "this witness does not know the log")
        if not _is_signed(asked.parsed, keys):
            raise _Refused(HTTPStatus.FORBIDDEN, "no key of the log has signed the checkpoint")
        if asked.old > asked.checkpoint.size:
            raise _Refused(HTTPStatus.BAD_REQUEST, "the old size is above the checkpoint's")
        return asked


class _Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """The checkpoint is not cosigned."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.answer = Answer(status=status, body=f"{why}\n".encode())


def _is_signed(parsed: note.Note, keys: Sequence[note.VerifierKey]) -> bool:
    """Tell whether a key of the log signed, and no signature in the name of one fails."""
    known = {(key.name, key.key_id): key for key in keys}
    found = False
    for line in parsed.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            if not key.verifies(line.signature, parsed.text):
                return False
            found = True
    return found


def _check_goes_on(latest: Cosigned, new: note.Checkpoint, proof: Sequence[bytes]) -> None:
    root = latest.root if latest.size else merkle.EMPTY_ROOT
    merkle.verify_consistency(latest.size, root, new.size, new.root, proof)
