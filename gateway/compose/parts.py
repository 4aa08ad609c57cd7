"""The parts of a serving gateway, wired.

* Each part is given the ports that it needs and no other.
* Worker side and integrator share the stream, the store and announcements, nothing else; the one
  thing that this process lets the edge know of its integrator is whether it has halted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import grpc

from forewarn.exchange.v1 import directory_service_pb2, exchange_service_pb2, log_service_pb2
from gateway import profiles
from gateway.admission.admit import Admission
from gateway.admission.directories import Directories
from gateway.compose.ledger import House
from gateway.compose.state import Inception
from gateway.core.checkpoint import NoteVerifier
from gateway.core.errors import Fault, Reason
from gateway.delivery.streams import Streams
from gateway.delivery.wakeups import Wakeups
from gateway.edge.callers import Callers
from gateway.edge.directory import DirectoryService
from gateway.edge.exchange import ExchangeService
from gateway.edge.guard import Guard
from gateway.edge.log import LogService
from gateway.edge.readings import Readings
from gateway.edge.server import EdgeLimits
from gateway.edge.submissions import Submissions
from gateway.edge.turnstile import Turnstile
from gateway.ledger.announcements import NatsAnnouncements, NatsAnnouncer
from gateway.ledger.head import Head
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.reader import StoreReader
from gateway.ledger.recorder import BlockRecorder
from gateway.ledger.store import Store
from gateway.ledger.stream import JetStreamAppender, JetStreamReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Writable:
    """Whether statements can be taken in at present.

    Attributes:
        integrator: Halts where the ledger cannot be proven.
        recorder: Halts where the stream has contradicted the store.
        head: What readers are shown.
    """

    integrator: Integrator
    recorder: BlockRecorder
    head: Head

    @property
    def serving(self) -> bool:
        """Whether all is well."""
        return self.integrator.serving and self.recorder.halted is None and self.head.size > 0

    def check(self) -> None:
        """Refuse to take anything in while it could not be recorded.

        Raises:
            Fault: The one for which the ledger has halted; LEDGER_UNAVAILABLE while it is checked.
        """
        halted = self.integrator.halted or self.recorder.halted
        if halted is not None:
            raise Fault(
                halted.reason,
                "the exchange takes nothing in until whoever runs it has mended the ledger; what "
                "is recorded can still be read",
            )
        if not self.integrator.serving and self.integrator.stalled is None:
            raise Fault(Reason.LEDGER_UNAVAILABLE, "the ledger is being checked: try again shortly")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What runs, and what is closed at the end.

    Attributes:
        reader: The store's reading side.
        integrator: Folds and signs.
        head: The newest signed checkpoint.
        recorder: The way into the ledger.
        wakeups: Wakes streams.
        writable: Whether statements can be taken in.
        readings: Where calls read the store.
        handlers: The guarded services.
    """

    reader: StoreReader
    integrator: Integrator
    head: Head
    recorder: BlockRecorder
    wakeups: Wakeups
    writable: Writable
    readings: Readings
    handlers: Sequence[grpc.GenericRpcHandler]


def build(  # noqa: PLR0913 - what differs between a gateway and another
    *,
    inception: Inception,
    house: House,
    store: Store,
    store_path: Path,
    keeper: Keeper,
    node: str,
    limits: EdgeLimits,
    now: Callable[[], datetime],
    salt: Callable[[], bytes],
) -> Parts:
    """Wire a gateway; nothing runs yet.

    Args:
        inception: What its ledger was begun with.
        house: Its connections.
        store: Its store, open.
        store_path: The store's file, for readers.
        keeper: Its log key.
        node: Its name, for people.
        limits: What it takes on.
        now: The clock, UTC.
        salt: Gives 32 fresh random bytes at each call.

    Returns:
        The parts.
    """
    integrator = Integrator(
        stream=JetStreamReader(house.integrator),
        store=store,
        keeper=keeper,
        announcer=NatsAnnouncer(house.integrator),
    )
    reader = StoreReader(store_path, inception.origin)
    head = Head(
        reader=reader,
        announcements=NatsAnnouncements(house.worker),
        verifier=NoteVerifier.parse(inception.log_key),
    )
    recorder = BlockRecorder(
        appender=JetStreamAppender(house.worker), reader=reader, head=head, node=node, now=now
    )
    writable = Writable(integrator=integrator, recorder=recorder, head=head)
    wakeups = Wakeups(reader=reader, head=head)
    directories = Directories(reader)
    callers = Callers(trust_domain=inception.trust_domain, directories=directories, head=head)
    policy = profiles.load()
    readings = Readings()
    exchange = ExchangeService(
        origin=inception.origin,
        reader=reader,
        head=head,
        callers=callers,
        submissions=Submissions(
            reader=reader,
            head=head,
            admission=Admission(
                origin=inception.origin,
                reader=reader,
                directories=directories,
                policy=policy,
                recorder=recorder,
                salt=salt,
            ),
            policy=policy,
            check_writable=writable.check,
        ),
        streams=Streams(wakeups),
        readings=readings,
    )
    services = (
        (exchange_service_pb2, "ExchangeService", exchange),
        (
            directory_service_pb2,
            "DirectoryService",
            DirectoryService(reader=reader, head=head, readings=readings),
        ),
        (log_service_pb2, "LogService", LogService(reader=reader, head=head, readings=readings)),
    )
    guard = Guard(callers=callers, turnstile=Turnstile(limits.calls_per_member), head=head, now=now)
    return Parts(
        reader=reader,
        integrator=integrator,
        head=head,
        recorder=recorder,
        wakeups=wakeups,
        writable=writable,
        readings=readings,
        handlers=[
            guard.handler(file.DESCRIPTOR.services_by_name[name], service)
            for file, name, service in services
        ],
    )
