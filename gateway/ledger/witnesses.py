"""Cosignatures for the log's checkpoints: asked of the policy's witnesses, published with the note.

* The newest signed head is handed to every witness at once (C2SP tlog-witness, `add-checkpoint`),
  with the proof that it goes on from what that witness has cosigned. While one round is under way
  nothing is queued: the next takes the newest head of then.
* Only lines that verify under the policy's keys are kept. As soon as they are the quorum the note
  is published with them, and again where others come after; then the next round may begin. A
  witness that has not answered by then sits it out.
* An idle log asks nobody: again only where the quorum was not reached, and later each time.
* Beside other nodes each asks for itself: a witness that another node has asked about a head which
  has not come here yet is asked again once it has.
* A witness is believed nothing but its signature. One that says that it has cosigned a larger log,
  or that this one does not go on from its own, is a critical line in the log: either the ledger was
  rolled back or forked, or that witness is wrong. One witness alone stops nothing.

It signs nothing and holds nothing up: who waits for a cosigned head is for `compose` to say.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from gateway.core.errors import Fault
from gateway.core.note import NoteSignature
from gateway.core.witness_policy import Witness, WitnessPolicy
from gateway.ledger.witness_calls import (
    Answer,
    NotCosignedError,
    WitnessClient,
    cosignature,
    request,
    told_size,
)
from gateway.ports.reading import LedgerHead, LedgerReader, SignedHead

_log: Final = logging.getLogger(__name__)

_ATTEMPTS: Final = 3


class _ContradictedError(NotCosignedError):
    """This witness says that it knows another past."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessPatience:
    """How long witnesses are waited for, in seconds.

    Attributes:
        answer: For one answer.
        first_pause: Before a quorum that was not reached is tried for again; doubled each time.
        longest_pause: The longest such pause.
    """

    answer: float = 5.0
    first_pause: float = 1.0
    longest_pause: float = 60.0


class _Round:
    """One head, and who has cosigned it."""

    def __init__(self, head: SignedHead) -> None:
        self.head = head
        self.lines: dict[str, NoteSignature] = {}
        self.enough = asyncio.Event()

    @property
    def met(self) -> bool:
        return self.enough.is_set()

    @property
    def note(self) -> bytes:
        return self.head.note + b"".join(line.line() for line in self.lines.values())


