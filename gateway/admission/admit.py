"""Admission: one submission through all stages, to its index in the ledger.

* The same statement again gets the same index, at any time: a replay is answered before anything
  else is asked of it.
* A judgement that went stale is made again on a fresh snapshot, a bounded number of times.
* `received_time` never runs backwards: it is set in the order in which entries are handed on.
* Submissions that come while others are judged are judged together, on one snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

from gateway.admission.batches import Batches
from gateway.admission.directories import Directories
from gateway.admission.judge import judge
from gateway.admission.submission import Judged, Known, Submission
from gateway.admission.verify import authenticate, verify
from gateway.core.directory import Directory
from gateway.core.envelope import digest
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.fold import MAX_BODY_BYTES, Entry, Verdict
from gateway.core.identity import MemberId
from gateway.ports.reading import LedgerReader, LedgerSnapshot, Recorder
from gateway.profiles import Policy
from gateway.wire import entries

# A judgement goes stale only where another statement of the same case or sender was faster; each
# round one of them gets through.
MAX_ROUNDS: Final = 16

_Decision: TypeAlias = tuple[Judged | Known, datetime | None]
"""What a submission comes to, and when the newest entry was received that it was judged by."""


class Admission:
    """Takes submissions into the ledger."""

    def __init__(
        self,
        *,
        origin: str,
        reader: LedgerReader,
        directories: Directories,
        policy: Policy,
        recorder: Recorder,
        salt: Callable[[], bytes],
    ) -> None:
        """Wire the stages.

        Args:
            origin: Origin of this ledger.
            reader: The store of this node.
            directories: The directory at any moment.
            policy: The policy data.
            recorder: The way into the ledger.
            salt: Gives 32 fresh random bytes at each call.
        """
        self._origin = origin
        self._reader = reader
        self._directories = directories
        self._policy = policy
        self._recorder = recorder
        self._salt = salt
        self._last_received: datetime | None = None
        self._decisions = Batches(self._deciding)

    async def submit(self, submission: Submission) -> int:
        """Admit a submission, or find it admitted before.

        Args:
            submission: What was handed in.

        Returns:
            Index of its entry, durable and covered by a signed checkpoint if it is new.

        Raises:
            Refusal: Whatever speaks against it.
            Fault: The ledger cannot take it now; the same bytes may be handed in again.
        """
        for _ in range(MAX_ROUNDS):
            decision, last = await self._decisions.do(submission)
            if isinstance(decision, Known):
                return decision.index
            outcome = await self._recorder.record(self._entry(decision, last))
            if outcome.verdict is Verdict.ACCEPTED and outcome.index is not None:
                return outcome.index
            if outcome.verdict is Verdict.VOID:
                raise Fault(Reason.INTERNAL, "the ledger took the entry for malformed")
        raise Fault(
            Reason.LEDGER_CONTENDED, "other statements of the same case were faster; try again"
        )

    @contextmanager
    def _deciding(self) -> Iterator[Callable[[Submission], _Decision]]:
        """Open what the decisions of a batch share: one snapshot, and the directory at its size."""
        with self._reader.snapshot() as snapshot:
            directory = self._directories.at(snapshot)
            last = snapshot.last_received_time
            yield partial(self._decide, snapshot, directory, last)

    def _decide(
        self,
        snapshot: LedgerSnapshot,
        directory: Directory,
        last: datetime | None,
        submission: Submission,
    ) -> _Decision:
        """Run the stages that need no waiting, against one snapshot."""
        authenticated = authenticate(submission, directory)
        envelope = entries.parse_envelope(submission.envelope)
        known = _recorded(snapshot, digest(envelope.payload), authenticated.member.id)
        if known is not None:
            return known, None
        verified = verify(authenticated, envelope, self._origin)
        return judge(verified, snapshot, self._policy), last

    def _entry(self, judged: Judged, last: datetime | None) -> Entry:
        """Build the entry. Runs on the event loop, in the order in which entries are handed on."""
        submission = judged.verified.authenticated.submission
        times = (submission.received_time, last, self._last_received)
        received = max(time for time in times if time is not None)
        self._last_received = received
        body = entries.Body(
            envelope=submission.envelope,
            submitting_system=str(submission.system),
            received_time=received,
            audience=judged.audience,
            profile_version=judged.profile_version,
            case_state=judged.case_state,
        )
        encoded = entries.encode(body)
        if len(encoded) > MAX_BODY_BYTES:
            raise Refusal(
                Reason.STATEMENT_TOO_LARGE,
                "the statement does not fit into an entry together with so many recipients; "
                "address it to fewer at once",
            )
        return Entry(
            body=encoded,
            salt=self._salt(),
            judged_at=judged.judged_at,
            reads=judged.reads,
            writes=judged.writes,
        )


def _recorded(snapshot: LedgerSnapshot, statement: bytes, sender: MemberId) -> Known | None:
    """Find a statement of this sender that the ledger holds already."""
    entry = snapshot.by_digest(statement)
    if entry is None or entry.summary is None or entry.summary.sender != sender:
        return None
    return Known(index=entry.index)
