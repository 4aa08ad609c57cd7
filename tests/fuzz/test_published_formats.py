"""Any bytes for what strangers read: names of tiles, bundles of entries, proofs, evidence, records.

Whatever comes, each parser gives a value that is written as the same bytes again, or refuses in its
own way; where gateway and client both read a format, they agree.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from forewarn_client import note
from forewarn_client.bundle import Bundle, Link
from forewarn_client.errors import HomeError, VerificationError
from forewarn_client.published.progress import VERIFIED, Progress
from forewarn_client.published.rehash import Edge
from forewarn_client.published.seen import FILE, Seen
from forewarn_client.published.tiles import MOST_BYTES, Tile, leaves_of
from forewarn_client.records import Evidence
from forewarn_client.tlog_proof import TlogProof
from gateway.core import tiled
from tests.fuzz.shapes import spoiled
from tests.world.budget import examples
from tests.world.ledger_builder import Ledger, party
from tests.world.paper_log import PaperLog, leaves


def _bundle() -> Bundle:
    ledger = Ledger()
    ledger.enrol(party("aurora", "lab"))
    record, first = ledger.record(1), ledger.record(0, 1)
    return Bundle(
        chain=(Evidence.of_record(first, ledger.checkpoint(1)),),
        entry=Evidence.of_record(record, ledger.checkpoint()),
        links=(Link(old=1, new=2, hashes=ledger.consistency(1, 2)),),
    )


BUNDLE = _bundle().encode()
PROOF = TlogProof.of(_bundle().entry).encode()
ENTRIES = tiled.bundle(leaves(7))
LOG = PaperLog(held=list(leaves(300)))
KEY = note.VerifierKey.parse(LOG.vkey)


@settings(max_examples=examples(150))
@given(spoiled(PROOF) | st.binary(max_size=200))
@example(PROOF)
def test_any_proof(data: bytes) -> None:
    with contextlib.suppress(VerificationError):
        proof = TlogProof.parse(data)
        assert proof.encode() == data
        proof.opened()


@settings(max_examples=examples(150))
@given(spoiled(BUNDLE) | st.binary(max_size=200))
@example(BUNDLE)
@example(b"forewarn/evidence-bundle@v1\nparts 9999 links 0\npart 9223372036854775807\n")
def test_any_evidence_bundle(data: bytes) -> None:
    with contextlib.suppress(VerificationError):
        bundle = Bundle.parse(data)
        assert bundle.encode() == data
        bundle.sizes()


@settings(max_examples=examples(150))
@given(spoiled(b"tile/0/x001/x234/067.p/17") | spoiled(b"tile/entries/000"))
def test_any_name_of_a_tile(data: bytes) -> None:
    path = data.decode("latin-1")
    found = tiled.TileName.parse(path)
    clients = None
    with contextlib.suppress(VerificationError):
        clients = Tile.parse(path)
        assert clients.path == path
    assert (found is None) == (clients is None)
    if found is not None and clients is not None:
        assert (found.level, found.n, found.width) == (
            clients.level,
            clients.number,
            clients.width,
        )


@settings(max_examples=examples(150))
@given(spoiled(ENTRIES) | st.binary(max_size=400), st.integers(1, 256))
@example(ENTRIES, 7)
def test_any_bundle_of_entries(data: bytes, width: int) -> None:
    with contextlib.suppress(VerificationError):
        found = leaves_of(Tile(level=None, number=0, width=width), data)
        assert tiled.bundle(found) == data
        assert len(data) <= MOST_BYTES


def _lines() -> bytes:
    notes = [LOG.note(size) for size in (1, 2, 300)]
    return b"".join(json.dumps({"note": data.decode()}).encode() + b"\n" for data in notes)


@settings(max_examples=examples(60), deadline=None)
@given(spoiled(_lines()) | st.binary(max_size=100))
@example(_lines())
def test_any_record_of_checkpoints(data: bytes) -> None:
    with TemporaryDirectory() as folder, contextlib.suppress(HomeError):
        (Path(folder) / FILE).write_bytes(data)
        seen = Seen.load(Path(folder), KEY)
        assert len(seen.order) <= data.count(b"\n")
        for size, root in seen.roots.items():
            with contextlib.suppress(HomeError):
                assert seen.signed(size, root).root == root


def _progress() -> bytes:
    edge = Edge()
    list(edge.add([bytes([n % 256]) * 32 for n in range(300)]))
    with TemporaryDirectory() as folder:
        Progress(folder=Path(folder), log_key=LOG.vkey).save(VERIFIED, edge, 3)
        return (Path(folder) / VERIFIED).read_bytes()


@settings(max_examples=examples(60), deadline=None)
@given(spoiled(_progress()) | st.binary(max_size=100))
def test_any_record_of_progress(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / VERIFIED).write_bytes(data)
        reached = Progress(folder=Path(folder), log_key=LOG.vkey).load(VERIFIED)
        # Whatever is loaded is the edge of a tree, whole in itself.
        again = Edge.of(reached.edge.size, reached.edge.rows)
        assert again.root() == reached.edge.root()
