"""`[witnesses]` of `gateway.toml`: who cosigns the checkpoints of both logs, and what waits for it.

* The policy is a C2SP tlog-policy file. Every witness that is to be asked has a URL in it, and
  knows the verifier keys of both logs.
* Receipts may wait for the quorum; deliveries never do.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.compose.log import LogPlan
from gateway.compose.settings import setting
from gateway.compose.state import SetupError
from gateway.core.witness_policy import WitnessPolicy
from gateway.ledger.integrator import Integrator
from gateway.ledger.reader import StoreReader
from gateway.ledger.witness_calls import check_url
from gateway.ledger.witnesses import Witnesses, WitnessPatience

_PATIENCE: Final = WitnessPatience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessing:
    """See `[witnesses]`."""

    policy: Path | None = field(
        default=None,
        metadata=setting('The policy, a C2SP tlog-policy file with URLs; "" for no witnesses.'),
    )
    receipts_wait: bool = field(
        default=False,
        metadata=setting(
            "Whether a receipt waits until the quorum has cosigned: then no member can be shown "
            "another history, and nothing is answered while the quorum is away."
        ),
    )
    ca: Path | None = field(
        default=None,
        metadata=setting("Authorities of the witnesses' certificates, PEM; \"\" for the system's."),
    )
    answer_seconds: float = field(
        default=_PATIENCE.answer,
        metadata=setting("How long one witness may take.", unit="seconds", least=0.1, most=60),
    )
    longest_pause_seconds: float = field(
        default=_PATIENCE.longest_pause,
        metadata=setting(
            "The longest pause before a quorum that was missed is tried for again.",
            unit="seconds",
            least=1,
            most=3600,
        ),
    )

    @property
    def patience(self) -> WitnessPatience:
        """How long witnesses are waited for."""
        return WitnessPatience(answer=self.answer_seconds, longest_pause=self.longest_pause_seconds)

    def load(self) -> WitnessPolicy | None:
        """Read the policy.

        Returns:
            The policy; None where there are no witnesses.

        Raises:
            SetupError: It cannot be read, is none, asks for nobody, or for witnesses without URL.
        """
        if self.policy is None:
            if self.receipts_wait:
                raise SetupError("witnesses.receipts_wait needs witnesses.policy: name the file")
            return None
        try:
            policy = WitnessPolicy.parse(self.policy.read_bytes())
            for witness in policy.witnesses:
                if witness.url:
                    check_url(witness.url)
        except OSError as error:
            raise SetupError(f"{self.policy} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise SetupError(f"{self.policy}: {error}") from None
        if policy.is_met([]):
            raise SetupError(f'{self.policy}: the quorum is none; for nobody, set policy = ""')
        if not policy.is_met([witness.name for witness in policy.witnesses if witness.url]):
            raise SetupError(f"{self.policy}: the quorum needs witnesses that have no URL")
        return policy

    def trust(self) -> ssl.SSLContext:
        """Make what a witness's server has to prove.

        Raises:
            SetupError: The authorities cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise SetupError(f"{self.ca} holds no authorities: {error}") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@asynccontextmanager
async def cosigning(
    witnessing: Witnessing, plans: Sequence[LogPlan], integrators: Sequence[Integrator]
) -> AsyncGenerator[list[asyncio.Task[None]], None]:
    """Have the heads of logs cosigned for a while, where there are witnesses.

    Args:
        witnessing: Who they are.
        plans: How the logs are made.
        integrators: Their integrators, in the same order.

    Yields:
        What has to run for ever.

    Raises:
        SetupError: The policy or the authorities are not fit for use.
    """
    policy = witnessing.load()
    if policy is None:
        yield []
        return
    trust, readers, tasks = witnessing.trust(), [], []
    for plan, integrator in zip(plans, integrators, strict=True):
        readers.append(StoreReader(plan.store, plan.origin))
        witnesses = Witnesses(
            policy=policy,
            reader=readers[-1],
            head=integrator.announced,
            publish=integrator.publish_cosigned,
            trust=trust,
            patience=witnessing.patience,
        )
        tasks.append(asyncio.create_task(witnesses.run()))
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for reader in readers:
            reader.close()
