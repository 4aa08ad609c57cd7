"""Whatever comes in, a parser gives a value that writes back the same, or refuses."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn.exchange.v1 import envelope_pb2, exchange_service_pb2
from forewarn_client import dsse, merkle, note
from forewarn_client.cursors import Cursor, CursorFile
from forewarn_client.errors import HomeError, RequestError, VerificationError
from forewarn_client.identity import SystemName
from forewarn_client.receipt import Receipt
from tests.vectors.rfc6962 import Tree, numbered
from tests.world.ledger_builder import Ledger

LEDGER = Ledger()
NOTE = LEDGER.checkpoint()
KEYS = [note.VerifierKey.parse(LEDGER.log_vkey)]


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_a_note_is_its_text_and_its_lines(data: bytes) -> None:
    try:
        parsed = note.parse_note(data)
    except VerificationError:
        return
    assert data.startswith(parsed.text + b"\n\xe2\x80\x94 ")


@given(st.integers(0, len(NOTE) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_changed_note_is_never_another_checkpoint(at: int, put: bytes, drop: int) -> None:
    good = note.open_checkpoint(NOTE, KEYS, LEDGER.origin)
    changed = NOTE[:at] + put + NOTE[at + drop :]
    try:
        assert note.open_checkpoint(changed, KEYS, LEDGER.origin) == good
    except VerificationError:
        assert changed != NOTE


@given(st.text(max_size=200).map(str.encode) | st.binary(max_size=200))
def test_a_checkpoint_has_one_form(text: bytes) -> None:
    try:
        parsed = note.parse_checkpoint(text)
    except VerificationError:
        return
    assert text.startswith(f"{parsed.origin}\n{parsed.size}\n".encode())


TREE = Tree(numbered)


@given(st.integers(1, 300), st.data())
def test_a_proof_holds_for_its_own_leaf_and_index_only(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    proof, root = TREE.path(index, size), TREE.root(size)
    merkle.verify_inclusion(numbered(index), index, size, proof, root)
    if other != index:
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(numbered(other), index, size, proof, root)
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(numbered(index), other, size, proof, root)


@given(st.integers(-2, 9), st.integers(-2, 9), st.lists(st.binary(max_size=33), max_size=5))
def test_a_junk_proof_is_refused(index: int, size: int, proof: list[bytes]) -> None:
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(bytes(32), index, size, proof, bytes(31) + b"\x01")


@given(st.binary(max_size=300))
def test_a_junk_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(VerificationError):
        dsse.Envelope.parse(data)


@given(st.binary(max_size=50), st.lists(st.tuples(st.binary(max_size=70), st.text(max_size=70))))
def test_an_envelope_is_taken_as_it_is_or_refused(
    payload: bytes, signatures: list[tuple[bytes, str]]
) -> None:
    message = envelope_pb2.Envelope(payload=payload, payload_type=dsse.PAYLOAD_TYPE)
    for sig, keyid in signatures:
        try:
            message.signatures.add(sig=sig, keyid=keyid)
        except UnicodeEncodeError:
            return
    with pytest.raises(VerificationError):
        dsse.Envelope.parse(message.SerializeToString()).verify({})


@given(st.binary(max_size=100))
def test_a_junk_key_is_refused(spki: bytes) -> None:
    with pytest.raises(VerificationError):
        dsse.PublicKey.load(spki)


@given(st.text() | st.from_regex(r"spiffe://[a-z.]{1,9}/lab/[a-z-]{1,9}/[a-z-]{1,9}"))
def test_a_name_writes_back_the_same(uri: str) -> None:
    try:
        name = SystemName.parse(uri)
    except VerificationError:
        return
    assert str(name) == uri


@given(st.text(max_size=40), st.integers(-1, 2**63))
def test_a_cursor_writes_back_the_same(token: str, after: int) -> None:
    cursor = Cursor(token=token, after=after)
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["x", "~", "1", "x~y", "-2~", "1.5~", "\u0661~"])
def test_a_junk_cursor_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        Cursor.parse(text)


def test_a_damaged_kept_cursor_says_what_to_do(tmp_path: Path) -> None:
    kept = CursorFile(tmp_path, "inbox", exchange_service_pb2.EntryFilter())
    assert kept.load() == Cursor()
    kept.save(Cursor(token="7", after=6))
    assert kept.load() == Cursor(token="7", after=6)
    other = CursorFile(tmp_path, "inbox", exchange_service_pb2.EntryFilter(sender="aurora"))
    assert other.load() == Cursor()
    (path,) = (tmp_path / "cursors").iterdir()
    for junk in (b"", b"[]", b"{}", b'{"token": "", "after": "x"}', b"\xff"):
        path.write_bytes(junk)
        with pytest.raises(HomeError, match="remove it"):
            kept.load()
    with pytest.raises(RequestError):
        CursorFile(tmp_path, "../x", exchange_service_pb2.EntryFilter())


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), st.lists).map(repr).map(str.encode)
)
def test_a_junk_receipt_is_refused(data: bytes) -> None:
    with pytest.raises(VerificationError):
        Receipt.decode(data)
