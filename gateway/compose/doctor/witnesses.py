"""The witnesses of the policy: whether each can be reached, knows both logs, and how far.

* Each is handed the last checkpoint that was signed, as one that it has cosigned already. Where it
  has, it cosigns it again, which shows its key; where it has not, it says how far it is. So nothing
  changes there either.
* A witness that knows more of a log than was ever signed here, or another past, is a problem: the
  ledger was rolled back or forked, or that witness is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp

from gateway.compose.company import keeper_of
from gateway.compose.config import Config
from gateway.compose.doctor.finding import Finding, Level, ok, problem, warning
from gateway.compose.doctor.patient import Patient
from gateway.compose.log import LogPlan
from gateway.compose.state import SetupError
from gateway.core.errors import Fault
from gateway.core.witness_policy import Witness, WitnessPolicy
from gateway.ledger.keeper import Keeper
from gateway.ledger.witness_calls import (
    Answer,
    NotCosignedError,
    WitnessClient,
    cosignature,
    request,
    told_size,
)

_UNKNOWN: Final[Mapping[int, str]] = {
    HTTPStatus.NOT_FOUND: "it does not know this log",
    HTTPStatus.FORBIDDEN: "it knows this log under another key",
}
_LOOKS: Final = 10
_LOOK_SECONDS: Final = 0.5
_COMPARE: Final = (
    "compare the witnesses' checkpoints with this log before anything else; if a copy was "
    "restored, it was too old"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Log:
    """A log, as far as it was signed.

    Attributes:
        plan: How it is made.
        pin: Its verifier key.
        config: Where NATS is.
        running: Whether a gateway runs, and may have it signed on.
    """

    plan: LogPlan
    pin: str
    config: Config
    running: bool

    @property
    def alone(self) -> bool:
        return self.config.nats.external is None

    def keeper(self) -> Keeper:
        return keeper_of(self.plan, self.pin, self.config.nats)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a witness said of a log.

    Attributes:
        witness: Whom.
        finding: What is to be said of it.
    """

    witness: Witness
    finding: Finding


def witnesses(patient: Patient) -> Iterator[Finding]:
    """Ask every witness of the policy about both logs."""
    config, inception = patient.config, patient.inception
    if isinstance(config, str) or isinstance(inception, str):
        return
    try:
        policy, trust = config.witnesses.load(), config.witnesses.trust()
    except SetupError as error:
        yield problem(str(error), "name a policy that is fit for use in [witnesses]")
        return
    if policy is None:
        yield ok("none: receipts carry the log's signature alone")
        return
    pins = (inception.log_key, inception.audit_log_key)
    logs = [
        _Log(plan=plan, pin=pin, config=config, running=patient.running)
        for plan, pin in zip(patient.plans, pins, strict=False)
    ]
    timeout = aiohttp.ClientTimeout(total=config.witnesses.answer_seconds)

    async def ask_all() -> list[_Asked]:
        connector = aiohttp.TCPConnector(ssl=trust)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            client = WitnessClient(session)
            asked = [_ask(client, each, log) for each in policy.witnesses for log in logs]
            return list(await asyncio.gather(*asked))

    found = asyncio.run(ask_all())
    yield from (each.finding for each in found)
    yield from _quorum(policy, found, waits=config.witnesses.receipts_wait)


def _quorum(policy: WitnessPolicy, found: list[_Asked], *, waits: bool) -> Iterator[Finding]:
    away = {each.witness.name for each in found if each.finding.level is not Level.OK}
    if not policy.is_met([each.name for each in policy.witnesses if each.name not in away]):
        what = "those that are well are not the quorum"
        then = "no receipt is given" if waits else "receipts stay pending"
        yield (problem if waits else warning)(f"{what}: {then}", "see to those named above")


async def _ask(client: WitnessClient, witness: Witness, log: _Log) -> _Asked:
    where = f"{witness.name} on {log.plan.origin}"
    if not witness.url:
        found = ok(f"{where}: has no URL here, and is not asked")
    else:
        try:
            keeper = log.keeper()
        except Fault as fault:
            found = warning(f"{where}: cannot be asked ({fault.detail})", "see to the log first")
        else:
            signed = _Signed(log=log, where=where, note=keeper.note or b"", size=keeper.mark.size)
            found = await signed.shown_to(client, witness)
    return _Asked(witness=witness, finding=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """The last checkpoint that was signed, as it is shown to a witness."""

    log: _Log
    where: str
    note: bytes
    size: int

    async def shown_to(self, client: WitnessClient, witness: Witness) -> Finding:
        if not self.note:
            return ok(f"{self.where}: nothing was signed yet that it could know")
        try:
            answer = await client.post(witness.url, request(self.size, (), self.note))
        except (NotCosignedError, aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) if isinstance(error, NotCosignedError) else type(error).__name__
            return warning(
                f"{self.where}: it does not answer ({why})",
                f"see whether {witness.url} is right and can be reached from here, and tell "
                "whoever runs it",
            )
        if answer.status == HTTPStatus.OK:
            return self._cosigned(witness, answer)
        return await self._refused(witness, answer)

    def _cosigned(self, witness: Witness, answer: Answer) -> Finding:
        try:
            cosignature(witness, self.note, answer.body)
        except NotCosignedError:
            return warning(
                f"{self.where}: it does not cosign with the key in the policy",
                "compare the key in the policy with the one that the witness publishes",
            )
        return ok(f"{self.where}: has cosigned all {self.size} entries that are signed")

    async def _refused(self, witness: Witness, answer: Answer) -> Finding:
        if answer.status in _UNKNOWN:
            return warning(
                f"{self.where}: {_UNKNOWN[answer.status]}",
                f"give whoever runs it the log's key: {self.log.pin}",
            )
        told = told_size(answer)
        if told is not None and told != self.size:
            return await self._elsewhere(told)
        if answer.status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
            return problem(
                f"{self.where}: the log of {self.size} entries that it has cosigned is another "
                "one: the ledger has forked, or that witness is wrong",
                _COMPARE,
            )
        return warning(
            f"{self.where}: it answers {answer.status}", f"tell whoever runs {witness.url} of it"
        )

    async def _elsewhere(self, told: int) -> Finding:
        if told <= self.size or await self._reached(told):
            return ok(f"{self.where}: knows {told} of the {self.size} entries that are signed")
        if not self.log.alone and not self.log.running:
            return ok(
                f"{self.where}: knows {told} entries, more than this node, which is stopped: "
                "another one signs on"
            )
        return problem(
            f"{self.where}: it has cosigned {told} entries, and no more than {self.size} were "
            "signed here: the ledger was rolled back, or that witness is wrong",
            _COMPARE,
        )

    async def _reached(self, told: int) -> bool:
        """Tell whether as much is signed by now; one that runs may be a step behind another."""
        for _ in range(_LOOKS if self.log.running else 1):
            if self.log.keeper().mark.size >= told:
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False
