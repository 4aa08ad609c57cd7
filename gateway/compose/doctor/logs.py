"""Both logs: whether store, signed mark and stream's files agree.

* The mark has to be a checkpoint of the log's own key; the store has to reach it with the same
  root. A store that is ahead by what was not signed yet is as it should be after a crash.
* What the stream holds is compared by the gateway itself, at its start and after every
  interruption; this looks at what it left on disk.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.compose.company import keeper_of
from gateway.compose.doctor.finding import Finding, ok, problem, warning
from gateway.compose.doctor.patient import Patient
from gateway.compose.log import LogPlan
from gateway.compose.nats import Nats
from gateway.core.errors import Fault
from gateway.ledger.observer import Observer


def ledger(patient: Patient) -> Iterator[Finding]:
    """Compare the ledger's store with what was signed."""
    if not isinstance(patient.inception, str):
        for plan in patient.plans[:1]:
            yield from _log(plan, patient.inception.log_key, patient)


def audit_log(patient: Patient) -> Iterator[Finding]:
    """Compare the audit log's store with what was signed."""
    if not isinstance(patient.inception, str):
        for plan in patient.plans[1:]:
            yield from _log(plan, patient.inception.audit_log_key, patient)


def _log(plan: LogPlan, pin: str, patient: Patient) -> Iterator[Finding]:
    nats = Nats() if isinstance(patient.config, str) else patient.config.nats
    try:
        keeper = keeper_of(plan, pin, nats)
        with Observer.opened(plan.store, plan.origin) as store:
            # The mark first: what is signed between two looks is in the store by then.
            mark = keeper.mark
            head = store.head
            computed = store.root_at(head.size)
            at_mark = store.root_at(mark.size) if mark.size <= head.size else None
            sequence = store.last_sequence
    except Fault as fault:
        what, _, remedy = fault.detail.partition(": ")
        yield problem(what, remedy or "restore it from a copy of the state folder")
        return
    if computed != head.root:
        yield problem(
            f"the tiles in {plan.store.name} do not give the root that was committed",
            f"stop the gateway, move {plan.store.name}* away, run `forewarn-gateway init`, then "
            "`serve`: it is folded anew from the stream",
        )
    elif at_mark is None and not patient.running:
        yield problem(
            f"{mark.size} entries were signed, {plan.store.name} holds {head.size}",
            "start the gateway: it folds what is missing from the stream; if it halts, restore "
            "jetstream/ from its newest copy",
        )
    elif at_mark is not None and at_mark != mark.root:
        yield problem(
            f"the tree in {plan.store.name} is not the one that was signed at {mark.size} entries",
            "stop the gateway, keep a copy of the folder as it is, and find out what wrote to it",
        )
    else:
        yield from _whole(patient, mark.size, head.size, sequence)


def _whole(patient: Patient, signed: int, held: int, sequence: int) -> Iterator[Finding]:
    files = patient.state.root / "jetstream"
    alone = isinstance(patient.config, str) or patient.config.nats.external is None
    if alone and sequence and not any(files.rglob("*.blk")):
        yield problem(
            f"{files} holds no blocks, the store has folded {sequence}",
            "restore jetstream/ from the newest copy that is not older than the store",
        )
        return
    if held < signed:
        yield warning(
            f"{signed} entries were signed, {held} are folded: the rest is being folded anew",
            "wait until it has caught up; `status` says so",
        )
        return
    ahead = f", {held - signed} more to be signed" if held > signed else ""
    yield ok(f"{signed} entries signed{ahead}; tree, store and mark agree")
