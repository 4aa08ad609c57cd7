"""Names that a sender makes up: statement ids, grant ids and handles.

* A statement id or grant id is a UUIDv7 (RFC 9562) in its canonical lower-case form.
* A handle is `h-` and 26 characters of base32 that hold 128 random bits. It says nothing about the
  model that it stands for, and is used for one recipient only.
"""

import base64
import re
import secrets
from typing import Final

from uuid6 import uuid7

_HANDLE: Final = re.compile(r"h-[a-z2-7]{26}", re.ASCII)
_UUID7: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)


def new_handle() -> str:
    """Make a new handle."""
    return "h-" + base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def new_uuid7() -> str:
    """Make a new UUIDv7, for a statement or a grant."""
    return str(uuid7())


def is_handle(text: str) -> bool:
    """Tell whether a text is a handle."""
    return _HANDLE.fullmatch(text) is not None


def is_uuid7(text: str) -> bool:
    """Tell whether a text is a UUIDv7 in canonical form."""
    return _UUID7.fullmatch(text) is not None
