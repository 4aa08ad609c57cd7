"""A gateway that dies, or whose nats-server dies, at a step that somebody names while it runs.

    python -m tests.faults.gateway serve --state FOLDER --json

* It is `forewarn-gateway` with a hook around each step that a statement passes. Nothing in the
  gateway knows of it: the hooks replace methods of this process.
* A line on standard input arms one strike, as in `{"victim": "gateway", "step": "commit", "moment":
  "before", "call": 2}`: at the second call of that step from then on, before it, the victim is
  killed by SIGKILL. A new line replaces one that has not struck. Each line is answered by one.
* A victim is `gateway` (this process; its child is told to end by the kernel), `nats` (the child
  alone, and the step waits until it is gone) or `both` (the child first).
"""

from __future__ import annotations

# The command comes first: it rules out TLS 1.2 before grpc is imported.
from gateway.command import main  # isort: skip

import functools
import inspect
import json
import os
import select
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final, TypeAlias

import nats.aio.client

from gateway.compose import child
from gateway.core import fold as folding
from gateway.delivery.streams import Streams
from gateway.edge.submissions import Submissions
from gateway.ledger.announced_here import AnnouncedHere
from gateway.ledger.announcements import NatsAnnouncer
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_roles import AUDIT, LEDGER
from gateway.ledger.nats_server import EmbeddedNats
from gateway.ledger.store import Store
from gateway.ledger.stream import JetStreamAppender

Point: TypeAlias = tuple[str, str]
"""A step, and `before` or `after` it."""

# Which method's begin or end is which point. Where one ends and the next begins, nothing that
# lasts happens in between. The audit log passes the same steps, at moments of its own: there is no
# strike at these.
HOOKS: Final[tuple[tuple[Any, str, Point | None, Point | None], ...]] = (
    (JetStreamAppender, "_attempt", None, ("acknowledge", "before")),
    (JetStreamAppender, "append", None, ("acknowledge", "after")),
    (folding, "fold", ("fold", "before"), ("fold", "after")),
    (Store, "_insert_projection", None, ("commit", "before")),
    (Store, "fold", None, ("commit", "after")),
    (Keeper, "sign", ("sign", "before"), ("sign", "after")),
    (Store, "publish", ("note", "before"), ("note", "after")),
    (NatsAnnouncer, "announce", ("announce", "before"), ("announce", "after")),
    (AnnouncedHere, "announce", ("announce", "before"), ("announce", "after")),
    (Submissions, "_answer", ("answer", "before"), ("answer", "after")),
)


class Strikes:
    """The strike that is armed, and the child that it may hit."""

    def __init__(self) -> None:
        self._armed: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.child: EmbeddedNats | None = None

    def listen(self) -> None:
        """Arm what standard input asks for, until it ends."""
        for line in sys.stdin:
            with self._lock:
                self._armed = json.loads(line)
            sys.stdout.write('{"armed": true}\n')
            sys.stdout.flush()

    def reach(self, point: Point | None) -> None:
        """Tell that a point is reached; strike if it is the one."""
        with self._lock:
            armed = self._armed
            if point is None or (armed.get("step"), armed.get("moment")) != point:
                return
            armed["call"] -= 1
            if armed["call"] > 0:
                return
            self._armed = {}
        if armed["victim"] != "gateway":
            self._kill_child()
        if armed["victim"] != "nats":
            os.kill(os.getpid(), signal.SIGKILL)

    def _kill_child(self) -> None:
        pid = self.child.pid if self.child is not None else None
        if pid is None:
            return
        handle = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([handle], [], [])
        os.close(handle)


Reach: TypeAlias = Callable[[Point | None], None]
"""Told that a point is reached; it may not come back."""


def of_audit(part: Any) -> bool:  # noqa: PLR0911 - one for each sort of part
    """Tell whether a part is the audit log's; of the entries of a fold, whether they are events."""
    match part:
        case JetStreamAppender():
            return part._log is AUDIT
        case AnnouncedHere():
            # Both logs have announced something when the first strike is armed.
            return (part._newest or b"").startswith(b"exchange.example/audit\n")
        case NatsAnnouncer():
            return part._subject.startswith(AUDIT.checkpoints)
        case Store():
            return part._name == "audit.db"
        case Keeper():
            return part._folder.name == "audit-keeper"
        case tuple():
            # An entry of the ledger names its statement's key; an event names its own, or none.
            keys = {key for entry in part if entry is not None for key in entry.reads}
            return all(key.startswith("event/") for key in keys)
        case _:
            return False


def install(reach: Reach) -> None:
    """Hook every step of this process."""
    for owner, name, begin, end in HOOKS:
        hook(reach, owner, name, begin, end)
    hook_publish(reach)
    hook_deliveries(reach)


def hook(reach: Reach, owner: Any, name: str, begin: Point | None, end: Point | None) -> None:
    """Have a function reach one point before it begins, and one when it has ended well."""
    original = getattr(owner, name)
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def hooked(*args: Any, **more: Any) -> Any:
            struck = not of_audit(args[0])
            reach(begin if struck else None)
            result = await original(*args, **more)
            reach(end if struck else None)
            return result
    else:

        @functools.wraps(original)
        def hooked(*args: Any, **more: Any) -> Any:
            struck = not of_audit(args[0])
            reach(begin if struck else None)
            result = original(*args, **more)
            reach(end if struck else None)
            return result

    setattr(owner, name, hooked)


def hook_publish(reach: Reach) -> None:
    """Publishing a block: before a byte of it is sent, and after the server has taken it in."""
    original = nats.aio.client.Client.publish

    async def publish(self: Any, subject: str, *args: Any, **more: Any) -> None:
        if subject != LEDGER.blocks:
            await original(self, subject, *args, **more)
            return
        reach(("publish", "before"))
        await original(self, subject, *args, **more)
        # The server answers a second PING only when it has read what came before it.
        for _ in range(2):
            await self.flush()
        reach(("publish", "after"))

    nats.aio.client.Client.publish = publish  # type: ignore[method-assign] # a hook around it


def hook_deliveries(reach: Reach) -> None:
    """Delivering a page that holds something: before it is given to gRPC, and once it was taken."""
    original = Streams.follow

    async def follow(self: Streams, **more: Any) -> AsyncGenerator[Any, None]:
        async for page in original(self, **more):
            full = bool(len(page.records))
            reach(("deliver", "before") if full else None)
            yield page
            reach(("deliver", "after") if full else None)

    Streams.follow = follow  # type: ignore[method-assign] # a hook around it


def hook_child(strikes: Strikes) -> None:
    """Keep the child at hand."""
    original = EmbeddedNats.start

    async def start(self: EmbeddedNats) -> None:
        strikes.child = self
        await original(self)

    EmbeddedNats.start = start  # type: ignore[method-assign] # a hook around it


def hook_parts() -> None:
    """Have the processes of a gateway of several be `tests.faults.part`, and soon be back."""
    vars(child).update(_PROGRAM=("-m", "tests.faults.part"), _LONGEST_PAUSE=child._FIRST_PAUSE)


if __name__ == "__main__":
    strikes = Strikes()
    install(strikes.reach)
    hook_child(strikes)
    hook_parts()
    threading.Thread(target=strikes.listen, daemon=True).start()
    main()
