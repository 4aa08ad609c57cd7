"""How an integrator is, over core NATS: said by it, heard by every worker.

* It is said on every change, every second, and when a worker that has just come asks. A worker that
  has heard nothing for some seconds takes the integrator as stalled: what waits for it goes on
  waiting, and health says so.
* Only the integrator's role may say it. What is not of the one form is passed over: a worker can
  have the server's acknowledgements sent to any subject.
* Once it has folded all, an integrator that checks again, as a new process does, counts as stalled:
  statements wait for it and are not turned away.
* A halt counts until the integrator says otherwise, however long it is silent.

A condition decides about health and about taking statements in; no record rests on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from contextlib import aclosing
from typing import Any, Final

import nats.errors

from gateway.core.errors import Fault, Reason
from gateway.ledger.letters import newest
from gateway.ledger.nats_connection import RoleConnection, SessionEnded
from gateway.ledger.nats_roles import ALONE, LEDGER, Log
from gateway.ports.conditions import Condition, Conditioned, State

_log: Final = logging.getLogger(__name__)

_SAY_SECONDS: Final = 1.0
SILENCE_SECONDS: Final = 5.0
"""Silence that is taken for a stall."""


class NatsConditionTeller:
    """Says how an integrator is."""

    def __init__(
        self,
        connection: RoleConnection,
        integrator: Conditioned,
        log: Log = LEDGER,
        *,
        node: str = ALONE,
    ) -> None:
        """Say it over a connection; `run` does.

        Args:
            connection: The integrator's.
            integrator: The integrator.
            log: Its log.
            node: The node's name in subjects.
        """
        self._connection = connection
        self._integrator = integrator
        self._said = log.said(node)
        self._asked = log.asked(node)

    async def run(self) -> None:
        """Say it until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._answer())
            group.create_task(self._repeat())

    async def _tell(self) -> None:
        """Say it now; while NATS is away nobody could hear it."""
        condition = self._integrator.condition
        with contextlib.suppress(Fault, nats.errors.Error, SessionEnded):
            session = await self._connection.session(within=0)
            await session.race(session.client.publish(self._said, encode(condition)))

    async def _answer(self) -> None:
        async with aclosing(newest(self._connection, self._asked)) as letters:
            async for _ in letters:
                await self._tell()

    async def _repeat(self) -> None:
        while True:
            # Taken before looking: a change while it is said is said next.
            turned = self._integrator.turned
            await self._tell()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SAY_SECONDS):
                    await turned.wait()


class NatsConditions:
    """Hears how an integrator is."""

    def __init__(self, worker: RoleConnection, log: Log = LEDGER, *, node: str = ALONE) -> None:
        """Hear it over a connection; `run` does.

        Args:
            worker: The worker's.
            log: Whose integrator.
            node: The node's name in subjects.
        """
        self._connection = worker
        self._said = log.said(node)
        self._asked = log.asked(node)
        self._heard = Condition(state=State.CHECKING)
        self._heard_at = 0.0
        self._has_folded = False

    @property
    def current(self) -> Condition:
        """What was heard last, or what its silence says."""
        heard = self._heard
        if heard.state is State.HALTED or not self._has_folded:
            return heard
        silent = asyncio.get_running_loop().time() - self._heard_at
        if heard.state is State.CHECKING or silent > SILENCE_SECONDS:
            return Condition(state=State.STALLED)
        return heard

    async def run(self) -> None:
        """Listen until cancelled."""
        async with aclosing(newest(self._connection, self._said)) as letters:
            async for letter in letters:
                if letter is None:
                    await self._ask()
                else:
                    self._hear(letter)

    async def _ask(self) -> None:
        with contextlib.suppress(Fault, nats.errors.Error, SessionEnded):
            session = await self._connection.session(within=0)
            await session.race(session.client.publish(self._asked, b""))

    def _hear(self, letter: bytes) -> None:
        condition = decode(letter)
        if condition is None:
            _log.debug("what is no condition was heard on %s", self._said)
            return
        self._heard = condition
        self._heard_at = asyncio.get_running_loop().time()
        folded = condition.state in {State.FOLDING, State.UNSIGNED}
        self._has_folded = self._has_folded or folded


def encode(condition: Condition) -> bytes:
    """Write a condition as it is said.

    Args:
        condition: The condition.
    """
    return json.dumps({"state": condition.state, "reason": condition.reason}).encode()


def decode(letter: bytes) -> Condition | None:
    """Read what `encode` wrote.

    Args:
        letter: What was heard.

    Returns:
        The condition; None where it is none.
    """
    try:
        said: Any = json.loads(letter)
        reason = said["reason"]
        return Condition(
            state=State(said["state"]), reason=None if reason is None else Reason(reason)
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
