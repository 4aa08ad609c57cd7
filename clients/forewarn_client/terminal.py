r"""Text made fit to be shown.

* `safe` leaves nothing in a text that a terminal would obey, or that would show it in another order
  than it is written: control, format, private-use and unassigned characters become visible
  escapes, as in `\x1b`.
* `json_line` is ASCII: what it writes can be piped and shown anywhere.

It does not lay anything out.
"""

import json
import unicodedata
from typing import Final

_UNSAFE: Final = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
_BYTE: Final = 0x100
_BASIC_PLANE: Final = 0x10000


def safe(text: str) -> str:
    """Make a text of unknown origin safe to show on a terminal, in one line."""
    return "".join(_visible(character) for character in text)


def safe_lines(text: str) -> str:
    """Make a text safe like `safe`, but keep its line breaks, and show tabs as spaces."""
    lines = text.replace("\r\n", "\n").replace("\t", "    ").split("\n")
    return "\n".join(safe(line) for line in lines)


def json_line(value: object) -> str:
    """Write a value as one line of JSON in ASCII."""
    # The one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    code = ord(character)
    if code < _BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _BASIC_PLANE else f"\\U{code:08x}"
