"""Folders that are shared, full, tampered with, or in use twice; names that mean harm."""

import errno
import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from forewarn.statement.v1.values_pb2 import Attachment
from forewarn_client import Lab, Patience, attachments, files
from forewarn_client.cursors import Cursor, CursorFile
from forewarn_client.directory_cache import DirectoryCache
from forewarn_client.errors import HomeError
from forewarn_client.filters import Filter
from forewarn_client.home import Home
from forewarn_client.verifier import Verifier
from tests.world.ledger_builder import party
from tests.world.paper_exchange import PaperExchange

LAB = party("aurora", "lab")
HASTE = Patience(budget=5.0, attempt=2.0)


def received(name: str, data: bytes = b"x") -> Attachment:
    return Attachment(file_name=name, size=len(data), sha256=sha256(data).digest(), data=data)


@pytest.mark.parametrize(
    "name",
    [
        "../../outside",
        "/etc/passwd",
        "..",
        ".bashrc",
        "-rf",
        "a\x1b[2Jb",
        "a\u202egpj.exe",
        "\u00e9" * 300 + ".json",
        "a." + "b" * 300,
        "." * 300,
        " ",
    ],
)
def test_a_name_leads_nowhere_and_fits(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for data in (b"x", b"y"):
        path = attachments.save(received(name, data), folder)
        assert path.parent == folder
        assert path.read_bytes() == data
        assert path.name[0] not in ".-"
        assert path.name.isprintable()
    assert {item.name for item in tmp_path.iterdir()} == {"folder"}
    assert len(list(folder.iterdir())) == 2


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder, precious = tmp_path / "folder", tmp_path / "precious"
    folder.mkdir()
    (folder / "a.txt").symlink_to(precious)
    assert attachments.save(received("a.txt"), folder) == folder / "a-2.txt"
    assert not precious.exists()
    precious.write_bytes(b"x")
    # Not even where the same bytes lie behind it: whoever made the link can change them.
    (folder / "b.txt").symlink_to(precious)
    assert attachments.save(received("b.txt"), folder) == folder / "b-2.txt"


def test_what_does_not_fit_on_the_disk_is_not_left_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            attachments.save(received("a.txt"), tmp_path)
        assert list(tmp_path.iterdir()) == []
    assert attachments.save(received("a.txt"), tmp_path).name == "a.txt"


def test_a_file_of_any_size_is_stated_by_its_digest_without_being_held(tmp_path: Path) -> None:
    large = tmp_path / "weights.bin"
    with large.open("wb") as file:
        file.truncate(3 * attachments.MOST_BYTES)
    made = attachments.attachment({"file": "weights.bin", "detached": True}, tmp_path)
    assert (made.size, made.data) == (3 * attachments.MOST_BYTES, b"")
    assert made.sha256 == sha256(large.read_bytes()).digest()
    with pytest.raises(ValueError, match="detached = true"):
        attachments.attachment({"file": "weights.bin"}, tmp_path)


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(HomeError, match="larger than"):
        files.read(Path("/dev/zero"))


def kept(folder: Path) -> CursorFile:
    return CursorFile(folder, "alerts", Filter().message())


def test_a_cursor_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with kept(tmp_path).held() as first:
        first.save(Cursor(token="t", after=3))
        with pytest.raises(HomeError, match="another process reads"), kept(tmp_path).held():
            pass
        # Another filter is another cursor.
        with CursorFile(tmp_path, "alerts", Filter(sender="civil-ai").message()).held():
            pass
    with kept(tmp_path).held() as again:
        assert again.load() == Cursor(token="t", after=3)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"after": 1}', b"[" * 10**5, b"\xff"])
def test_a_damaged_cursor_is_said_to_be(tmp_path: Path, damage: bytes) -> None:
    with kept(tmp_path).held() as file:
        file.save(Cursor(token="t", after=3))
    (path,) = (tmp_path / "cursors").glob("*.json")
    path.write_bytes(damage)
    with pytest.raises(HomeError, match="is damaged: remove it"):
        kept(tmp_path).load()


@pytest.mark.asyncio
async def test_what_pins_the_exchange_is_nobody_elses_to_change(tmp_path: Path) -> None:
    async with PaperExchange(folder=tmp_path) as paper:
        home = paper.home(LAB)
    for name in ("", "forewarn.toml", "ca.pem"):
        path = home.path / name
        mode = path.stat().st_mode
        for wrong in (0o020, 0o002):
            path.chmod(mode | wrong)
            with pytest.raises(HomeError, match="chmod go-w"):
                Home.load(home.path)
        path.chmod(mode)
    assert Home.load(home.path) == home


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("since", "said"),
    [(timedelta(hours=-3), "expired on .* signed again"), (timedelta(hours=1), "set the clock")],
)
async def test_a_certificate_that_is_not_valid_now_is_said_to_be(
    tmp_path: Path, since: timedelta, said: str
) -> None:
    async with PaperExchange(folder=tmp_path) as paper:
        home = paper.home(LAB)
    begins = datetime.now(UTC) + since
    chain, key = paper.authority.leaf(
        [home.system_id], not_before=begins, lifetime=timedelta(hours=2)
    )
    good = (home.path / "tls.crt").read_bytes()
    files.write(home.path / "tls.pem", key)
    with pytest.raises(HomeError, match=said):
        home.install_certificate(chain)
    assert (home.path / "tls.crt").read_bytes() == good
    (home.path / "tls.crt").write_bytes(chain)
    with pytest.raises(HomeError, match=said):
        home.tls()


@pytest.mark.asyncio
async def test_what_can_be_fetched_again_does_not_have_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_cache: DirectoryCache, *_: object) -> None:
        raise HomeError("it cannot be written: No space left on device")

    async with PaperExchange(folder=tmp_path) as paper:
        paper.ledger.enrol(LAB)
        home = paper.home(LAB)
        monkeypatch.setattr(DirectoryCache, "save", full)
        async with Lab.connect(home, patience=HASTE) as lab:
            assert set((await lab.directory()).members) == {"aurora", "exchange-registrar"}


@pytest.mark.asyncio
async def test_a_directory_on_disk_is_not_replaced_by_a_shorter_one(tmp_path: Path) -> None:
    async with PaperExchange(folder=tmp_path) as paper:
        paper.ledger.enrol(LAB)
        home = paper.home(LAB)
        async with Lab.connect(home, patience=HASTE) as slow:
            before = await slow.directory()
            paper.ledger.enrol(party("civil-ai", "agency"))
            async with Lab.connect(home, patience=HASTE) as quick:
                after = await quick.directory()
        assert after.size > before.size
        cache = DirectoryCache(home.state, Verifier(home.exchange))
        cache.save(before, paper.ledger.checkpoint(before.size))
    loaded = cache.load()
    assert loaded is not None
    assert (loaded.size, set(loaded.members)) == (after.size, set(after.members))


@pytest.mark.asyncio
@pytest.mark.parametrize("damage", [b"", b"\x00\x00\x00\x09ab", b"\xff" * 99])
async def test_a_damaged_directory_is_fetched_again(tmp_path: Path, damage: bytes) -> None:
    async with PaperExchange(folder=tmp_path) as paper:
        paper.ledger.enrol(LAB)
        home = paper.home(LAB)
        for _ in range(2):
            async with Lab.connect(home, patience=HASTE) as lab:
                assert "aurora" in (await lab.directory()).members
            (home.state / "directory.pages").write_bytes(damage)
