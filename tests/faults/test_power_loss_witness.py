"""The power goes at a witness: what it has cosigned, it has on disk before anybody has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.faults.calls import WHY_NOT, Calls
from tests.faults.power import everything
from tests.faults.shadow import WATCHING, Cut, Shadow
from tests.witness.logs import PaperLog
from tests.witness.test_serving import COMMAND, NAME, serving

pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def ask(url: str, content: bytes) -> httpx.Response:
    return httpx.post(f"{url}/add-checkpoint", content=content, timeout=30)


def test_what_was_cosigned_outlives_a_loss_of_power(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    shadow = Shadow(disk)
    calls = Calls(WATCHING, shadow.answer)
    log = PaperLog()
    begun = [*COMMAND, "init", "--state", str(disk / "w"), "--name", NAME, "--log", log.key]
    assert calls.start(begun, stdout=subprocess.DEVNULL).wait(timeout=60) == 0
    words = [*COMMAND, "serve", "--state", str(disk / "w"), "--json", "--listen", "127.0.0.1:0"]
    witness = calls.start(words, stdout=subprocess.PIPE)
    assert witness.stdout is not None
    url = json.loads(witness.stdout.readline())["serving"]
    moments = []
    for old, leaves in ((0, 3), (3, 4)):
        log.grow(leaves)
        assert ask(url, log.request(old)).status_code == 200
        moments.append((len(log.leaves), shadow.freeze()))
    witness.kill()
    witness.wait()
    witness.stdout.close()
    calls.close()
    shadow.close()

    for cut, (size, moment) in zip(
        (Cut.BARE, Cut.TORN, Cut.JOURNALED), [*moments, moments[-1]], strict=True
    ):
        moment.restore(tmp_path / cut, cut, lost=everything)
        with serving(tmp_path / cut / "w") as back:
            answer = ask(back.url, log.request(0))
            assert (answer.status_code, answer.content) == (409, b"%d\n" % size)
