"""Text of unknown origin does not reach a terminal as anything but visible characters."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from forewarn_client.terminal import json_line, safe, safe_lines


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert safe("a\x1b[31mb\x9b2J\x7f") == "a\\x1b[31mb\\x9b2J\\x7f"
    assert safe("one\r\ntwo") == "one\\x0d\\x0atwo"
    assert safe("abc\u202edef\u2066\u200b\ufeff") == "abc\\u202edef\\u2066\\u200b\\ufeff"
    assert safe("\U000e0041\ud800") == "\\U000e0041\\ud800"


def test_what_is_plainly_visible_stays() -> None:
    assert safe("Ünïcode 漢字 🙂 — ok") == "Ünïcode 漢字 🙂 — ok"
    assert safe_lines("a\tb\r\nc\x1b") == "a    b\nc\\x1b"


@given(st.text(st.characters(), max_size=30))
def test_nothing_that_is_shown_is_a_control(text: str) -> None:
    shown = safe_lines(text).replace("\n", "")
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    line = json_line({"text": text})
    assert all(" " <= c <= "~" for c in line)
    assert json.loads(line) == {"text": text}
