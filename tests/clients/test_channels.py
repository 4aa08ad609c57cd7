"""Channels are made anew where the member's certificate was, and only there."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from forewarn_client.channels import Channels
from forewarn_client.errors import HomeError
from forewarn_client.home import TlsIdentity
from tests.world.ledger_builder import party
from tests.world.paper_exchange import PaperExchange


class Files:
    """What a member's files say, one time after the other."""

    def __init__(self, *said: TlsIdentity | HomeError) -> None:
        self._said: Iterator[TlsIdentity | HomeError] = iter(said)

    def __call__(self) -> TlsIdentity:
        said = next(self._said)
        if isinstance(said, HomeError):
            raise said
        return said


class Stub:
    """Remembers the channel that it was made on."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    def on(self) -> grpc.aio.Channel:
        return self.channel


@pytest.mark.asyncio
async def test_calls_go_over_the_newest_channel_and_half_renewed_files_change_nothing(
    tmp_path: Path,
) -> None:
    async with PaperExchange(folder=tmp_path) as paper:
        first = paper.home(party("aurora", "lab")).tls()
        second = paper.home(party("borealis", "lab")).tls()
    unfit = HomeError("the certificate is for another key")
    channels = Channels("127.0.0.1:1", Files(first, first, unfit, second, second), ())
    stub = channels.newest(Stub)
    try:
        began_on = stub.on()
        for _ in ("the same", "unfit"):
            channels.renew()
            assert stub.on() is began_on
        channels.renew()
        renewed = stub.on()
        assert renewed is not began_on
        channels.renew()
        assert stub.on() is renewed
    finally:
        await channels.close()


@pytest.mark.asyncio
async def test_without_fit_files_there_is_no_channel() -> None:
    with pytest.raises(HomeError):
        Channels("127.0.0.1:1", Files(HomeError("tls.crt is missing")), ())
