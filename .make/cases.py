"""Write the case tables as a page for people, or say whether that page is stale.

* `gateway.core.tables` holds the rows that the gateway judges by; `cases.py` writes them to
  `gateway/docs/cases.md`, and `cases.py --check` writes nothing and exits 1 when they differ.
* Rows stand in the tables' order; states in the order of their enum.

It explains nothing that is not in the tables: `gateway/docs/vocabulary.md` does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterable
from enum import StrEnum
from pathlib import Path

from gateway.core.identity import MemberKind
from gateway.core.statements import Kind
from gateway.core.tables import OPENINGS, TABLES, Opening, Protocol, Refers, Role, Row, State, Then

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "gateway" / "docs" / "cases.md"

HEAD = """\
# Cases

<!-- Written by .make/cases.py from gateway/core/tables.py. Change the tables, then run it. -->

A case is opened by a statement and named by that statement's digest. Each row says who may send
which statement, in which states, and what the state is then. What no row allows is refused.

- *Refers to*: what `refers_to` has to name; empty where the row asks for nothing. Whatever a
  statement refers to, its sender has to be able to read.
- *Queues*: whether the statement waits for others of the same case. Where it does not, any number
  can be recorded at once.
- In a grant case the roles come from the newest offer: its grantee, its cosigners, and the lab that
  sent it, the grantor. While there is only an application, the applicant is the grantee. What the
  terms ask for besides (versions, cosignatures, expiry) is in `gateway/core/grants.py`.
- A coverage request goes to one agency and refers to a notice that this agency has from the same
  lab. A determination after a reconsideration says whether it is upheld or changed
  (`gateway/core/coverage.py`). No row of another case reads a determination: it neither permits nor
  forbids a release.
"""


def page() -> str:
    """Write the page.

    Returns:
        Its text, in Markdown.
    """
    return "\n".join([HEAD, *(section(protocol) for protocol in Protocol)])


def section(protocol: Protocol) -> str:
    """Write the two tables of one protocol, and where its cases end."""
    openers = [(kind, o) for kind, o in OPENINGS.items() if o.protocol is protocol]
    rows = TABLES[protocol]
    return "\n".join(
        [
            f"## {protocol.capitalize()}",
            "",
            *table(("opened by", "from", "to", "state then"), (opened(*each) for each in openers)),
            "",
            *table(
                ("statement", "by", "in states", "state then", "refers to", "queues"),
                (follows(row) for row in rows),
            ),
            "",
            ends(rows, [opening for _, opening in openers]),
            "",
        ]
    )


def table(head: Collection[str], rows: Iterable[Collection[str]]) -> list[str]:
    """Write a table, line by line."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def opened(kind: Kind, opening: Opening) -> tuple[str, ...]:
    """Write the row of a kind that opens a case."""
    return (
        named(kind, "initial" if kind is Kind.BREACH_REPORT else ""),
        in_order(MemberKind, opening.senders),
        in_order(MemberKind, opening.recipients),
        opening.to,
    )


def follows(row: Row) -> tuple[str, ...]:
    """Write the row of a kind that belongs in a case."""
    reports = ", ".join(report.name.lower() for report in sorted(row.reports))
    return (
        named(row.kind, reports),
        in_order(Role, row.by),
        in_order(State, row.states),
        row.to,
        "" if row.refers is Refers.ANYTHING else row.refers,
        "yes" if row.alone else "no",
    )


def named(kind: Kind, which: str) -> str:
    """Name a kind as the protos name its messages, and which of its reports is meant."""
    name = "".join(word.capitalize() for word in kind.name.split("_"))
    return f"`{name}` {which}".rstrip()


def in_order(enum: type[StrEnum], members: Collection[StrEnum]) -> str:
    """List members of an enum in its own order."""
    return ", ".join(member for member in enum if member in members)


def ends(rows: Iterable[Row], openings: Iterable[Opening]) -> str:
    """Say in which states nothing more is sent, and in which nothing moves the case."""
    rows = tuple(rows)
    reached = {opening.to for opening in openings}
    reached |= {row.to for row in rows if isinstance(row.to, State)}
    sent_in = {state for row in rows for state in row.states}
    moved_from = {state for row in rows if row.to is not Then.UNCHANGED for state in row.states}
    silent = in_order(State, reached - sent_in)
    still = in_order(State, (reached & sent_in) - moved_from)
    said = []
    if silent:
        said.append(f"Nothing more is sent in: {silent}.")
    if still:
        said.append(f"Statements are still sent, but none moves the case, in: {still}.")
    return " ".join(said) or "Every state can still be left."


def main() -> int:
    """Write or check, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check: bool = parser.parse_args().check
    fresh = page()
    stale = not PAGE.is_file() or PAGE.read_text("utf-8") != fresh
    if stale and not check:
        PAGE.write_text(fresh, "utf-8")
    if stale:
        said = "is stale: run .venv/bin/python .make/cases.py" if check else "was stale"
        print(f"{PAGE.relative_to(ROOT)} {said}")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
