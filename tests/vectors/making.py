"""What every maker of vectors needs: the shape of a vector, and made-up keys."""

import base64
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.files import Vector


def accepted(recipe: str, called: str, why: str, given: Vector, /, **output: Any) -> Vector:
    """Make a vector whose input is good."""
    made = {"name": called, "why": why, "recipe": recipe, "input": given, "expect": "ok"}
    return made | {"output": output} if output else made


def refused(recipe: str, called: str, why: str, given: Vector, reason: str) -> Vector:
    """Make a vector whose input is refused."""
    return {"name": called, "why": why, "recipe": recipe, "input": given, "expect": reason}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def flip(data: bytes, at: int = 0) -> bytes:
    """Change one bit of one byte."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def known_key(label: str) -> Ed25519PrivateKey:
    """Derive a key that everybody knows, so that the files are the same each time."""
    seed = sha256(b"forewarn vector key, known to all: " + label.encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)
