"""Somebody with a worker's key to the stream, who writes what no worker would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from forewarn.exchange.v1 import ledger_pb2
from gateway.compose.ledger import House, opened
from gateway.compose.limits import Limits
from gateway.compose.log import ledger_plan
from gateway.compose.nats import Nats
from gateway.compose.state import StateFolder
from gateway.core.fold import Entry
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_roles import LEDGER, SERVE_ROLES, Log
from gateway.ledger.stream import JetStreamAppender
from gateway.wire.blocks import encode_block, encode_entry
from tests.world.ledger_builder import ORIGIN
from tests.world.live import CIVIL, HARBOR, Statement, alert, statement

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)


def entry(body: bytes, *, salt: bytes = bytes(32)) -> Entry:
    """Make an entry that depends on nothing."""
    return Entry(body=body, salt=salt, judged_at=0, reads=(), writes=())


def body_of(said: Statement, system: str) -> bytes:
    """Make the body of an entry as if a system had handed in a statement."""
    body = ledger_pb2.EntryBody(envelope=said.envelope, submitting_system=system)
    body.received_time.FromDatetime(NOW.replace(tzinfo=None))
    return body.SerializeToString(deterministic=True)


def forged() -> bytes:
    """Make the body of an alert that the agency has not signed: the bank has."""
    said = alert(CIVIL, HARBOR)
    other = statement("ALERT", CIVIL, keys=[HARBOR.key])
    assert said.digest != other.digest
    return body_of(alert(CIVIL, HARBOR, keys=[HARBOR.key]), CIVIL.system)


def block(*entries: Entry) -> bytes:
    """Seal a block."""
    return encode_block(map(encode_entry, entries), node="rogue", sealed_time=NOW)


async def write(state: Path, messages: Sequence[bytes]) -> None:
    """Put messages into the ledger's stream, and have the integrator fold and sign them."""
    folder = StateFolder(root=state)
    async with opened(folder, Nats(), SERVE_ROLES) as house:
        await append(house, messages)
        plan = ledger_plan(folder, ORIGIN, Limits())
        integrator = plan.integrator(
            house.integrator, plan.open_store(), Keeper.load(plan.keeper, ORIGIN)
        )
        try:
            await integrator.catch_up()
        finally:
            await integrator.close()


async def append(house: House, messages: Sequence[bytes], log: Log = LEDGER) -> None:
    """Put messages into a log's stream; those that are too large go past the appender."""
    appender = JetStreamAppender(house.worker, log)
    for message in messages:
        try:
            await appender.append(message)
        except ValueError:
            session = await house.worker.session()
            await session.client.jetstream().publish(log.blocks, message)
