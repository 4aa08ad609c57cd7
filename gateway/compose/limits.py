"""`[limits]`: how much a gateway takes on, and how long it waits.

* What depends on a machine, its members or their number is here, with the default of the part that
  it bounds. What follows from a format, from gRPC's own limits or from how parts work together is
  a constant there; `gateway/docs/operations.md` lists those.
* The parts know nothing of a file: each is given a limits of its own, made here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from gateway.audit.journal import Pace
from gateway.audit.refusals import Alone
from gateway.compose.settings import setting
from gateway.edge.rates import CALLS, CONFIRMATIONS, STATEMENTS
from gateway.edge.readings import THREADS
from gateway.edge.server import EdgeLimits
from gateway.edge.turnstile import (
    MOST_ANSWER_BYTES,
    MOST_BYTES,
    READER_SECONDS,
    STREAM_BYTES,
)
from gateway.ledger.recorder import RecorderLimits
from gateway.ports.blocks import MAX_BLOCK_BYTES

_EDGE: Final = EdgeLimits()
_RECORDER: Final = RecorderLimits()
_PACE: Final = Pace()
_ALONE: Final = Alone()
_WEEK_HOURS: Final = 7 * 24
# A block that was sent in time may be stored some seconds late, and clocks of nodes differ.
_APART_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """See `[limits]`."""

    calls: int = field(
        default=_EDGE.calls,
        metadata=setting(
            "Most calls at once, open streams included, in all.",
            unit="calls",
            least=1,
            most=1_000_000,
        ),
    )
    calls_per_connection: int = field(
        default=_EDGE.calls_per_connection,
        metadata=setting(
            "The same on one connection.",
            unit="calls",
            least=1,
            most=1_000_000,
        ),
    )
    calls_per_member: int = field(
        default=_EDGE.calls_per_member,
        metadata=setting(
            "The same of one member, whatever its systems and connections.",
            unit="calls",
            least=1,
            most=1_000_000,
        ),
    )
    connections: int = field(
        default=_EDGE.connections,
        metadata=setting("Most connections at once.", unit="connections", least=1, most=1_000_000),
    )
    connection_hours: int = field(
        default=_EDGE.connection_hours,
        metadata=setting(
            "After so long a connection has to be made anew, with a certificate valid then.",
            unit="hours",
            least=1,
            most=_WEEK_HOURS,
        ),
    )
    reader_seconds: float = field(
        default=READER_SECONDS,
        metadata=setting(
            "How long a message of a stream waits to be taken, before the stream ends.",
            unit="seconds",
            least=1,
            most=3600,
        ),
    )
    answer_bytes_per_member: int = field(
        default=MOST_ANSWER_BYTES,
        metadata=setting(
            "Most bytes in answers that wait for one member to take them. They are held in memory.",
            unit="bytes",
            least=4 << 20,
            most=4 << 30,
        ),
    )
    request_bytes_per_member: int = field(
        default=MOST_BYTES,
        metadata=setting(
            "Most bytes in requests that one member has open: at most half of waiting_bytes.",
            unit="bytes",
            least=STREAM_BYTES,
            most=4 << 30,
        ),
    )
    statements_per_second: float = field(
        default=STATEMENTS.per_second,
        metadata=setting(
            "Most statements of one member, on average, in each worker.",
            unit="statements a second",
            least=0.01,
            most=1_000_000,
        ),
    )
    statements_burst: int = field(
        default=STATEMENTS.burst,
        metadata=setting(
            "The same at once, after a while of rest.",
            unit="statements",
            least=1,
            most=1_000_000,
        ),
    )
    confirmations_per_second: float = field(
        default=CONFIRMATIONS.per_second,
        metadata=setting(
            "Most confirmations of one member's inbox, on average; each stays in the audit log.",
            unit="confirmations a second",
            least=0.01,
            most=10_000,
        ),
    )
    confirmations_burst: int = field(
        default=CONFIRMATIONS.burst,
        metadata=setting(
            "The same at once, after a while of rest.",
            unit="confirmations",
            least=1,
            most=100_000,
        ),
    )
    calls_per_second: float = field(
        default=CALLS.per_second,
        metadata=setting(
            "Most other calls of one member, on average; a stream counts once.",
            unit="calls a second",
            least=0.01,
            most=1_000_000,
        ),
    )
    calls_burst: int = field(
        default=CALLS.burst,
        metadata=setting(
            "The same at once, after a while of rest.",
            unit="calls",
            least=1,
            most=1_000_000,
        ),
    )
    handshake_seconds: int = field(
        default=_EDGE.handshake_seconds,
        metadata=setting(
            "How long a connection may take to show a certificate.",
            unit="seconds",
            least=1,
            most=60,
        ),
    )
    watchers: int = field(
        default=_EDGE.watchers,
        metadata=setting(
            "Most programs that watch the health service at once.",
            unit="programs",
            least=1,
            most=10_000,
        ),
    )
    open_files: int = field(
        default=16_384,
        metadata=setting(
            "Open files to ask the system for: two for each connection, and some hundred.",
            unit="files",
            least=256,
            most=1_048_576,
        ),
    )
    reading_threads: int = field(
        default=THREADS,
        metadata=setting(
            "Threads in which calls read the store. More than cores read no more.",
            unit="threads",
            least=1,
            most=64,
        ),
    )
    block_entries: int = field(
        default=_RECORDER.block_entries,
        metadata=setting(
            "Most entries in a block. Each block costs the disk two syncs.",
            unit="entries",
            least=1,
            most=4096,
        ),
    )
    waiting_entries: int = field(
        default=_RECORDER.waiting_entries,
        metadata=setting(
            "Most statements that wait to be recorded; beyond it callers are told to come back.",
            unit="statements",
            least=1,
            most=1_000_000,
        ),
    )
    waiting_bytes: int = field(
        default=_RECORDER.waiting_bytes,
        metadata=setting(
            "Most bytes that these may hold. They are held in memory.",
            unit="bytes",
            least=MAX_BLOCK_BYTES,
            most=4 << 30,
        ),
    )
    answer_seconds: float = field(
        default=_RECORDER.answer_seconds,
        metadata=setting(
            "Longest wait for the ledger's answer; then a caller is told to ask again.",
            unit="seconds",
            least=1,
            most=600,
        ),
    )
    audit_answer_seconds: float = field(
        # A reader waits for it: better to hear soon that the audit log cannot be written.
        default=5.0,
        metadata=setting(
            "Longest wait for the audit log's, before content above TLP:GREEN is held back.",
            unit="seconds",
            least=1,
            most=600,
        ),
    )
    audit_notes: int = field(
        default=_PACE.notes,
        metadata=setting(
            "Most look-ups of grants that wait to be recorded; of more, the oldest are lost.",
            unit="events",
            least=1,
            most=1_000_000,
        ),
    )
    audit_refusals_per_second: float = field(
        default=_ALONE.per_second,
        metadata=setting(
            "Most refusals of one system recorded by themselves, on average, in each worker.",
            unit="refusals a second",
            least=0.001,
            most=1000,
        ),
    )
    audit_refusals_burst: int = field(
        default=_ALONE.burst,
        metadata=setting(
            "The same at once, after a while of rest; beyond it they are counted together.",
            unit="refusals",
            least=1,
            most=10_000,
        ),
    )
    audit_refusal_seconds: float = field(
        default=_ALONE.seconds,
        metadata=setting(
            "Longest wait of a refusal for its record; then it leaves without the index.",
            unit="seconds",
            least=0.01,
            most=60,
        ),
    )
    stop_seconds: float = field(
        default=5.0,
        metadata=setting(
            "How long calls that are open at SIGTERM have to end by themselves.",
            unit="seconds",
            least=0,
            most=300,
        ),
    )

    @property
    def edge(self) -> EdgeLimits:
        """What the edge takes on."""
        return EdgeLimits(
            calls=self.calls,
            calls_per_connection=self.calls_per_connection,
            calls_per_member=self.calls_per_member,
            connections=self.connections,
            connection_hours=self.connection_hours,
            handshake_seconds=self.handshake_seconds,
            watchers=self.watchers,
        )

    @property
    def recorder(self) -> RecorderLimits:
        """What the ledger's recorder takes on."""
        return RecorderLimits(
            block_entries=self.block_entries,
            waiting_entries=self.waiting_entries,
            waiting_bytes=self.waiting_bytes,
            answer_seconds=self.answer_seconds,
        )

    @property
    def audit_recorder(self) -> RecorderLimits:
        """The same of the audit log."""
        return replace(self.recorder, answer_seconds=self.audit_answer_seconds)

    @property
    def audit_pace(self) -> Pace:
        """How often, and what of it by itself, is recorded in the audit log."""
        alone = Alone(
            per_second=self.audit_refusals_per_second,
            burst=self.audit_refusals_burst,
            seconds=self.audit_refusal_seconds,
        )
        return Pace(notes=self.audit_notes, alone=alone)

    @property
    def audit_disorder(self) -> timedelta:
        """By how much an audit event's time may be before that of one recorded earlier (ADR 19)."""
        return timedelta(seconds=self.audit_answer_seconds + _APART_SECONDS)
