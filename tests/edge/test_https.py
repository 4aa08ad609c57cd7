"""The HTTPS server: what it bounds, and how it ends. Real TLS, raw requests."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web

from certs.authority import SERVER_AUTH, Authority
from certs.files import write_pair
from gateway.core.errors import Fault, Reason
from gateway.edge import https
from gateway.edge.https import HttpsLimits, HttpsServer
from gateway.edge.https_tls import HttpsContext, HttpsFiles
from gateway.edge.port import PortError
from gateway.edge.tls import TlsError

pytestmark = pytest.mark.asyncio

LIMITS = HttpsLimits()
PATIENCE = 30.0
GET = b"GET / HTTP/1.1\r\nHost: exchange.example\r\n\r\n"
SECRET = "unreleased-model-name"


@dataclass(slots=True, kw_only=True)
class Site:
    """A server under test, and what it does with a request."""

    files: HttpsFiles
    authority: Authority
    port: int = 0
    served: int = 0
    going_on: asyncio.Event
    goes_on: asyncio.Event

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.served += 1
        match request.raw_path:
            case "/fault":
                raise Fault(Reason.LEDGER_NOT_PROVEN, SECRET)
            case "/bug":
                raise RuntimeError(SECRET)
            case "/slow":
                self.going_on.set()
                await self.goes_on.wait()
            case _:
                pass
        return web.Response(text=f"{self.served}\n")

    @property
    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.bundle.decode())
        context.check_hostname = False
        return context

    @asynccontextmanager
    async def connected(
        self, tls: ssl.SSLContext | None = None
    ) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter], None]:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=tls or self.tls
            )
            try:
                yield reader, writer
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def ask(self, request: bytes = GET) -> tuple[int, dict[str, str], bytes]:
        async with self.connected() as (reader, writer):
            writer.write(request)
            return await read(reader)


async def read(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer that says its length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers["Content-Length"]))
    return int(head[0].split(" ")[1]), headers, body


def pair(authority: Authority, files: HttpsFiles) -> None:
    made = authority.leaf([], ips=["127.0.0.1"], usages=[SERVER_AUTH])
    write_pair(files.certificate, files.key, made)


@asynccontextmanager
async def serving(folder: Path, limits: HttpsLimits = LIMITS) -> AsyncGenerator[Site, None]:
    files = HttpsFiles(certificate=folder / "https.crt", key=folder / "https.key")
    authority = Authority.create(folder / "ca", trust_domain="exchange.example")
    pair(authority, files)
    site = Site(files=files, authority=authority, going_on=asyncio.Event(), goes_on=asyncio.Event())
    server = HttpsServer(site.answer, limits)
    site.port = await server.start("127.0.0.1", 0, HttpsContext(files))
    try:
        yield site
    finally:
        site.goes_on.set()
        await server.stop(PATIENCE)


async def test_a_request_is_answered_and_the_connection_kept(tmp_path: Path) -> None:
    async with serving(tmp_path) as site, site.connected() as (reader, writer):
        for number in (1, 2):
            writer.write(GET)
            status, headers, body = await read(reader)
            assert (status, body) == (200, b"%d\n" % number)
            assert headers["Server"] == "forewarn"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "Connection" not in headers


async def test_nothing_below_tls_1_3(tmp_path: Path) -> None:
    async with serving(tmp_path) as site:
        old = site.tls
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with site.connected(old):
                pass
        async with site.connected() as (_, writer):
            assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"


async def test_no_session_is_resumed(tmp_path: Path) -> None:
    async with serving(tmp_path) as site, site.connected() as (reader, writer):
        writer.write(GET)
        await read(reader)
        session = writer.get_extra_info("ssl_object").session
        assert session is None or not session.has_ticket


async def test_what_goes_wrong_inside_is_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as site:
        status, headers, body = await site.ask(GET.replace(b"/", b"/fault", 1))
        assert (status, headers["Retry-After"]) == (503, "5")
        assert SECRET not in body.decode()
        status, headers, body = await site.ask(GET.replace(b"/", b"/bug", 1))
        assert (status, headers["Cache-Control"]) == (500, "no-store")
        assert SECRET not in body.decode()
    assert [each.levelname for each in caplog.records] == ["WARNING", "ERROR"]


async def test_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with serving(tmp_path, replace(LIMITS, requests_per_second=1)) as site:
        answers = [(await site.ask())[0] for _ in range(2)]
        assert answers == [200, 200]
        status, headers, _ = await site.ask()
        assert (status, headers["Retry-After"]) == (429, "1")
        assert site.served == 2


async def test_a_connection_has_so_many_requests(tmp_path: Path) -> None:
    limits = replace(LIMITS, requests_per_connection=2)
    async with serving(tmp_path, limits) as site, site.connected() as (reader, writer):
        writer.write(GET * 3)
        assert "Connection" not in (await read(reader))[1]
        assert (await read(reader))[1]["Connection"] == "close"
        assert await reader.read() == b""
    assert site.served == 2


async def test_a_connection_has_so_many_seconds(tmp_path: Path) -> None:
    limits = replace(LIMITS, connection_seconds=0)
    async with serving(tmp_path, limits) as site:
        _, headers, _ = await site.ask()
        assert headers["Connection"] == "close"


async def test_who_does_not_take_leave_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "_FAREWELL_SECONDS", 0.1)
    limits = replace(LIMITS, connection_seconds=0)
    monkeypatch.setattr(https, "_IDLE_SECONDS", 0.3)
    async with serving(tmp_path, limits) as site, site.connected() as (reader, writer):
        writer.write(GET.replace(b"/", b"/slow", 1))
        assert await reader.read() == b""
        assert site.going_on.is_set()


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", GET[:-2]])
async def test_a_request_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(https, "_IDLE_SECONDS", 0.2)
    async with serving(tmp_path) as site, site.connected() as (reader, writer):
        writer.write(beginning)
        assert await reader.read() == b""
    assert site.served == 0


async def test_a_handshake_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "_HANDSHAKE_SECONDS", 0.2)
    async with serving(tmp_path) as site, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 4000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 100 + b"\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ],
    ids=["line", "field", "fields", "body", "chunks", "junk"],
)
async def test_what_is_no_small_request_is_refused_and_the_connection_ended(
    tmp_path: Path, request_head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as site, site.connected() as (reader, writer):
        writer.write(request_head)
        assert (await read(reader))[0] == 400
        assert await reader.read() == b""
    assert site.served == 0
    assert not caplog.records


async def test_an_address_has_so_many_connections(tmp_path: Path) -> None:
    limits = replace(LIMITS, connections_per_address=2)
    async with serving(tmp_path, limits) as site:
        async with site.connected(), site.connected():
            with pytest.raises((ConnectionError, ssl.SSLError)):
                async with site.connected():
                    pass
        # Those that have ended count no more.
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(ConnectionError, ssl.SSLError):
                    assert (await site.ask())[0] == 200
                    break


async def test_beyond_so_many_connections_the_next_waits_for_what_is_answered(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, replace(LIMITS, connections=1)) as site:
        async with site.connected() as (reader, writer):
            writer.write(GET.replace(b"/", b"/slow", 1))
            await site.going_on.wait()
            waiting = asyncio.create_task(site.ask())
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            assert not done
            site.goes_on.set()
            assert (await read(reader))[0] == 200
        assert (await waiting)[0] == 200


async def test_who_only_waits_loses_its_place_the_one_that_has_waited_longest(
    tmp_path: Path,
) -> None:
    async with (
        serving(tmp_path, replace(LIMITS, connections=3)) as site,
        site.connected() as first,
        site.connected() as second,
        site.connected() as third,
    ):
        # The first has asked since: it is the second that has waited longest.
        for reader, writer in (third, first):
            writer.write(GET)
            await read(reader)
        assert (await site.ask())[0] == 200
        assert await second[0].read() == b""
        first[1].write(GET)
        assert (await read(first[0]))[0] == 200


@pytest.mark.parametrize("slow", [b"", b"GET / HTTP/1.1\r\nX: ", None], ids=["idle", "head", "tls"])
async def test_slow_connections_from_many_addresses_keep_nobody_out(
    tmp_path: Path, slow: bytes | None
) -> None:
    each, addresses = 4, [f"127.0.0.{number}" for number in range(2, 6)]
    limits = replace(LIMITS, connections=each * len(addresses), connections_per_address=each)
    async with serving(tmp_path, limits) as site, asyncio.timeout(PATIENCE):
        tls = None if slow is None else site.tls
        held = [
            await asyncio.open_connection("127.0.0.1", site.port, ssl=tls, local_addr=(address, 0))
            for address in addresses * each
        ]
        for _, writer in held:
            writer.write(slow or b"")
        # One that keeps asking beside them is never the one that goes.
        async with site.connected() as (reader, writer):
            for _ in range(5):
                writer.write(GET)
                assert (await read(reader))[0] == 200
                assert (await site.ask())[0] == 200
        for _, writer in held:
            writer.transport.abort()


async def test_a_new_certificate_counts_from_the_next_connection_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def shown(site: Site) -> bytes:
        async with site.connected() as (_, writer):
            found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            return found

    async with serving(tmp_path) as site:
        first = await shown(site)
        site.files.key.write_bytes(b"no key")
        assert [await shown(site), await shown(site)] == [first, first]
        site.files.key.unlink()
        assert await shown(site) == first
        assert [each.levelname for each in caplog.records] == ["ERROR", "ERROR"]
        site.files.certificate.unlink()
        pair(site.authority, site.files)
        assert await shown(site) != first


async def test_what_is_asked_when_it_stops_is_answered(tmp_path: Path) -> None:
    async with serving(tmp_path) as site:
        pass
    files = site.files
    server = HttpsServer(site.answer, LIMITS)
    site.port = await server.start("127.0.0.1", 0, HttpsContext(files))
    site.goes_on.clear()
    async with site.connected() as (reader, writer):
        writer.write(GET.replace(b"/", b"/slow", 1))
        await site.going_on.wait()
        stopping = asyncio.create_task(server.stop(PATIENCE))
        await asyncio.sleep(0.05)
        with pytest.raises(OSError, match=r".*"):
            await asyncio.open_connection("127.0.0.1", site.port)
        site.goes_on.set()
        assert (await read(reader))[0] == 200
        await stopping


async def test_a_port_that_is_taken_and_files_that_are_unfit_are_said(tmp_path: Path) -> None:
    async with serving(tmp_path) as site:
        with pytest.raises(PortError, match="another program has the port"):
            await HttpsServer(site.answer, LIMITS).start(
                "127.0.0.1", site.port, HttpsContext(site.files)
            )
    site.files.key.chmod(0o644)
    with pytest.raises(TlsError, match="chmod"):
        HttpsContext(site.files)
