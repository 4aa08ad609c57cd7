"""What one call can make the gateway read: no more than it answers with, whatever is stored.

A ledger is filled with entries of which a reader may have few, and every way of listing them is
watched: what it gives, and how far it looks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.entry import EntrySummary
from gateway.core.fold import Entry
from gateway.core.identity import MemberId
from gateway.core.statements import Kind
from gateway.edge import filters
from gateway.edge.cases import Cases
from gateway.edge.filters import parse_filter
from gateway.edge.paging import Page, PageLimits, read_page
from gateway.ledger.reader import StoreReader
from gateway.ledger.snapshot import Snapshot
from gateway.ledger.store import Store
from gateway.ports.blocks import StreamMessage
from gateway.ports.reading import SignedHead
from gateway.wire.blocks import encode_block, encode_entry
from tests.edge.ledgers import START

ORIGIN = "exchange.example/ledger"
CASE = sha256(b"case").digest()
OPERATORS = 300
BANK = MemberId("bank-7")
EVERY_KIND = list(Kind)


def summary(body: bytes) -> EntrySummary:
    """Read `index sender audience kind tlp state`, which stands for an entry's body here."""
    name, sender, audience, kind, tlp, state = body.rstrip(b"-").decode().split(" ")
    opens = name == "case"
    return EntrySummary(
        digest=sha256(name.encode()).digest(),
        sender=sender,
        statement_id=name,
        kind=int(kind),
        case_digest=CASE if state else b"",
        protocol="alert" if opens else "",
        case_state=state,
        tlp=int(tlp),
        audience=tuple(name for name in audience.split(",") if name),
        directory=False,
        refers_to=(),
        received_time=START,
    )


class Filled:
    """A store whose bodies are counted as they are read."""

    def __init__(self, folder: Path, bodies: list[bytes]) -> None:
        path = folder / "ledger.db"
        Store.create(path, ORIGIN)
        store = Store.open(path, ORIGIN, summarize=summary)
        entries = [
            encode_entry(Entry(body=body, salt=bytes(32), judged_at=0, reads=(), writes=()))
            for body in bodies
        ]
        message = encode_block(entries, node="", sealed_time=START)
        store.fold(StreamMessage(sequence=1, message=message))
        store.close()
        self.reader = StoreReader(path, ORIGIN)
        self.current = SignedHead(note=b"note", size=len(bodies), root=bytes(32))
        self.size = len(bodies)

    def list(self, member: MemberId, **fields: Any) -> list[Page]:
        """List all pages under a filter."""
        request = pb.ListEntriesRequest(filter=pb.EntryFilter(**{"box": "BOX_ALL", **fields}))
        wanted = parse_filter(request)
        pages: list[Page] = []
        while not pages or pages[-1].more:
            start = pages[-1].position if pages else 0
            with self.reader.snapshot() as snapshot:
                end = wanted.end(snapshot, member, start, self.current)
                page = read_page(
                    wanted.fetch(snapshot, member, end),
                    start,
                    end=end,
                    reader=member,
                    head=self.current,
                    snapshot=snapshot,
                    limits=PageLimits(entries=100),
                )
            assert page.position > start
            pages.append(page)
        return pages


@pytest.fixture
def answered(tmp_path: Path) -> Iterator[Filled]:
    """An alert to many, each of whom has answered its sender alone; then it is cancelled."""
    banks = [f"bank-{number}" for number in range(OPERATORS)]
    bodies = [f"case civil-ai {','.join(banks)} 128 2 ISSUED".encode()]
    bodies += [f"ack-{bank} {bank} civil-ai 64 3 ISSUED".encode() for bank in banks]
    bodies += [f"end civil-ai {','.join(banks)} 130 2 CANCELLED".encode()]
    bodies += [b"late bank-9 civil-ai 131 3 CANCELLED" + b"-" * 500_000]
    filled = Filled(tmp_path, bodies)
    yield filled
    filled.reader.close()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The indexes of the entries whose bodies were read."""
    found: list[int] = []
    entries = Snapshot._entries

    def counted(self: Snapshot, where: str, *values: object) -> Any:
        rows = entries(self, where, *values)
        found.extend(row.index for row in rows)
        return rows

    entry = Snapshot._entry

    def counted_one(self: Snapshot, where: str, *values: object) -> Any:
        row = entry(self, where, *values)
        found.extend([row.index] if row is not None else [])
        return row

    monkeypatch.setattr(Snapshot, "_entries", counted)
    monkeypatch.setattr(Snapshot, "_entry", counted_one)
    return found


def test_a_case_of_thousands_costs_its_reader_what_it_may_read(
    answered: Filled, read: list[int]
) -> None:
    head: Any = answered
    cases = Cases(origin=ORIGIN, reader=answered.reader, head=head)

    view, one = cases.get(BANK, pb.GetCaseRequest(case_digest=CASE))
    many = cases.list(BANK, pb.ListCasesRequest())

    mine = [0, 8, OPERATORS + 1]
    assert [record.index for record in one.records.given_back()] == mine
    assert read == mine
    assert view == many.cases[0]
    assert (view.state, view.last_index) == ("CANCELLED", OPERATORS + 1)


def test_whoever_sent_the_alert_reads_all_of_it_once(answered: Filled, read: list[int]) -> None:
    head: Any = answered
    cases = Cases(origin=ORIGIN, reader=answered.reader, head=head)

    _, one = cases.get(MemberId("civil-ai"), pb.GetCaseRequest(case_digest=CASE))

    assert [record.index for record in one.records.given_back()] == list(range(answered.size))
    assert read == list(range(answered.size))


def test_an_entry_of_others_is_not_read_to_refuse_it(answered: Filled, read: list[int]) -> None:
    with answered.reader.snapshot() as snapshot:
        assert not snapshot.readable(answered.size - 1, BANK)
        assert snapshot.readable(answered.size - 1, "civil-ai")

    assert read == []


def test_what_matches_nothing_is_not_looked_for_to_the_end_in_one_call(
    answered: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "MAX_LOOKED", 50)
    agency = MemberId("civil-ai")

    nothing = answered.list(agency, kinds=[Kind.PRE_RELEASE_NOTICE])
    one = answered.list(agency, sender="bank-299")

    assert [page.records.given_back() for page in nothing] == [[]] * len(nothing)
    assert len(nothing) == 1 + OPERATORS // 50
    assert [record.index for page in one for record in page.records.given_back()] == [300]
    assert one[-1].position == nothing[-1].position == answered.size


def test_what_is_not_filtered_comes_in_full_pages(
    answered: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "MAX_LOOKED", 50)

    pages = answered.list(MemberId("civil-ai"))
    in_case = answered.list(MemberId("civil-ai"), case_digest=CASE, kinds=[64])

    assert [len(page.records) for page in pages] == [100, 100, 100, 3]
    assert sum(len(page.records) for page in in_case) == OPERATORS
    assert all(len(page.records) <= 50 for page in in_case)
