"""A published log made by hand: any leaves, any lie, in memory or in a folder.

Hashes come from the tree as RFC 6962 writes it down; nothing here is shared with gateway or client.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.rfc6962 import leaf_hash

ORIGIN = "exchange.example/ledger"


def leaf(number: int, kind: str = "entry") -> bytes:
    """Make a leaf as those of an exchange."""
    return b"forewarn/leaf/v1\n\0" + sha256(f"{kind} {number}".encode()).digest()


@cache
def leaves(count: int) -> tuple[bytes, ...]:
    return tuple(leaf(number) for number in range(count))


@dataclass(slots=True, kw_only=True)
class PaperLog:
    """A log that shows some leaves under a checkpoint that it signs.

    Attributes:
        held: Its leaves.
        answers: What it shows instead at some paths; None for nothing.
        beside: Lines of others below its signature.
        asked: What was asked.
    """

    held: list[bytes]
    origin: str = ORIGIN
    answers: dict[str, bytes | None] = field(default_factory=dict)
    beside: bytes = b""
    asked: list[str] = field(default_factory=list)
    key: Ed25519PrivateKey = field(
        default_factory=lambda: Ed25519PrivateKey.from_private_bytes(sha256(b"paper").digest())
    )

    @property
    def vkey(self) -> str:
        encoded = base64.b64encode(self._material).decode()
        return f"{self.origin}+{self._key_id.hex()}+{encoded}"

    def note(self, size: int | None = None, root: bytes | None = None) -> bytes:
        """Sign a checkpoint: of what it holds, or of whatever is said."""
        size = len(self.held) if size is None else size
        root = root or self.root(size)
        text = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        payload = base64.b64encode(self._key_id + self.key.sign(text.encode())).decode()
        return f"{text}\n\u2014 {self.origin} {payload}\n".encode()

    def root(self, size: int) -> bytes:
        return _root(tuple(self.held[:size]))

    def resource(self, path: str) -> bytes | None:
        """Give what is at a path; None where nothing is."""
        if path in self.answers:
            return self.answers[path]
        return self._files().get(path)

    async def fetch(self, path: str, most: int) -> bytes:
        """Fetch, as a source of the client does; `missing` is raised by whoever wraps it."""
        self.asked.append(path)
        found = self.resource(path)
        if found is None:
            raise FileNotFoundError(path)
        assert len(found) <= most
        return found

    def write(self, folder: Path) -> Path:
        """Write a copy of the log, as static files."""
        for path in self._files():
            content = self.resource(path)
            if content is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        return folder

    def _files(self) -> dict[str, bytes]:
        return {"checkpoint": self.note() + self.beside, **_tiles(tuple(self.held))}

    @property
    def _material(self) -> bytes:
        return b"\x01" + self.key.public_key().public_bytes_raw()

    @property
    def _key_id(self) -> bytes:
        return sha256(self.origin.encode() + b"\n" + self._material).digest()[:4]


@lru_cache(maxsize=8)
def _root(held: tuple[bytes, ...]) -> bytes:
    return _mth([leaf_hash(each) for each in held])


@lru_cache(maxsize=8)
def _tiles(held: tuple[bytes, ...]) -> dict[str, bytes]:
    """Make every bundle and tile."""
    files = dict(_named("entries", [len(each).to_bytes(2, "big") + each for each in held]))
    level, row = 0, [leaf_hash(each) for each in held]
    while row:
        files |= dict(_named(str(level), row))
        row = [_mth(row[at : at + 256]) for at in range(0, len(row) - 255, 256)]
        level += 1
    return files


def _named(kind: str, items: list[bytes]) -> Iterable[tuple[str, bytes]]:
    for n in range(-(-len(items) // 256)):
        held = items[n * 256 : (n + 1) * 256]
        partial = "" if len(held) == 256 else f".p/{len(held)}"
        above, last = divmod(n, 1000)
        number = f"x{above:03}/{last:03}" if above else f"{last:03}"
        yield f"tile/{kind}/{number}{partial}", b"".join(held)


def _mth(hashes: list[bytes]) -> bytes:
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return sha256(b"\x01" + _mth(hashes[:k]) + _mth(hashes[k:])).digest()
