"""Checkpoints and notes: what parses encodes to the same bytes, or is refused for one reason."""

import base64
import contextlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.checkpoint import (
    Checkpoint,
    Note,
    NoteError,
    NoteReason,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    open_checkpoint,
    parse_note,
)
from gateway.core.note import MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES
from gateway.core.proof import EMPTY_ROOT, MAX_SIZE
from tests.vectors.files import Vector, load, name_of

ORIGIN = "exchange.example/ledger"

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(
    lambda name: "+" not in name and not any(char.isspace() or char < " " for char in name)
)
lines = st.text(st.characters(codec="utf-8", min_codepoint=0x20), max_size=30)
signatures = st.builds(
    NoteSignature,
    name=names,
    key_id=st.binary(min_size=4, max_size=4),
    signature=st.binary(min_size=1, max_size=80),
)
notes = st.builds(
    Note,
    text=st.lists(lines, min_size=1, max_size=5).map(lambda some: "\n".join([*some, ""]).encode()),
    signatures=st.lists(signatures, min_size=1, max_size=4).map(tuple),
)


def signer(name: str = ORIGIN) -> NoteSigner:
    return NoteSigner(name=name, key=Ed25519PrivateKey.generate())


@pytest.mark.parametrize("vector", load("note", "checkpoint"), ids=name_of)
def test_checkpoint_vectors(vector: Vector) -> None:
    arguments = vector["input"]
    encoded = arguments.get("note_base64")
    note = arguments["note"].encode() if encoded is None else base64.b64decode(encoded)
    verifiers = [NoteVerifier.parse(key) for key in arguments["verifiers"]]
    if vector["expect"] != "ok":
        with pytest.raises(NoteError) as refused:
            open_checkpoint(note, verifiers, arguments["origin"])
        assert refused.value.reason == NoteReason(vector["expect"])
        return
    checkpoint = open_checkpoint(note, verifiers, arguments["origin"])
    assert checkpoint.size == vector["output"]["size"]
    assert checkpoint.root.hex() == vector["output"]["root"]
    assert parse_note(note).encode() == note


@pytest.mark.parametrize("vector", load("note", "verifier-key"), ids=name_of)
def test_verifier_key_vectors(vector: Vector) -> None:
    key = vector["input"]["verifier_key"]
    if vector["expect"] != "ok":
        with pytest.raises(NoteError) as refused:
            NoteVerifier.parse(key)
        assert refused.value.reason == NoteReason(vector["expect"])
        return
    verifier = NoteVerifier.parse(key)
    assert verifier.name == vector["output"]["name"]
    assert verifier.key_id.hex() == vector["output"]["key_id"]
    assert verifier.public_key.hex() == vector["output"]["public_key"]


def test_what_a_log_signs_opens() -> None:
    log = signer()
    checkpoint = Checkpoint(origin=ORIGIN, size=5, root=bytes(32))
    note = Note(text=checkpoint.text(), signatures=(log.sign(checkpoint.text()),)).encode()
    assert open_checkpoint(note, [NoteVerifier.parse(log.verifier_key())], ORIGIN) == checkpoint


def test_signing_twice_gives_the_same_bytes() -> None:
    log, text = signer(), Checkpoint(origin=ORIGIN, size=5, root=bytes(32)).text()
    assert log.sign(text) == log.sign(text)


def test_a_signer_does_not_show_its_key() -> None:
    assert "key" not in repr(signer(name="a.example/b"))


@given(notes)
def test_a_note_is_its_bytes(note: Note) -> None:
    assert parse_note(note.encode()) == note


