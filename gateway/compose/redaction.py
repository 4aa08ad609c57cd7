"""Redaction: the last line of defence for what a log line says.

* Nothing secret is logged on purpose: lines hold ids and reasons. This is for the day on which a
  library, or a mistake, puts something else into one.
* Taken out: whatever follows `PRIVATE KEY` or begins as PEM, NATS seeds and credentials, handles of
  unreleased models, long runs of base64. Long hexadecimal is cut to a prefix that still names it.
* Paths, addresses, SPIFFE IDs and sentences stay as they are.

It cannot know a secret that looks like a word. It is no reason to log what came from outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_PREFIX: Final = 12

_PEM: Final = re.compile(r"-----BEGIN.*?(?:-----END[^-]*-----|\Z)", re.DOTALL)
_PRIVATE_KEY: Final = re.compile(r"PRIVATE KEY.*\Z", re.DOTALL | re.IGNORECASE)
# A seed is base32: `S`, the kind of its key, 56 more (nkeys, `EncodeSeed`).
_SEED: Final = re.compile(r"\bS[ACNOUX][A-Z2-7]{40,}")
_HANDLE: Final = re.compile(r"\bh-[a-z2-7]{16,}\b")
_HEX: Final = re.compile(r"\b[0-9a-fA-F]{40,}\b")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")

# One part of a path: capitals begin it, or make all of it.
_WORD: Final = re.compile(r"[A-Z]?[a-z0-9_-]*|[A-Z0-9_-]+")

_RULES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (_PEM, lambda _: "[redacted: PEM]"),
    (_PRIVATE_KEY, lambda _: "[redacted: a private key]"),
    (_SEED, lambda _: "[redacted: a seed]"),
    (_HANDLE, lambda _: "[redacted: a handle]"),
    (_HEX, lambda found: f"{found[0][:_PREFIX]}..."),
    (_BASE64, lambda found: "[redacted: base64]" if _encoded(found[0]) else found[0]),
)


def redacted(text: str) -> str:
    """Take out of a text what no log line may hold.

    Args:
        text: What was to be logged.

    Returns:
        The same without it.
    """
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


def _encoded(run: str) -> bool:
    """Tell a run of base64 from a path or a name of many parts."""
    if run.startswith("/") and all(map(_WORD.fullmatch, run.split("/"))):
        return False
    # Names here are of small letters, or of capitals.
    return any(map(str.isupper, run)) and any(map(str.islower, run))
