"""Enum values in the short words that people write and read.

* The short word of `NOTICE_TYPE_NEW_MODEL` is `new_model`; any case and `-` for `_` are read.
* Traffic-light levels are written as their standard writes them: `AMBER+STRICT`.
* UNSPECIFIED is no word: what is not stated is left out.
"""

from difflib import get_close_matches
from functools import cache
from typing import Final

from google.protobuf.descriptor import EnumDescriptor

_UNSPECIFIED: Final = "UNSPECIFIED"
_LIGHTS: Final = {"TlpLevel": "TLP:", "PapLevel": "PAP:"}
_MANY: Final = 20


def read_word(enum: EnumDescriptor, value: object) -> int:
    """Read a short word.

    Args:
        enum: The enum.
        value: The word, or the full name of an enum value.

    Returns:
        Its number.

    Raises:
        ValueError: It is no word of the enum; the text lists the words or names the nearest.
    """
    known = words(enum)
    if not isinstance(value, str):
        raise ValueError(f"is not a word; write one of {listed(enum)}")  # noqa: TRY004 - one error type
    plain = value.upper().removeprefix(_LIGHTS.get(enum.name, "")).removeprefix(_prefix(enum))
    for character in "+- ":
        plain = plain.replace(character, "_")
    for number, word in known.items():
        if plain == word.upper().replace("+", "_"):
            return number
    near = get_close_matches(plain.lower(), [word.lower() for word in known.values()], n=1)
    hint = f"did you mean {near[0]}?" if near else f"write one of {listed(enum)}"
    raise ValueError(f"is not a value of {enum.name}; {hint}")


def write_word(enum: EnumDescriptor, number: int) -> str:
    """Write the short word of a number; the number itself where the enum names none."""
    return words(enum).get(number, "unspecified" if number == 0 else str(number))


def listed(enum: EnumDescriptor) -> str:
    """List the words of an enum in one line, the first ones where there are very many."""
    known = list(words(enum).values())
    more = ", ..." if len(known) > _MANY else ""
    return ", ".join(known[:_MANY]) + more


@cache
def words(enum: EnumDescriptor) -> dict[int, str]:
    """Map the numbers of an enum to their short words."""
    prefix = _prefix(enum)
    short = {value.number: value.name.removeprefix(prefix) for value in enum.values}
    if enum.name in _LIGHTS:
        return {number: word.replace("_", "+") for number, word in short.items() if number}
    return {number: word.lower() for number, word in short.items() if number}


def _prefix(enum: EnumDescriptor) -> str:
    return enum.values_by_number[0].name.removesuffix(_UNSPECIFIED)