@given(notes, st.data())
def test_a_changed_note_is_refused_or_is_its_bytes(note: Note, data: st.DataObject) -> None:
    encoded = bytearray(note.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(encoded) - 1))
        encoded[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    with contextlib.suppress(NoteError):
        assert parse_note(bytes(encoded)).encode() == bytes(encoded)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_refused(junk: bytes) -> None:
    with contextlib.suppress(NoteError):
        assert parse_note(junk).encode() == junk
    with contextlib.suppress(NoteError):
        assert Checkpoint.parse(junk).text() == junk


@given(lines.filter(bool), st.integers(1, MAX_SIZE), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_its_text(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin=origin, size=size, root=root)
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@given(names, st.binary(min_size=32, max_size=32))
def test_a_verifier_key_is_its_string(name: str, public_key: bytes) -> None:
    verifier = NoteVerifier(name=name, public_key=public_key)
    assert NoteVerifier.parse(str(verifier)) == verifier


@given(st.text(max_size=80))
def test_any_string_is_a_verifier_key_or_refused(junk: str) -> None:
    with contextlib.suppress(NoteError):
        assert str(NoteVerifier.parse(junk)) == junk


@given(st.integers(0, 511))
def test_any_changed_bit_of_a_signature_is_refused(bit: int) -> None:
    log, text = signer(), Checkpoint(origin=ORIGIN, size=5, root=bytes(32)).text()
    good = log.sign(text)
    number = int.from_bytes(good.signature, "big") ^ (1 << bit)
    bad = NoteSignature(name=good.name, key_id=good.key_id, signature=number.to_bytes(64, "big"))
    with pytest.raises(NoteError) as refused:
        open_checkpoint(Note(text=text, signatures=(bad,)).encode(), [log.verifier()], ORIGIN)
    assert refused.value.reason == NoteReason.SIGNATURE_INVALID


def of(size: int = 1, root: bytes = bytes(32), origin: str = "a") -> Checkpoint:
    return Checkpoint(origin=origin, size=size, root=root)


def line(key_id: bytes = b"1234", signature: bytes = b"1") -> NoteSignature:
    return NoteSignature(name="a", key_id=key_id, signature=signature)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "no origin": (lambda: of(origin=""), "origin-malformed"),
    "two lines of origin": (lambda: of(origin="a\nb"), "origin-malformed"),
    "origin without UTF-8": (lambda: of(origin="\ud800"), "origin-malformed"),
    "negative size": (lambda: of(size=-1), "size-malformed"),
    "size too large": (lambda: of(size=MAX_SIZE + 1), "size-malformed"),
    "short root": (lambda: of(root=bytes(31)), "root-malformed"),
    "false empty root": (lambda: of(size=0), "root-malformed"),
    "space in name": (lambda: signer(name="a b"), "key-name-malformed"),
    "control in name": (lambda: signer(name="a\x00b"), "key-name-malformed"),
    "wide space in name": (lambda: signer(name="a\u2003b"), "key-name-malformed"),
    "text not ended": (lambda: signer().sign(b"not ended"), "final-newline-missing"),
    "short key id": (lambda: line(key_id=b"123"), "signature-line-malformed"),
    "no signature": (lambda: line(signature=b""), "signature-line-malformed"),
    "short key": (lambda: NoteVerifier(name="a", public_key=bytes(31)), "verifier-key-malformed"),
    "not signed": (lambda: Note(text=b"a\n", signatures=()), "signatures-missing"),
    "no text": (lambda: Note(text=b"", signatures=(line(),)), "final-newline-missing"),
    "101 signatures": (
        lambda: Note(text=b"a\n", signatures=(line(),) * (MAX_NOTE_SIGNATURES + 1)),
        "signatures-too-many",
    ),
    "large note": (lambda: parse_note(bytes(MAX_NOTE_BYTES + 1)), "note-too-large"),
}


@pytest.mark.parametrize("case", WRONG)
def test_nothing_wrong_can_be_made(case: str) -> None:
    make, reason = WRONG[case]
    with pytest.raises(NoteError) as refused:
        make()
    assert refused.value.reason == NoteReason(reason)


def test_every_reason_has_a_test() -> None:
    vectors = load("note", "checkpoint") + load("note", "verifier-key")
    shown = {vector["expect"] for vector in vectors} - {"ok"}
    assert shown | {"note-too-large"} == set(NoteReason)


def test_the_empty_tree_has_a_checkpoint() -> None:
    checkpoint = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
    assert checkpoint.text() == (
        b"exchange.example/ledger\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    )
