"""Tables and details for people, and progress over many files.

* Cells are made safe here, one by one, and never read as markup.
* On a terminal a table has its width; in a pipe it is wide enough to be read by other tools.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from forewarn_client.cli import output
from forewarn_client.terminal import safe, safe_lines

_PIPED_WIDTH = 200
_FEW = 5


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Show rows under headings.

    Args:
        columns: The headings.
        rows: The rows, each as long as `columns`.
        empty: What is said where there is no row.
    """
    table = Table(*columns, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*(Text(safe(str(cell)), overflow="fold") for cell in row))
    if table.row_count:
        _console().print(table)
    else:
        output.say(empty)


def show_details(values: Any, indent: str = "") -> None:  # noqa: ANN401 - any plain value
    """Show a plain value as indented lines, one key a line."""
    for line in _lines(values, indent):
        output.say(line)


def progressing(items: Sequence[Any], what: str) -> Iterable[Any]:
    """Go through items, with a progress bar on a terminal where they are many."""
    console = Console(stderr=True)
    if output.wants_json() or len(items) < _FEW or not console.is_terminal:
        return items
    return track(items, what, console=console, transient=True)


def _console() -> Console:
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=False)
    return (
        console
        if console.is_terminal
        else Console(highlight=False, markup=False, emoji=False, width=_PIPED_WIDTH)
    )


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
