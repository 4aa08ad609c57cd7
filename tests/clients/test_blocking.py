"""The blocking interface: as the asynchronous one, from any thread, and it ends cleanly."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import forewarn_client
from forewarn_client import (
    Delivery,
    Draft,
    Filter,
    Home,
    HomeError,
    Patience,
    RefusedError,
    RequestError,
    Submitted,
    blocking,
)
from forewarn_client import member as asynchronous
from tests.world.live import AURORA, CIVIL, HARBOR, Live
from tests.world.live_homes import home_of

SOON = 30.0
# What only serves the asynchronous classes from inside.
INSIDE = {"session", "reader", "clock", "tell", "kind"}
ALERT: dict[str, Any] = {
    "tlp": "GREEN",
    "recipients": ["harbor-bank"],
    "facts": {"severity": "high"},
    "body": {"title": "A title", "summary": "A summary"},
}
NOTICE: dict[str, Any] = {
    "tlp": "AMBER",
    "facts": {
        "notice_type": "new_model",
        "release_mode": "api",
        "planned": {"public_release": "2027-01-22"},
    },
    "body": dict.fromkeys(
        ("evaluation_summary", "elicitation", "planned_safeguards", "lineage"), "UNKNOWN"
    ),
}


def public(made: type) -> set[str]:
    return {name for name in dir(made) if not name.startswith("_")}


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    found = inspect.signature(function).parameters.values()
    return [(each.name, each.kind, each.default) for each in found]


@pytest.mark.parametrize("name", ["Member", "Lab", "Agency", "Operator", "Registrar"])
def test_each_class_offers_just_what_its_counterpart_does(name: str) -> None:
    waited: type[blocking.Member] = getattr(blocking, name)
    awaited: type[asynchronous.Member] = getattr(forewarn_client, name)
    assert waited.made_of is awaited
    own = {"made_of", "inner", "send", "keep"}
    assert public(waited) - own == public(awaited) - INSIDE
    for each in public(awaited) - INSIDE:
        original, offered = getattr(awaited, each), getattr(waited, each)
        if not inspect.isfunction(original) and not inspect.ismethod(original):
            assert isinstance(offered, property), each
            continue
        assert parameters(offered) == parameters(original), each
        assert not inspect.iscoroutinefunction(offered), each
        if each not in {"connect", "submit_many", "draft", "say"}:
            assert offered.__wrapped__ is original, each
            assert offered.__doc__ == original.__doc__, each


def test_each_method_waits_as_its_counterpart_is_awaited() -> None:
    """A coroutine becomes a call, a generator an iterator; nothing is offered as the other."""
    for name in ("Lab", "Agency", "Operator", "Registrar"):
        waited, awaited = getattr(blocking, name), getattr(forewarn_client, name)
        for each in public(awaited) - INSIDE:
            original, offered = getattr(awaited, each), getattr(waited, each)
            if not hasattr(offered, "__wrapped__"):
                continue
            made = offered.__code__.co_name
            if inspect.isasyncgenfunction(original):
                assert made == "arriving", each
            elif inspect.iscoroutinefunction(original):
                assert made == "waiting", each
            else:
                assert made == "staying", each


@pytest.fixture(scope="module")
def homes(live: Live, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    folder = tmp_path_factory.mktemp("blocking")
    return {who.member: home_of(live, who, folder) for who in (AURORA, CIVIL, HARBOR)}


def taken(coming: blocking.Incoming[Delivery]) -> None:
    while True:
        coming.next(timeout=0.3)


def test_a_release_is_announced_followed_and_acknowledged(homes: dict[str, Home]) -> None:
    with (
        blocking.Lab.connect(homes["aurora"]) as lab,
        blocking.Agency.connect(homes["civil-ai"]) as agency,
        agency.follow(Filter(kinds=("PreReleaseNotice",)), keep="notices") as coming,
    ):
        # What other tests have left in this exchange comes first.
        with pytest.raises(TimeoutError):
            taken(coming)
        (notice,) = lab.notify(NOTICE, ["civil-ai"])
        delivery = coming.next(timeout=SOON)
        while delivery.record.digest != notice.digest:
            delivery = coming.next(timeout=SOON)
        done = agency.acknowledge(notice.digest)
        assert done.record.case_state == "ACKNOWLEDGED"
        assert notice.digest in [each.digest for each in lab.cases("release")]
        assert lab.case(notice.digest).state == "ACKNOWLEDGED"
        released = [each.member for each in lab.audit_events() if each.entry_indexes]
        assert "civil-ai" in released
        with pytest.raises(RefusedError, match="NOT_FOUND"):
            lab.entry(bytes(32))
        assert list(lab.draft_notices(NOTICE, ["civil-ai", "natsec-ai"]))
        assert lab.home.member == "aurora"


def test_many_are_handed_in_while_their_source_is_read(homes: dict[str, Home]) -> None:
    thread = threading.current_thread()

    def drafts(agency: blocking.Agency) -> Iterator[Draft]:
        for _ in range(30):
            assert threading.current_thread() is thread
            yield agency.draft("Alert", ALERT)
        raise KeyError

    with blocking.Agency.connect(homes["civil-ai"]) as agency:
        handed = agency.submit_many(drafts(agency), at_once=7)
        outcomes = [handed.next(timeout=SOON).outcome for _ in range(30)]
        assert all(isinstance(each, Submitted) for each in outcomes)
        # What stops the source comes after the answers.
        with pytest.raises(KeyError):
            next(handed)
        assert list(agency.submit_many([])) == []


def test_threads_share_a_connection(homes: dict[str, Home]) -> None:
    with (
        blocking.Agency.connect(homes["civil-ai"]) as agency,
        blocking.Operator.connect(homes["harbor-bank"]) as bank,
        ThreadPoolExecutor(8) as pool,
    ):
        after = bank.checkpoint().size
        sent = list(pool.map(lambda _: agency.alert(ALERT), range(24)))
        assert len({each.index for each in sent}) == 24
        coming = bank.follow(Filter(kinds=("Alert",)), keep="threads")
        first = next(each for each in coming if each.record.index >= after)
        # Each of the threads gets others.
        rest = list(pool.map(lambda _: coming.next(timeout=SOON), range(23)))
        indexes = {first.record.index, *(each.record.index for each in rest)}
        assert indexes == {each.index for each in sent}


def test_what_is_under_way_ends_with_the_connection(homes: dict[str, Home]) -> None:
    bank = blocking.Operator.connect(homes["harbor-bank"])
    with bank:
        size = bank.checkpoint().size
        coming = bank.follow()
        waiting = threading.Event()
        left: list[object] = []

        def wait() -> None:
            for each in coming:
                if each.record.index >= size - 1:
                    waiting.set()
            left.append("ended")

        thread = threading.Thread(target=wait)
        thread.start()
        waiting.wait(0.5)
    thread.join(SOON)
    assert left == ["ended"]
    assert list(coming) == []
    assert not [each for each in threading.enumerate() if each.name == "forewarn"]
    # Closed, it says so; and it can be opened again.
    with pytest.raises(RequestError, match="use `with`"):
        bank.checkpoint()
    with bank:
        assert bank.checkpoint().size >= size


def test_a_blocking_call_in_a_callback_is_refused_and_does_not_hang(
    homes: dict[str, Home],
) -> None:
    caught: list[str] = []
    with blocking.Operator.connect(homes["harbor-bank"]) as bank:

        def opened() -> None:
            try:
                bank.checkpoint()
            except RequestError as error:
                caught.append(str(error))

        with bank.follow(opened=opened) as coming, suppress(TimeoutError):
            coming.next(timeout=SOON)
    assert "in another thread" in caught[0]


def test_a_folder_of_another_kind_is_refused(homes: dict[str, Home]) -> None:
    with pytest.raises(HomeError, match="of kind agency"):
        blocking.Lab.connect(homes["civil-ai"])


FOLLOWS = """
import sys
from forewarn_client.blocking import Operator
try:
    with Operator.connect(sys.argv[1]) as bank:
        print("open", flush=True)
        for delivery in bank.follow(keep="interrupted"):
            print(delivery.record.index, flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
CALLS = """
import sys
from forewarn_client import Home
from forewarn_client.blocking import Operator
home = Home.load(sys.argv[1])
try:
    with Operator.connect(home, tell=lambda text: print("told", flush=True)) as bank:
        bank.checkpoint()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def interrupted(program: str, home: Path, last: Callable[[str], bool]) -> list[str]:
    """Run a program, press Ctrl-C once it has said so much, and give what it printed after."""
    with subprocess.Popen(
        [sys.executable, "-c", program, home],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "GRPC_VERBOSITY": "NONE"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if last(line.strip()):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SOON)
    assert (process.returncode, err) == (0, "")
    return out.splitlines()


def test_ctrl_c_ends_a_program_that_follows(homes: dict[str, Home]) -> None:
    home = homes["harbor-bank"]
    with (
        blocking.Agency.connect(homes["civil-ai"]) as agency,
        blocking.Operator.connect(home) as bank,
    ):
        newest = agency.alert(ALERT).index
        (*_, kept) = (each.index for each in bank.list_entries(page_size=1000).records)
        assert kept == newest
    said = interrupted(FOLLOWS, home.path, lambda line: line == str(newest))
    assert said == ["interrupted"]
    # It had taken all but the last, which it was not done with, for good or for ill.
    again = interrupted(FOLLOWS, home.path, lambda line: line in {"open", str(newest)})
    assert again[-1] == "interrupted"
    assert set(again) <= {"interrupted", str(newest)}


def test_ctrl_c_ends_a_call_to_an_exchange_that_does_not_answer(
    homes: dict[str, Home], tmp_path: Path
) -> None:
    path = tmp_path / "harbor-bank"
    path.mkdir(mode=0o700)
    for each in homes["harbor-bank"].path.iterdir():
        if each.is_file():
            (path / each.name).write_bytes(each.read_bytes())
            (path / each.name).chmod(0o600)
    configuration = path / "forewarn.toml"
    lines = configuration.read_text().splitlines()
    nowhere = ['address = "127.0.0.1:9"' if line.startswith("address") else line for line in lines]
    configuration.write_text("\n".join(nowhere))
    assert interrupted(CALLS, path, lambda line: line == "told") == ["interrupted"]


def test_patience_bounds_a_call(homes: dict[str, Home]) -> None:
    patience = Patience(budget=5.0)
    with blocking.Operator.connect(homes["harbor-bank"], patience=patience) as bank:
        assert bank.patience == patience
        assert bank.signers
