"""Settings: tables of a TOML file as dataclasses, read and written by one rule.

* A table is a frozen dataclass; a key is a field of it, made by `setting` with a comment and, for
  a number, its unit and bounds. A default is the field's own. Nothing else has to be written to
  add one.
* What may stand there follows from the field's type: bool, int, float, str, a StrEnum for a choice,
  Path, Address, tuple[str, ...]; Path or Address `| None` where "" means none.
* A key that is not known is refused, with the nearest ones that are: a misspelt limit is not a
  default. So is a value of another type or out of range, with its unit and range.
* What is written holds every key, each with its comment, and reads back equal.

It knows no table: those are in `config`.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints

from gateway.compose.address import Address
from gateway.compose.state import SetupError

_KEY: Final = "setting"

_Table = TypeVar("_Table")


def setting(
    comment: str, *, unit: str = "", least: float | None = None, most: float | None = None
) -> Mapping[str, Any]:
    """Describe a key or a table, as the metadata of its field.

    Args:
        comment: What it decides: whole sentences, one line each.
        unit: What a number counts, as in `bytes`.
        least: The smallest number allowed.
        most: The largest.

    Returns:
        The metadata.
    """
    return {_KEY: _Described(comment=comment, unit=unit, least=least, most=most)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Described:
    comment: str
    unit: str
    least: float | None
    most: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A key of a table.

    Attributes:
        table: Name of the table.
        key: Its own name.
        kind: Type of its value.
        optional: Whether "" means none.
        default: Its default; `MISSING` where it has to be written.
        comment: What it decides.
        unit: What a number counts; empty for what is none.
        least: The smallest number allowed.
        most: The largest.
    """

    table: str
    key: str
    kind: Any
    optional: bool
    default: Any
    comment: str
    unit: str
    least: float | None
    most: float | None

    @property
    def name(self) -> str:
        """Its name in full, as in `limits.calls`."""
        return f"{self.table}.{self.key}"

    @property
    def allowed(self) -> str:
        """What may stand there, in words."""
        if isinstance(self.kind, type) and issubclass(self.kind, StrEnum):
            return f"one of {', '.join(json.dumps(str(each)) for each in self.kind)}"
        number = f"of {self.unit} from {_shown(self.least)} to {_shown(self.most)}"
        words = {
            bool: "true or false",
            int: f"a whole number {number}",
            float: f"a number {number}",
            str: "a text in quotes",
            tuple[str, ...]: "a list of texts in quotes",
            Path: f"a path in quotes{self._or_none}",
            Address: f'host:port in quotes, as in "127.0.0.1:8443"{self._or_none}',
        }
        return words[self.kind]

    @property
    def _or_none(self) -> str:
        return ', or "" for none' if self.optional else ""

    def read(self, value: object, folder: Path) -> Any:  # noqa: ANN401 - the field's type decides
        """Take a value from the file.

        Args:
            value: As TOML gives it.
            folder: From where relative paths lead.

        Returns:
            The field's value.

        Raises:
            SetupError: It is of another type, or out of range.
        """
        try:
            return self._parsed(value, folder)
        except (ValueError, TypeError, OverflowError):
            raise SetupError(f"{self.name} is {_brief(value)}: give {self.allowed}") from None

    def _parsed(self, value: object, folder: Path) -> Any:  # noqa: ANN401, PLR0911 - one for each type
        if self.kind is float and type(value) in {int, float}:
            return self._within(float(value))  # type: ignore[arg-type] # one of the two
        if self.kind in {int, bool} and type(value) is self.kind:
            return value if self.kind is bool else self._within(value)
        if self.kind == tuple[str, ...] and isinstance(value, list):
            return tuple(_text(each) for each in value)
        if self.optional and value == "":
            return None
        if self.kind is str and value == "" == self.default:
            return ""
        text = _text(value)
        if self.kind is Path:
            return folder / text
        if self.kind is Address:
            return _address(text)
        if self.kind is str:
            return text
        if isinstance(self.kind, type) and issubclass(self.kind, StrEnum):
            return self.kind(text)
        raise TypeError

    def _within(self, value: Any) -> Any:  # noqa: ANN401 - int or float
        # Written so that NaN, which is neither less nor more, is refused.
        if not (
            (self.least is None or self.least <= value)
            and (self.most is None or value <= self.most)
        ):
            raise ValueError
        return value

    def rendered(self, value: object) -> str:
        """Give a value as the file holds it."""
        if value is None:
            return '""'
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | float):
            return str(value)
        if isinstance(value, tuple):
            return f"[{', '.join(_quote(each) for each in value)}]"
        return _quote(value)

    def plain(self, value: object) -> Any:  # noqa: ANN401 - what JSON holds
        """Give a value as JSON holds it."""
        if value is None or isinstance(value, bool | int | float):
            return value
        return list(value) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the file.

    Attributes:
        name: Its name.
        comment: What it decides.
        made: The dataclass that holds it.
        settings: Its keys.
    """

    name: str
    comment: str
    made: type[Any]
    settings: tuple[Setting, ...]


def tables_of(made: type[Any]) -> Iterator[Table]:
    """Give the tables of a file.

    Args:
        made: A dataclass whose fields are tables, each described by `setting`.
    """
    hints = get_type_hints(made)
    for each in fields(made):
        table = hints[each.name]
        keys = get_type_hints(table)
        yield Table(
            name=each.name,
            comment=_described(each).comment,
            made=table,
            settings=tuple(_setting(each.name, one, keys[one.name]) for one in fields(table)),
        )


def read_tables(made: type[_Table], document: Mapping[str, Any], folder: Path) -> _Table:
    """Read a file.

    Args:
        made: A dataclass whose fields are tables.
        document: What TOML gives.
        folder: From where relative paths lead.

    Returns:
        The tables.

    Raises:
        SetupError: It says something that is not understood; the text says what would be.
    """
    tables = {table.name: table for table in tables_of(made)}
    _refuse_unknown("the file", document, tables, "[{}]")
    return made(**{name: _read_table(table, document, folder) for name, table in tables.items()})


def render_tables(tables: object) -> str:
    """Write the tables of a file, every key with its comment.

    Args:
        tables: What `read_tables` gives.

    Returns:
        TOML, without what stands above the tables.
    """
    return "\n".join(
        "\n".join(_rendered(table, getattr(tables, table.name)))
        for table in tables_of(type(tables))
    )


def _read_table(table: Table, document: Mapping[str, Any], folder: Path) -> object:
    said = document.get(table.name, {})
    if not isinstance(said, dict):
        raise SetupError(f"{table.name} is not a table: write [{table.name}]")
    _refuse_unknown(f"[{table.name}]", said, {each.key: each for each in table.settings}, "{}")
    values = {}
    for each in table.settings:
        if each.key in said:
            values[each.key] = each.read(said[each.key], folder)
        elif each.default is MISSING:
            raise SetupError(f"{each.name} is missing: give {each.allowed}")
    try:
        return table.made(**values)
    except ValueError as error:
        # What a table says of several keys together.
        raise SetupError(f"[{table.name}]: {error}") from None


def _refuse_unknown(
    where: str, said: Mapping[str, Any], known: Mapping[str, Any], shown: str
) -> None:
    for key in said:
        if key not in known:
            near = get_close_matches(key, known, n=2)
            hint = f"did you mean {' or '.join(shown.format(each) for each in near)}?"
            names = ", ".join(shown.format(each) for each in known)
            raise SetupError(
                f"{key} is not known in {where}; {f'{hint} ' if near else ''}known are {names}"
            )


def _rendered(table: Table, values: object) -> Iterator[str]:
    for line in table.comment.splitlines():
        yield f"# {line}"
    yield f"[{table.name}]"
    for each in table.settings:
        for line in each.comment.splitlines():
            yield f"# {line}"
        if each.kind in {int, float}:
            yield f"# In {each.unit}, from {_shown(each.least)} to {_shown(each.most)}" + (
                "." if each.default is MISSING else f"; by default {each.rendered(each.default)}."
            )
        elif isinstance(each.kind, type) and issubclass(each.kind, StrEnum):
            yield f"# {each.allowed[0].upper()}{each.allowed[1:]}."
        elif each.optional:
            yield '# "" for none.'
        yield f"{each.key} = {each.rendered(getattr(values, each.key))}"
    yield ""


def _setting(table: str, each: Field[Any], hint: Any) -> Setting:  # noqa: ANN401 - a type, or a union
    described = _described(each)
    optional = isinstance(hint, types.UnionType)
    kinds = [kind for kind in hint.__args__ if kind is not type(None)] if optional else [hint]
    made = each.default_factory
    return Setting(
        table=table,
        key=each.name,
        kind=kinds[0],
        optional=optional,
        default=each.default if made is MISSING else made(),
        comment=described.comment,
        unit=described.unit,
        least=described.least,
        most=described.most,
    )


def _described(each: Field[Any]) -> _Described:
    found = each.metadata[_KEY]
    assert isinstance(found, _Described)  # noqa: S101 - `setting` alone makes it
    return found


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except SetupError as error:
        raise ValueError(str(error)) from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise TypeError
    return value


def _shown(number: float | None) -> str:
    return "any" if number is None else f"{number:,}"


def _brief(value: object) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = json.dumps(value) if isinstance(value, str | bool) else str(value)
    most = 60
    return text if len(text) <= most else f"{text[:most]}..."


def _quote(value: object) -> str:
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped too.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