class Witnesses:
    """Asks the witnesses of a policy."""

    def __init__(
        self,
        *,
        policy: WitnessPolicy,
        reader: LedgerReader,
        head: LedgerHead,
        publish: Callable[[bytes], Awaitable[None]],
        trust: ssl.SSLContext,
        patience: WitnessPatience | None = None,
    ) -> None:
        """Ask nobody yet; `run` does.

        Args:
            policy: Who has to cosign.
            reader: Where consistency proofs are read.
            head: The newest signed head.
            publish: Is given each cosigned note.
            trust: What a witness's server has to prove.
            patience: How long they are waited for.
        """
        self._policy = policy
        self._reader = reader
        self._head = head
        self._publish = publish
        self._trust = trust
        self._patience = patience or WitnessPatience()
        # What each has cosigned, as far as known; 0 asks, and is told.
        self._known = {witness.name: 0 for witness in policy.witnesses}
        self._troubled: dict[str, str] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._round: _Round | None = None

    async def run(self) -> None:
        """Ask until cancelled."""
        done, pause = -1, self._patience.first_pause
        timeout = aiohttp.ClientTimeout(total=self._patience.answer)
        connector = aiohttp.TCPConnector(ssl=self._trust)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            client = WitnessClient(session)
            try:
                while True:
                    head = await self._head.wait_beyond(done)
                    if self._round is None or self._round.head.size < head.size:
                        self._round = _Round(head)
                    await self._ask_all(client, self._round)
                    if self._round.met:
                        done, pause = head.size, self._patience.first_pause
                        continue
                    with suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            pause = min(pause * 2, self._patience.longest_pause)
                            await self._head.wait_beyond(head.size)
            finally:
                for task in self._busy.values():
                    task.cancel()
                await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _ask_all(self, client: WitnessClient, round_: _Round) -> None:
        """Ask whoever is free and has not cosigned this head; return once enough have."""
        if self._policy.is_met(round_.lines):
            # Nobody is left to ask who would have it published: it could not be stored before.
            await self._published(round_)
        asked = []
        for witness in self._policy.witnesses:
            if witness.url and witness.name not in self._busy and witness.name not in round_.lines:
                task = asyncio.create_task(self._ask(client, witness, round_))
                self._busy[witness.name] = task
                asked.append(task)
        waiting = asyncio.create_task(round_.enough.wait())
        pending: set[asyncio.Task[Any]] = set(asked)
        try:
            while pending and not round_.met:
                _, pending = await asyncio.wait(
                    {waiting, *pending}, return_when=asyncio.FIRST_COMPLETED
                )
                pending.discard(waiting)
        finally:
            waiting.cancel()

    async def _ask(self, client: WitnessClient, witness: Witness, round_: _Round) -> None:
        try:
            line = await self._cosigned(client, witness, round_.head)
        except _ContradictedError as error:
            self._tell(witness, logging.CRITICAL, str(error))
        except (NotCosignedError, Fault, aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) if isinstance(error, NotCosignedError) else type(error).__name__
            self._tell(witness, logging.WARNING, why)
        else:
            if self._troubled.pop(witness.name, None):
                _log.info("witness %s cosigns again", witness.name)
            round_.lines[witness.name] = line
            if self._policy.is_met(round_.lines) and round_ is self._round:
                await self._published(round_)
        finally:
            del self._busy[witness.name]

    async def _published(self, round_: _Round) -> None:
        try:
            await self._publish(round_.note)
        except Fault as fault:
            _log.warning("cosignatures could not be stored: %s", fault.detail)
        else:
            round_.enough.set()

    async def _cosigned(
        self, client: WitnessClient, witness: Witness, head: SignedHead
    ) -> NoteSignature:
        for _ in range(_ATTEMPTS):
            old = self._known[witness.name]
            if old > head.size:
                raise NotCosignedError("it has cosigned a later head already")
            proof = await asyncio.to_thread(self._proof, old, head.size)
            answer = await client.post(witness.url, request(old, proof, head.note))
            if answer.status == HTTPStatus.OK:
                line = cosignature(witness, head.note, answer.body)
                self._known[witness.name] = head.size
                return line
            self._known[witness.name] = await self._told(answer, old)
        raise NotCosignedError("it names one size after the other")

    async def _told(self, answer: Answer, old: int) -> int:
        """Take the size that a witness says it has cosigned."""
        conflict = answer.status == HTTPStatus.CONFLICT
        told = told_size(answer)
        if told is not None:
            if not await self._reached(told):
                raise _ContradictedError(
                    f"it has cosigned a log of {told} entries, this one has fewer: the ledger was "
                    "rolled back, or that witness is wrong. Compare the witnesses' checkpoints "
                    "with this log before anything else"
                )
            if told != old:
                return told
        # 409 for another root of the same size is what the specification said before 2026.
        if conflict or answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise _ContradictedError(
                f"it says that the log of {old} entries which it has cosigned is another one: the "
                "ledger has forked, or that witness is wrong. Compare both before anything else"
            )
        raise NotCosignedError(f"it answers {answer.status}")

    async def _reached(self, size: int) -> bool:
        """Tell whether this log is as large, or soon is: another node may be a step ahead."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.answer):
                await self._head.wait_beyond(size - 1)
                return True
        return False

    def _proof(self, old: int, new: int) -> tuple[bytes, ...]:
        if old in {0, new}:
            return ()
        with self._reader.snapshot() as snapshot:
            return snapshot.consistency(old, new)

    def _tell(self, witness: Witness, level: int, why: str) -> None:
        # Once for each trouble: it is asked again with every head.
        if self._troubled.get(witness.name) != why:
            self._troubled[witness.name] = why
            _log.log(level, "witness %s does not cosign: %s", witness.name, why)
