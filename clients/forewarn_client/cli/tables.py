"""Tables and details for people, and progress over many files.

* Cells are made safe here, one by one.
* A row is a line; on a terminal with room for it, a long last cell goes on below itself.
"""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import click
from rich.cells import cell_len

from forewarn_client.cli import output
from forewarn_client.terminal import safe, safe_lines

_GAP: Final = "  "
_NARROWEST: Final = 20
_FEW: Final = 5


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Show rows under headings.

    Args:
        columns: The headings.
        rows: The rows, each as long as `columns`.
        empty: What is said where there is no row.
    """
    cells = [[safe(str(cell)) for cell in row] for row in rows]
    if not cells:
        output.say(empty)
        return
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    room = _room(widths)
    output.say(click.style(_line(columns, widths), bold=True))
    for *row, last in cells:
        first, *more = (textwrap.wrap(last, room) if room else [last]) or [""]
        output.say(_line([*row, first], widths))
        for rest in more:
            output.say(" " * (sum(widths[:-1]) + len(_GAP) * len(row)) + rest)


def _room(widths: Sequence[int]) -> int:
    """Tell how wide the last column may be; 0 for as wide as it likes.

    Only it is broken, and only on a terminal: what names something stays in one piece, to be
    copied. Where a terminal is too narrow for that, it breaks lines itself.
    """
    if not sys.stdout.isatty():
        return 0
    taken = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    left = shutil.get_terminal_size().columns - taken
    return left if _NARROWEST <= left < widths[-1] else 0


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()


def show_details(values: Any, indent: str = "") -> None:  # noqa: ANN401 - any plain value
    """Show a plain value as indented lines, one key a line."""
    for line in _lines(values, indent):
        output.say(line)


def progressing(items: Sequence[Any], what: str) -> Iterable[Any]:
    """Go through items, with a progress bar on a terminal where they are many."""
    if output.wants_json() or len(items) < _FEW or not sys.stderr.isatty():
        return items
    # Loaded late: it takes longer than most commands.
    from rich.console import Console  # noqa: PLC0415 - loaded late
    from rich.progress import track  # noqa: PLC0415 - loaded late

    return track(items, what, console=Console(stderr=True), transient=True)


def _lines(value: Any, indent: str) -> Iterator[str]:  # noqa: ANN401 - any plain value
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list) and item:
                yield f"{indent}{safe(str(key))}:"
                yield from _lines(item, indent + "  ")
            elif item not in ({}, [], "", None):
                first, *more = safe_lines(str(_word(item))).split("\n")
                yield f"{indent}{safe(str(key))}: {first}"
                yield from (f"{indent}  {line}" for line in more)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                first, *more = [*_lines(item, ""), ""][:-1] or [""]
                yield f"{indent}- {first}"
                yield from (f"{indent}  {line}" for line in more)
            else:
                yield f"{indent}- {safe(str(_word(item)))}"


def _word(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
