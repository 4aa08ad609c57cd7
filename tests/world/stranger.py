"""A stranger that reads a log over HTTPS with nothing but the specifications in hand.

Written from C2SP tlog-tiles, tlog-checkpoint and signed-note and from RFC 6962, in their order of
words, with the standard library and an Ed25519 primitive. It shares no code with gateway or client.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import time
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A whole log that was read and found consistent in itself."""

    checkpoint: bytes
    size: int
    root: bytes
    leaves: list[bytes] = field(repr=False)


class Stranger:
    """Reads one log."""

    def __init__(self, address: str, prefix: str, authorities: bytes, log_key: str) -> None:
        host, _, port = address.rpartition(":")
        self._tls = ssl.create_default_context(cadata=authorities.decode())
        self._connection = http.client.HTTPSConnection(
            host, int(port), context=self._tls, timeout=60
        )
        self._prefix = prefix
        self.origin, _, encoded = log_key.split("+", 2)
        material = base64.b64decode(encoded)
        assert material[0] == 1, "Ed25519"
        self._key = Ed25519PublicKey.from_public_bytes(material[1:])
        self._key_id = sha256(self.origin.encode() + b"\n" + material).digest()[:4]

    def close(self) -> None:
        self._connection.close()

    def ask(self, path: str, method: str = "GET") -> Got:
        """Ask for something below the log's prefix."""
        self._connection.request(method, f"{self._prefix}/{path}")
        response = self._connection.getresponse()
        return Got(status=response.status, headers=dict(response.headers), body=response.read())

    def fetch(self, path: str) -> bytes:
        got = self.ask(path)
        while got.status == 429:
            time.sleep(int(got.headers["Retry-After"]))
            got = self.ask(path)
        assert got.status == 200, (path, got)
        return got.body

    def checkpoint(self) -> tuple[bytes, int, bytes]:
        """Fetch and verify the checkpoint; give it with its size and root."""
        note = self.fetch("checkpoint")
        text, _, lines = note.decode().rpartition("\n\n")
        text += "\n"
        verified = False
        for line in lines.splitlines():
            dash, name, encoded = line.split(" ")
            payload = base64.b64decode(encoded)
            assert dash == "\u2014"
            if (name, payload[:4]) == (self.origin, self._key_id):
                self._key.verify(payload[4:], text.encode())
                verified = True
        assert verified
        origin, size, root = text.splitlines()
        assert origin == self.origin
        return note, int(size), base64.b64decode(root)

    def read(self) -> Read:
        """Read the whole log, every tile of every level, and hash it again."""
        note, size, root = self.checkpoint()
        leaves: list[bytes] = []
        for n, width in _tiles(size):
            bundle = self.fetch(f"tile/entries/{_number(n)}{_partial(width)}")
            for _ in range(width):
                length = int.from_bytes(bundle[:2], "big")
                leaves.append(bundle[2 : 2 + length])
                bundle = bundle[2 + length :]
            assert not bundle
        hashes = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
        level, row = 0, hashes
        while row:
            for n, width in _tiles(len(row)):
                tile = self.fetch(f"tile/{level}/{_number(n)}{_partial(width)}")
                assert tile == b"".join(row[n * 256 : n * 256 + width])
            row = [_mth(row[at : at + 256]) for at in range(0, len(row) - 255, 256)]
            level += 1
        assert _mth(hashes) == root
        return Read(checkpoint=note, size=size, root=root, leaves=leaves)


def _mth(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, over leaf hashes."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return sha256(b"\x01" + _mth(hashes[:k]) + _mth(hashes[k:])).digest()


def _tiles(count: int) -> list[tuple[int, int]]:
    full, partial = divmod(count, 256)
    return [(n, 256) for n in range(full)] + ([(full, partial)] if partial else [])


def _partial(width: int) -> str:
    return "" if width == 256 else f".p/{width}"


def _number(n: int) -> str:
    digits = str(n).rjust(-(-len(str(n)) // 3) * 3, "0")
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
