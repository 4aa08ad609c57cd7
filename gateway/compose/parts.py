"""The parts of a worker, wired.

* Each part is given the ports that it needs and no other.
* A worker knows of its integrator what it reads in the store and hears from it, nothing else,
  whether they share a process or not. In one process a new note is heard without NATS between.
* Ledger and audit log are wired alike (`gateway.compose.log`). Without the audit log, nothing above
  TLP:GREEN is released; everything else goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import grpc

from forewarn.exchange.v1 import (
    audit_service_pb2,
    delivery_service_pb2,
    directory_service_pb2,
    exchange_service_pb2,
    log_service_pb2,
)
from gateway import profiles
from gateway.admission.admit import Admission
from gateway.admission.directories import Directories
from gateway.audit.journal import Journal
from gateway.compose.config import Config
from gateway.compose.limits import Limits
from gateway.compose.log import LogParts
from gateway.compose.measured import MeasuredAdmission, MeasuredJournal
from gateway.compose.state import Inception
from gateway.core import audit
from gateway.core.errors import Fault, Reason
from gateway.delivery.streams import Streams
from gateway.delivery.wakeups import Wakeups
from gateway.edge.audit import AuditService
from gateway.edge.callers import Callers
from gateway.edge.deliveries import DeliveryService, Shelf
from gateway.edge.directory import DirectoryService
from gateway.edge.exchange import ExchangeService
from gateway.edge.guard import Bounds, Guard
from gateway.edge.log import LogService
from gateway.edge.metered import metered
from gateway.edge.rates import Rate, Rates
from gateway.edge.readings import Readings
from gateway.edge.standings import Standings
from gateway.edge.strangers import Strangers
from gateway.edge.submissions import Submissions
from gateway.edge.turnstile import Turnstile
from gateway.ports.conditions import State
from gateway.ports.metering import Meter


@dataclass(frozen=True, slots=True, kw_only=True)
class Writable:
    """Whether a log can be written at present.

    Attributes:
        log: The log. Its integrator halts where it cannot be proven, its recorder where the stream
            has contradicted the store.
    """

    log: LogParts

    @property
    def serving(self) -> bool:
        """Whether all is well."""
        log = self.log
        folding = log.conditions.current.state is State.FOLDING
        return folding and log.recorder.halted is None and log.head.size > 0

    def check(self) -> None:
        """Refuse to take anything in while it could not be recorded.

        What waits for an integrator that is stalled, or for a node that signs, may still be
        recorded, and waits.

        Raises:
            Fault: The one for which the ledger has halted; LEDGER_UNAVAILABLE while it is checked.
        """
        condition = self.log.conditions.current
        halted = self.log.recorder.halted
        reason = halted.reason if halted is not None else condition.reason
        if reason is not None:
            raise Fault(
                reason,
                "the exchange takes nothing in until whoever runs it has mended the ledger; what "
                "is recorded can still be read",
            )
        if condition.state is State.CHECKING:
            raise Fault(Reason.LEDGER_UNAVAILABLE, "the ledger is being checked: try again shortly")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What runs, and what is closed at the end.

    Attributes:
        ledger: Its side of the ledger.
        audit: Its side of the audit log.
        journal: Writes the audit log.
        wakeups: Wakes streams.
        standings: Ends streams whose caller may no longer call.
        writable: Whether statements can be taken in.
        readings: Where calls read the store.
        handlers: The guarded services.
        logs: Both logs by their origins.
    """

    ledger: LogParts
    audit: LogParts
    journal: Journal
    wakeups: Wakeups
    standings: Standings
    writable: Writable
    readings: Readings
    handlers: Sequence[grpc.GenericRpcHandler]
    logs: Mapping[str, LogParts]


