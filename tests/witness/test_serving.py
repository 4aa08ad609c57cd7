"""The witness as it is run: the real command, over HTTP and TLS, killed and started again."""

import asyncio
import gzip
import hashlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from certs.authority import SERVER_AUTH, Authority
from forewarn_client import cosignature, note
from forewarn_witness import serving as served
from forewarn_witness.serving import Tls, serve
from tests.witness.logs import ORIGIN, PaperLog

NAME = "witness.example/w1"
COMMAND = [str(Path(sys.executable).with_name("forewarn")), "witness"]


def run(*arguments: str, expected: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [*COMMAND, *arguments, "--json"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == expected, done.stderr
    found = json.loads(done.stdout if expected == 0 else done.stderr)
    assert isinstance(found, dict)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    url: str
    process: subprocess.Popen[str]


@contextmanager
def serving(state: Path, *options: str) -> Iterator[Running]:
    process = subprocess.Popen(
        [*COMMAND, "serve", "--state", str(state), "--json", "--listen", "127.0.0.1:0", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Running(url=json.loads(process.stdout.readline())["serving"], process=process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {0, -signal.SIGKILL}
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def log() -> PaperLog:
    return PaperLog()


@pytest.fixture
def state(tmp_path: Path, log: PaperLog) -> Path:
    run("init", "--state", str(tmp_path / "w"), "--name", NAME, "--log", log.key)
    return tmp_path / "w"


def keys(state: Path) -> list[cosignature.WitnessKey]:
    found = run("show", "--state", str(state))["verifier_keys"]
    return [cosignature.WitnessKey.parse(key) for key in found]


def test_what_was_cosigned_outlives_a_kill(state: Path, log: PaperLog) -> None:
    log.grow(7)
    with serving(state) as witness:
        answer = httpx.post(f"{witness.url}/add-checkpoint", content=log.request(0), timeout=30)
        assert answer.status_code == 200
        now = cosignature.cosigned(log.note() + answer.content, keys(state))[NAME]
        assert abs(now - time.time()) < 60
        witness.process.kill()
    with serving(state) as witness:
        answer = httpx.post(f"{witness.url}/add-checkpoint", content=log.request(0), timeout=30)
        assert (answer.status_code, answer.content) == (409, b"7\n")
        assert answer.headers["Content-Type"] == "text/x.tlog.size"
        fork = PaperLog(signer=log.signer)
        fork.grow(7, salt=b"fork")
        bad = httpx.post(f"{witness.url}/add-checkpoint", content=fork.request(7), timeout=30)
        assert bad.status_code == 422
        # A stranger has a checkpoint of the log, and not its proof.
        log.grow(1)
        wrong = log.request(7, proof=[bytes(32)])
        guess = httpx.post(f"{witness.url}/add-checkpoint", content=wrong, timeout=30)
        assert guess.status_code == 422
    shown = run("show", "--state", str(state))
    (cosigned,) = shown["logs"]
    assert (cosigned["origin"], cosigned["size"]) == (ORIGIN, 7)
    assert cosigned["root"] == log.root(7).hex()
    with serving(state) as witness:
        place = f"{witness.url}/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
        newest = httpx.get(place)
        assert newest.headers["Content-Type"] == "text/plain; charset=utf-8"
        # As it was cosigned then: the log's own signature, and one of each of the witness's keys.
        assert newest.content.startswith(log.note(7))
        assert newest.content.count(b"\xe2\x80\x94") == 3
        opened = note.open_checkpoint(newest.content, [note.VerifierKey.parse(log.key)], ORIGIN)
        assert opened.size == 7
        assert cosignature.cosigned(newest.content, keys(state))[NAME] == now
        assert httpx.get(place.replace("checkpoint", "other")).status_code == 404
        assert httpx.get(f"{witness.url}/{'0' * 64}/checkpoint").status_code == 404
    told = {each["request"].encode(): each["proves_fork"] for each in shown["evidence"]}
    assert told == {fork.request(7): True, wrong: False}


def certificate(folder: Path) -> tuple[Tls, ssl.SSLContext]:
    """Make a certificate for loopback, and what trusts it."""
    authority = Authority.create(folder / "ca", trust_domain="witness.example")
    chain, key = authority.leaf([], ips=("127.0.0.1",), usages=(SERVER_AUTH,))
    (folder / "w.crt").write_bytes(chain)
    (folder / "w.key").write_bytes(key)
    (folder / "ca.pem").write_bytes(authority.bundle)
    tls = Tls(certificate=folder / "w.crt", key=folder / "w.key")
    return tls, ssl.create_default_context(cafile=folder / "ca.pem")


def test_nothing_else_is_served(state: Path) -> None:
    with serving(state) as witness:
        assert httpx.get(f"{witness.url}/add-checkpoint").status_code == 405
        assert httpx.get(f"{witness.url}/").status_code == 404
        assert httpx.post(f"{witness.url}/add-checkpoint/", content=b"").status_code == 404
        large = httpx.post(f"{witness.url}/add-checkpoint", content=b"x" * (300 << 10))
        assert large.status_code == 413
        nothing = httpx.post(f"{witness.url}/add-checkpoint", content=b"")
        assert nothing.status_code == 400


def test_tls_only_beyond_loopback(state: Path, tmp_path: Path, log: PaperLog) -> None:
    refused = run("serve", "--state", str(state), "--listen", "0.0.0.0:0", expected=1)
    assert "--tls-cert" in json.dumps(refused)
    _, trust = certificate(tmp_path)
    options = ("--tls-cert", str(tmp_path / "w.crt"), "--tls-key", str(tmp_path / "w.key"))
    with serving(state, *options) as witness:
        assert witness.url.startswith("https://")
        log.grow(1)
        with httpx.Client(verify=trust) as client:
            answer = client.post(f"{witness.url}/add-checkpoint", content=log.request(0))
        assert answer.status_code == 200


@asynccontextmanager
async def bounded(tls: Tls | None, *clients: ssl.SSLContext) -> AsyncIterator[list[bytes]]:
    """Serve, and connect one caller after the other; give what each is told without asking."""
    stop, bound = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(
            web.Application(), host="127.0.0.1", port=0, tls=tls, stop=stop, ready=bound.set_result
        )
    )
    async with asyncio.timeout(20), AsyncExitStack() as stack:
        port = int((await bound).rpartition(":")[2])
        told: list[bytes] = []
        trust = clients[0] if clients else None
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
            stack.callback(writer.close)
            # Who is let in is answered; who is not is cut off.
            writer.write(b"GET / HTTP/1.1\r\nHost: w\r\n\r\n")
            try:
                told.append(await reader.read(12))
            except ConnectionError:
                told.append(b"")
        yield told
        stop.set()
        await task


@pytest.mark.asyncio
async def test_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_MOST_CONNECTIONS", 2)
    async with bounded(None) as told:
        assert told == [b"HTTP/1.1 404", b"HTTP/1.1 404", b""]


@pytest.mark.asyncio
async def test_so_many_connections_from_one_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "_MOST_FROM_ADDRESS", 2)
    tls, trust = certificate(tmp_path)
    async with bounded(tls, trust) as told:
        assert told == [b"HTTP/1.1 404", b"HTTP/1.1 404", b""]


def test_nothing_is_unpacked(state: Path) -> None:
    with serving(state) as witness:
        packed = httpx.post(
            f"{witness.url}/add-checkpoint",
            content=gzip.compress(b"\0" * (8 << 20)),
            headers={"Content-Encoding": "gzip"},
        )
        assert packed.status_code == 400


def test_a_folder_is_begun_once_and_keys_are_kept_from_others(state: Path) -> None:
    again = run("init", "--state", str(state), "--name", NAME, expected=1)
    assert "not empty" in json.dumps(again)
    assert {path.stat().st_mode & 0o077 for path in state.iterdir()} == {0}
    (state / "ed25519.pem").chmod(0o644)
    assert "chmod 600" in json.dumps(run("show", "--state", str(state), expected=1))


def test_a_lost_record_is_not_begun_anew(state: Path) -> None:
    os.unlink(state / "cosigned.db")  # noqa: PTH108 - as an accident would
    refused = run("serve", "--state", str(state), expected=1)
    assert "restore it" in json.dumps(refused)


def test_a_log_is_added(state: Path) -> None:
    other = PaperLog()
    run("add-log", other.key, "--state", str(state))
    run("add-log", other.key, "--state", str(state))
    assert (state / "witness.toml").read_text().count(other.key) == 1
    assert "LOG_KEY_MALFORMED" in json.dumps(
        run("add-log", "nonsense", "--state", str(state), expected=5)
    )
