"""A running gateway whose whole state goes back to an older copy is caught by its members."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from forewarn_client import Flaw, HistoryError, Home, JoinFile, Operator, Patience
from tests.world.live import CIVIL, HARBOR, Live, alert

HASTE = Patience(budget=20.0, attempt=5.0, behind=1.0)


@contextmanager
def serving(live: Live) -> Iterator[None]:
    live.serve()
    yield
    assert live.stop() == 0


def home_of_harbor(live: Live) -> Home:
    path = live.folder / "harbor"
    path.mkdir(mode=0o700)
    key = path / "signing.pem"
    key.write_bytes(HARBOR.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    join = JoinFile.load(live.state / "exchange.toml")
    system = HARBOR.system.rsplit("/", 1)[1]
    home = Home.create(path, member=HARBOR.member, kind=HARBOR.kind, system=system, join=join)
    home.install_certificate(live.authority.issue((path / "tls.csr").read_bytes()))
    return home


async def contact(live: Live, home: Home) -> int:
    """Have the bank read what it has, and give the size of the ledger that it has verified."""
    here = replace(home, exchange=replace(home.exchange, address=live.address))
    async with Operator.connect(here, patience=HASTE) as bank:
        await bank.list_entries()
        return (await bank.checkpoint()).size


def alerts(live: Live, count: int) -> None:
    with live.desk(CIVIL) as agency:
        for _ in range(count):
            agency.submit(alert(CIVIL, HARBOR))


@pytest.mark.asyncio
async def test_a_gateway_restored_from_an_old_copy_of_everything_is_caught(own: Live) -> None:
    own.init()
    with serving(own):
        own.enrol(CIVIL, HARBOR)
        home = home_of_harbor(own)
        alerts(own, 2)
        assert await contact(own, home) == 5
    copy = Path(shutil.copytree(own.state, own.folder / "copy"))
    with serving(own):
        # Stopped and started, it is the same ledger.
        alerts(own, 2)
        assert await contact(own, home) == 7
    shutil.rmtree(own.state)
    shutil.copytree(copy, own.state)
    with serving(own):
        with pytest.raises(HistoryError, match=Flaw.LEDGER_ROLLED_BACK):
            await contact(own, home)
        alerts(own, 3)
        with pytest.raises(HistoryError, match=Flaw.HISTORY_REWRITTEN):
            await contact(own, home)
    names = sorted(path.name.rsplit("-", 1)[0] for path in home.evidence.iterdir())
    assert names == ["history-rewritten-7-8", "ledger-rolled-back-7-5"]
