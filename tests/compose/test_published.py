"""Both logs of a real exchange over HTTPS, read by a stranger that knows only specifications."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import ssl
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import grpc
import pytest

from tests.world.live import (
    AURORA,
    CIVIL,
    HARBOR,
    READY_SECONDS,
    Live,
    alert,
    notice,
    refused,
    run,
)
from tests.world.stranger import Stranger

TILE = "application/octet-stream"
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """An exchange with more entries than a tile has."""
    live = Live.make(tmp_path_factory.mktemp("published"))
    live.init()
    live.publish("logs.exchange.example:443")
    live.init()
    live.serve()
    live.enrol(AURORA, CIVIL, HARBOR)
    with live.desk(AURORA) as lab, live.desk(CIVIL) as agency:
        lab.submit(notice(CIVIL))
        for _ in range(258):
            agency.submit(alert(CIVIL, HARBOR))
    yield live
    assert live.stop() == 0
    assert not (live.state / "run" / "log-listen").exists()


def stranger(live: Live, log: str = "ledger") -> closing[Stranger]:
    join = tomllib.loads((live.state / "exchange.toml").read_text())
    key = join["log_key" if log == "ledger" else "audit_log_key"]
    return closing(Stranger(live.log_address, f"/{log}", join["ca"].encode(), key))


def entries(live: Live) -> list[tuple[bytes, bytes]]:
    """What the log must not show: body and salt of each entry."""
    with closing(sqlite3.connect(live.state / "ledger.db")) as database:
        return database.execute("SELECT body, salt FROM entry ORDER BY idx").fetchall()


@pytest.mark.parametrize("log", ["ledger", "audit"])
def test_a_stranger_verifies_the_whole_log(exchange: Live, log: str) -> None:
    with stranger(exchange, log) as reading:
        read = reading.read()
    assert len(read.leaves) == read.size > 0
    assert log == "audit" or read.size == 263
    assert {leaf[:18] for leaf in read.leaves} == {b"forewarn/leaf/v1\n\0"}
    assert {len(leaf) for leaf in read.leaves} == {50}


def test_commitments_only(exchange: Live) -> None:
    with stranger(exchange) as reading:
        bundles = [reading.fetch("tile/entries/000"), reading.fetch("tile/entries/001.p/7")]
        read = reading.read()
    shown = b"".join(bundles)
    assert len(shown) == 263 * 52
    for (body, salt), leaf in zip(entries(exchange), read.leaves, strict=True):
        assert salt not in shown
        assert body[:16] not in shown
        assert sha256(body).digest() not in shown
        assert leaf[18:] in shown


def test_what_may_be_kept_and_for_how_long(exchange: Live) -> None:
    with stranger(exchange) as reading:
        checkpoint = reading.ask("checkpoint")
        assert checkpoint.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert checkpoint.headers["Cache-Control"] == "public, max-age=2"
        for path in ("tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/001.p/7"):
            got = reading.ask(path)
            assert (got.headers["Content-Type"], got.headers["Cache-Control"]) == (TILE, FOR_EVER)


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/entries/000"])
def test_a_head_is_an_answer_without_its_body(exchange: Live, path: str) -> None:
    with stranger(exchange) as reading:
        whole, head = reading.ask(path), reading.ask(path, "HEAD")
        assert (head.status, head.body) == (200, b"")
        ignored = {"Date"}
        assert {k: v for k, v in head.headers.items() if k not in ignored} == {
            k: v for k, v in whole.headers.items() if k not in ignored
        }
        assert head.headers["Content-Length"] == str(len(whole.body))


def test_partial_tiles_of_every_size_that_ever_was(exchange: Live) -> None:
    with stranger(exchange) as reading:
        full = reading.fetch("tile/0/000")
        assert len(full) == 8192
        for width in (1, 4, 100, 255):
            assert reading.fetch(f"tile/0/000.p/{width}") == full[: 32 * width]
        bundle = reading.fetch("tile/entries/000")
        assert reading.fetch("tile/entries/000.p/3") == bundle[: 52 * 3]


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001",
        "tile/0/001.p/8",
        "tile/0/002",
        "tile/0/002.p/1",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/63/000.p/1",
        "tile/entries/001",
        "tile/entries/001.p/8",
        "tile/entries/x009/x223/x372/x036/x854/x775/807",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/00/000",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/0/000?x=1",
        "tile/0/%30%30%30",
        "tile//0/000",
        "tile/0/../0/000",
        "checkpoint/",
        "Checkpoint",
        "",
    ],
)
def test_everything_else_is_not_there(exchange: Live, path: str) -> None:
    with stranger(exchange) as reading:
        got = reading.ask(path)
        assert (got.status, got.headers["Cache-Control"]) == (404, "no-store")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(exchange: Live, method: str) -> None:
    with stranger(exchange) as reading:
        got = reading.ask("checkpoint", method)
        assert (got.status, got.headers["Allow"]) == (405, "GET, HEAD")


def test_no_other_log_is_there(exchange: Live) -> None:
    with stranger(exchange, "other") as reading:
        assert reading.ask("checkpoint").status == 404


def test_nothing_below_tls_1_3(exchange: Live) -> None:
    tls = ssl.create_default_context(cadata=exchange.authority.bundle.decode())
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    host, _, port = exchange.log_address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=60) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        tls.wrap_socket(plain, server_hostname=host)


def test_members_are_told_where(exchange: Live) -> None:
    join = tomllib.loads((exchange.state / "exchange.toml").read_text())
    assert join["log_url"] == "https://logs.exchange.example/ledger"
    assert join["audit_log_url"] == "https://logs.exchange.example/audit"


def test_what_a_checkpoint_does_not_cover_is_not_there_yet(own: Live) -> None:
    own.init()
    own.publish()
    own.serve()
    with stranger(own) as reading:
        first = reading.read()
        assert first.size == 1
        assert reading.ask("tile/entries/000.p/2").status == 404
        own.enrol(AURORA)
        second = reading.read()
    assert second.size == 2
    assert second.leaves[:1] == first.leaves
    assert own.stop() == 0


def test_a_halted_ledger_is_still_shown(own: Live) -> None:
    own.init()
    own.publish()
    (stream,) = (own.state / "jetstream").glob("**/streams/LEDGER")
    shutil.copytree(stream, own.folder / "before")
    own.serve()
    own.enrol(AURORA, CIVIL)
    with stranger(own) as reading:
        before = reading.read()
    assert own.stop() == 0
    # The stream goes back to what it was: the gateway that is started takes nothing in any more.
    shutil.rmtree(stream)
    shutil.copytree(own.folder / "before", stream)
    own.start()
    own.address = eventually(own.state / "run" / "listen")
    with own.desk(AURORA) as lab, pytest.raises(grpc.RpcError) as error:
        lab.submit(notice(CIVIL))
    assert refused(error.value).reason == "LEDGER_NOT_PROVEN"
    with stranger(own) as reading:
        assert reading.read() == before
    assert own.stop() == 0


def eventually(path: Path) -> str:
    """Wait for a file, and read it."""
    end = time.monotonic() + READY_SECONDS
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    return path.read_text().strip()


def test_off_unless_an_address_is_configured(own: Live) -> None:
    own.init()
    own.serve()
    assert not (own.state / "run" / "log-listen").exists()
    assert "log_url" not in (own.state / "exchange.toml").read_text()
    assert own.stop() == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ('certificate = "only.pem"', "belong together"),
        ('certificate = "no.pem"\nkey = "no.key"', "cannot be read"),
    ],
)
def test_a_certificate_that_is_not_fit_is_said(own: Live, changed: str, said: str) -> None:
    own.init()
    config = own.state / "gateway.toml"
    text = config.read_text().partition("[log_http]")[0]
    config.write_text(f'{text}[log_http]\naddress = "127.0.0.1:0"\n{changed}\n')
    done = run("serve", "--state", str(own.state))
    assert done.returncode == 1
    assert said in done.stderr
