"""A process as its supervisor has it: started again, told, and ended whether it wants to or not."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from gateway.compose import child
from gateway.compose.child import Child
from gateway.compose.orders import Order, Orders, Report, Verb, Word
from gateway.core.audit import Act, AdminAct
from gateway.core.errors import Reason
from gateway.ledger.lock import StateLock
from gateway.ledger.nats_roles import Role
from tests.ledger.running import PATIENCE

ORDERS = Orders(
    role=Role.WORKER,
    place=1,
    state=Path("/srv/state"),
    config="version = 1\n",
    listen="127.0.0.1:8443",
    json_logs=True,
    urls=("tls://127.0.0.1:4222",),
    authorities="-----BEGIN CERTIFICATE-----\n",
    node="node",
    seed="SU...",
)
STOP = Order(
    verb=Verb.STOP,
    acts=(
        AdminAct(act=Act.HALT, reason=Reason.LEDGER_NOT_PROVEN),
        AdminAct(act=Act.STOP),
    ),
)

READY = f"print({Report(word=Word.READY).line().decode().strip()!r}, flush=True)\n"
ENDS_AT_ONCE = "raise SystemExit(7)"
OBEYS = f"import sys\nsys.stdin.readline()\n{READY}sys.stdin.readline()\n"
DEAF = f"import sys, time\nsys.stdin.readline()\n{READY}time.sleep(600)\n"


@asynccontextmanager
async def running(
    script: str, state: Path, monkeypatch: pytest.MonkeyPatch, due: asyncio.Event | None = None
) -> AsyncGenerator[tuple[Child, list[Report]], None]:
    monkeypatch.setattr(child, "_PROGRAM", ("-c", script))
    lock = await StateLock.acquire(state, within=PATIENCE)
    heard = list[Report]()
    if due is None:
        due = asyncio.Event()
        due.set()
    one = Child("worker-1", ORDERS, lock, due=due, heard=lambda _, report: heard.append(report))
    task = asyncio.create_task(one.run())
    yield one, heard
    task.cancel()
    await asyncio.wait([task])
    lock.release()


@pytest.mark.asyncio
async def test_what_ends_is_started_again_after_longer_and_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with running(ENDS_AT_ONCE, tmp_path, monkeypatch):
        async with asyncio.timeout(PATIENCE):
            while len(caplog.records) < 4:  # noqa: ASYNC110 - the log is watched
                await asyncio.sleep(0.01)
    lines = [vars(record) for record in caplog.records]
    assert {(each["event"], each["child"], each["status"]) for each in lines} == {
        ("child_ended", "worker-1", "7")
    }
    first, *_, last = (each["args"][0] for each in lines)
    assert 0.05 <= first <= 0.15
    assert 0.4 <= last <= 1.2


def test_what_ends_before_its_orders_came_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    async def ends_too_early() -> None:
        due = asyncio.Event()
        async with running(ENDS_AT_ONCE, tmp_path, monkeypatch, due) as (one, _):
            async with asyncio.timeout(PATIENCE):
                while one._process is None or one._process.returncode is None:  # noqa: ASYNC110 - no event says so
                    await asyncio.sleep(0.01)
                due.set()
                while len(caplog.records) < 2:  # noqa: ASYNC110 - the log is watched
                    await asyncio.sleep(0.01)

    # Its loop is the gateway's: another one takes what is written to nobody.
    uvloop.run(ends_too_early())


@pytest.mark.asyncio
@pytest.mark.parametrize(("script", "within"), [(OBEYS, PATIENCE), (DEAF, 0.1)])
async def test_it_is_stopped_and_not_started_again(
    script: str, within: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(script, tmp_path, monkeypatch) as (one, heard):
        async with asyncio.timeout(PATIENCE):
            while not one.ready:  # noqa: ASYNC110 - another process is watched
                await asyncio.sleep(0.01)
            await one.stop((), within)
        assert heard == [Report(word=Word.READY)]
    # It is gone: nothing holds the folder any more.
    (await StateLock.acquire(tmp_path, within=0.1)).release()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "said",
    [
        "print('?', flush=True)",
        "print('[]', flush=True)",
        """print('{"word": "halted", "text": "BECAUSE"}', flush=True)""",
        "print('x' * (2 << 20), flush=True)",
    ],
)
async def test_one_that_says_what_none_can_mean_ends_alone(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    deaf = f"import sys, time\nsys.stdin.readline()\n{said}\ntime.sleep(600)\n"
    async with running(deaf, tmp_path, monkeypatch) as (_, heard):
        async with asyncio.timeout(PATIENCE):
            while len(caplog.records) < 4:  # noqa: ASYNC110 - the log is watched
                await asyncio.sleep(0.01)
    events = [vars(record)["event"] for record in caplog.records]
    assert events[:4] == ["child_killed", "child_ended"] * 2
    assert heard == []


@pytest.mark.asyncio
async def test_it_has_its_orders_from_a_pipe_and_ends_with_it() -> None:
    """What the real one does without a supervisor, wherever the kernel does not see to it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.compose.part", "worker-1"),
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": ""},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(process.communicate(b""), PATIENCE)
    assert (process.returncode, said) == (1, b"")


def test_what_is_said_reads_back() -> None:
    assert Orders.read(ORDERS.line()) == ORDERS
    assert Order.read(STOP.line()) == STOP
    for word in Word:
        report = Report(word=word, text=Reason.LEDGER_NOT_PROVEN.value)
        assert Report.read(report.line()) == report
    assert "SU..." not in repr(ORDERS)