def build(  # noqa: PLR0913 - what a worker is made of
    *,
    inception: Inception,
    ledger: LogParts,
    audit_log: LogParts,
    config: Config,
    now: Callable[[], datetime],
    salt: Callable[[], bytes],
    meter: Meter | None = None,
) -> Parts:
    """Wire a worker; nothing runs yet.

    Args:
        inception: What its ledger was begun with.
        ledger: Its ledger.
        audit_log: Its audit log.
        config: The configuration.
        now: The clock, UTC.
        salt: Gives 32 fresh random bytes at each call.
        meter: Counts; None where nothing is counted.

    Returns:
        The parts.
    """
    limits = config.limits
    reader, head = ledger.reader, ledger.head
    # Deliveries never wait for witnesses.
    receipts = (
        ledger.cosigned if config.witnesses.receipts_wait and ledger.cosigned is not None else head
    )
    writable = Writable(log=ledger)

    def newest_event() -> datetime | None:
        with audit_log.reader.snapshot() as snapshot:
            return snapshot.last_received_time

    journal = Journal(
        recorder=audit_log.recorder,
        check=Writable(log=audit_log).check,
        now=now,
        salt=salt,
        reader=audit_log.reader,
        last=newest_event,
        pace=limits.audit_pace,
    )
    releases = journal if meter is None else MeasuredJournal(journal, meter)
    wakeups = Wakeups(reader=reader, head=head)
    directories = Directories(reader)
    callers = Callers(trust_domain=inception.trust_domain, directories=directories, head=head)
    policy = profiles.load()
    readings = Readings(limits.reading_threads)
    admission = Admission(
        origin=inception.origin,
        reader=reader,
        directories=directories,
        policy=policy,
        recorder=ledger.recorder,
        salt=salt,
    )
    exchange = ExchangeService(
        origin=inception.origin,
        reader=reader,
        head=head,
        callers=callers,
        submissions=Submissions(
            reader=reader,
            head=receipts,
            admission=admission if meter is None else MeasuredAdmission(admission, meter),
            policy=policy,
            check_writable=writable.check,
        ),
        streams=Streams(wakeups, meter=meter),
        readings=readings,
        journal=releases,
    )
    directory = DirectoryService(reader=reader, head=head, readings=readings, journal=releases)
    audits = AuditService(
        origin=audit.origin_of(inception.origin),
        reader=audit_log.reader,
        head=audit_log.head,
        readings=readings,
        disorder=limits.audit_disorder,
    )
    deliveries = DeliveryService(
        ledger=Shelf(reader=reader, head=head),
        audit_log=Shelf(reader=audit_log.reader, head=audit_log.head),
        callers=callers,
        readings=readings,
        journal=journal,
        check_writable=writable.check,
    )
    log = LogService(reader=reader, head=head, readings=readings, cosigned=ledger.cosigned)
    services = (
        (exchange_service_pb2, "ExchangeService", exchange),
        (directory_service_pb2, "DirectoryService", directory),
        (log_service_pb2, "LogService", log),
        (audit_service_pb2, "AuditService", audits),
        (delivery_service_pb2, "DeliveryService", deliveries),
    )
    standings = Standings(callers=callers, head=head)
    guard = Guard(
        callers=callers,
        standings=standings,
        bounds=_bounds(limits),
        head=head,
        now=now,
        journal=journal,
    )
    return Parts(
        ledger=ledger,
        audit=audit_log,
        journal=journal,
        wakeups=wakeups,
        standings=standings,
        writable=writable,
        readings=readings,
        handlers=[
            metered(guard.handler(file.DESCRIPTOR.services_by_name[name], service), meter)
            for file, name, service in services
        ],
        logs={inception.origin: ledger, audit.origin_of(inception.origin): audit_log},
    )


def _bounds(limits: Limits) -> Bounds:
    return Bounds(
        rates=Rates(
            statements=Rate(per_second=limits.statements_per_second, burst=limits.statements_burst),
            confirmations=Rate(
                per_second=limits.confirmations_per_second, burst=limits.confirmations_burst
            ),
            calls=Rate(per_second=limits.calls_per_second, burst=limits.calls_burst),
            clock=time.monotonic,
        ),
        turnstile=Turnstile(
            limits.calls_per_member,
            most_bytes=limits.request_bytes_per_member,
            most_answers=limits.answer_bytes_per_member,
            patience=limits.reader_seconds,
        ),
        strangers=Strangers(time.monotonic),
        reader_seconds=limits.reader_seconds,
    )
