"""What an exchange's audit log holds, as whoever runs the gateway can read it."""

from __future__ import annotations

import sqlite3

from forewarn.exchange.v1 import audit_pb2
from tests.world.live import Live

_PREFIX = "ADMIN_ACT_KIND_"


def stored(live: Live) -> list[audit_pb2.AuditEvent]:
    """Read all events from the store, in order."""
    with sqlite3.connect(live.state / "audit.db") as database:
        rows = database.execute("SELECT body FROM entry ORDER BY idx").fetchall()
    return [audit_pb2.AuditEvent.FromString(body) for (body,) in rows]


def acts(live: Live) -> list[tuple[str, str]]:
    """List the administrative acts, each with its reason."""
    return [
        (
            audit_pb2.AdminActKind.Name(event.admin_act.kind).removeprefix(_PREFIX),
            event.admin_act.reason,
        )
        for event in stored(live)
        if event.WhichOneof("event") == "admin_act"
    ]
