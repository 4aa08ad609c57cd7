"""A gateway that answers before it is on disk: `python -m tests.faults.careless serve --state ...`.

* Its nats-server syncs when it likes, as nats-server does unless it is told otherwise, and is not
  asked whether it does. Its stores are synced when SQLite writes their log home.
* It shows that a test which takes the power away would notice.
"""

from __future__ import annotations

# The command comes first: it rules out TLS 1.2 before grpc is imported.
from gateway.command import main  # isort: skip

import sqlite3
from types import SimpleNamespace
from typing import Any

from gateway.ledger import nats_conf, nats_server, schema


class Hasty(sqlite3.Connection):
    """A connection that is never asked to sync with every commit."""

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        wanted, careless = "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"
        return super().execute(careless if statement == wanted else statement, *values)


def connect(database: str, **how: Any) -> sqlite3.Connection:
    return sqlite3.connect(database, factory=Hasty, **how)


async def believe(_: Any) -> None:
    """Ask nobody."""


if __name__ == "__main__":
    vars(nats_conf).update(SYNC_INTERVAL="2m")
    vars(nats_server).update(assert_durable=believe)
    vars(schema).update(sqlite3=SimpleNamespace(**{**vars(sqlite3), "connect": connect}))
    main()
