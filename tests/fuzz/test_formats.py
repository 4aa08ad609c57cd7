"""Any bytes for the parsers of both sides: what does not hold is refused in the format's own way.

* Gateway and client are two implementations; where both read a format, they have to agree.
* Whatever comes, nothing else is raised than what each says it raises.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from cryptography import x509
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forewarn.exchange.v1 import ledger_pb2
from forewarn.statement.v1 import header_pb2
from forewarn_client import merkle as client_merkle
from forewarn_client import note as client_note
from forewarn_client import strict as client_strict
from forewarn_client.dsse import Envelope as ClientEnvelope
from forewarn_client.errors import VerificationError
from forewarn_client.identity import certificate_system
from forewarn_client.receipt import Receipt
from gateway.core import fold
from gateway.core.checkpoint import Checkpoint, Note, NoteError, NoteSigner, open_checkpoint
from gateway.core.envelope import digest
from gateway.core.errors import Refusal
from gateway.core.identity import peer_system
from gateway.core.note import parse_note
from gateway.core.proof import ProofError, verify_consistency, verify_inclusion
from gateway.core.statements import Kind
from gateway.wire import strict
from gateway.wire.blocks import decode_block, encode_block, encode_entry
from gateway.wire.entries import header_of, parse_envelope, summarize
from gateway.wire.statements import body_type
from gateway.wire.statements import parse as parse_statement
from tests.fuzz.shapes import messages, spoiled
from tests.vectors.rfc6962 import Tree, numbered
from tests.world.actors import ORIGIN, make_key
from tests.world.budget import examples
from tests.world.samples import NOON
from tests.world.world import World

LOG = NoteSigner(name=ORIGIN, key=make_key("log"))
ROOT = bytes(range(32))
TEXT = Checkpoint(origin=ORIGIN, size=1234, root=ROOT).text()
NOTE = Note(text=TEXT, signatures=(LOG.sign(TEXT),)).encode()
CLIENT_KEY = client_note.VerifierKey.parse(LOG.verifier_key())


def _draft() -> tuple[bytes, bytes, bytes]:
    with World() as world:
        draft = world.aurora.notice(world.civil)
        recorded = world.submit(draft)
        return draft.envelope, draft.payload, recorded.body.SerializeToString(deterministic=True)


ENVELOPE, PAYLOAD, BODY = _draft()
ENTRY = fold.Entry(body=BODY, salt=bytes(32), judged_at=0, reads=("a",), writes=("a", "b"))
BLOCK = encode_block([encode_entry(ENTRY)] * 2, node="node-a", sealed_time=NOON)

hashes = st.lists(st.binary(min_size=30, max_size=33) | st.just(bytes(32)), max_size=70)
sizes = st.integers(-2, 40) | st.integers(2**62, 2**64)


@settings(max_examples=examples(150))
@given(spoiled(NOTE) | st.binary(max_size=200))
@example(NOTE)
def test_any_note(note: bytes) -> None:
    gateways = clients = None
    with contextlib.suppress(NoteError):
        assert parse_note(note).encode() == note
        gateways = open_checkpoint(note, [LOG.verifier()], ORIGIN)
    with contextlib.suppress(VerificationError):
        parsed = client_note.parse_note(note)
        lines = "".join(
            f"\u2014 {line.name} {client_note.to_base64(line.key_id + line.signature)}\n"
            for line in parsed.signatures
        )
        assert parsed.text + b"\n" + lines.encode() == note
        clients = client_note.open_checkpoint(note, [CLIENT_KEY], ORIGIN)
    assert (gateways is None) == (clients is None)
    if gateways is not None and clients is not None:
        assert (gateways.size, gateways.root) == (clients.size, clients.root) == (1234, ROOT)


@settings(max_examples=examples(150))
@given(st.binary(min_size=31, max_size=33), sizes, sizes, hashes, st.binary(max_size=32))
def test_any_inclusion_proof(
    leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes
) -> None:
    held = []
    with contextlib.suppress(ProofError):
        verify_inclusion(leaf, index, size, proof, root)
        held.append("gateway")
    with contextlib.suppress(VerificationError):
        client_merkle.verify_inclusion(leaf, index, size, proof, root)
        held.append("client")
    # Made up: only a tree of one leaf, whose root is the leaf, needs no luck.
    assert held in ([], ["gateway", "client"])
    assert not held or (index, size, proof, root) == (0, 1, [], leaf)


@settings(max_examples=examples(150))
@given(sizes, st.binary(min_size=32, max_size=32), sizes, st.binary(max_size=33), hashes)
def test_any_consistency_proof(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: list[bytes]
) -> None:
    held = []
    with contextlib.suppress(ProofError):
        verify_consistency(old, old_root, new, new_root, proof)
        held.append("gateway")
    with contextlib.suppress(VerificationError):
        client_merkle.verify_consistency(old, old_root, new, new_root, proof)
        held.append("client")
    assert held in ([], ["gateway", "client"])
    assert not held or old in (0, new)


TREE = Tree(numbered)


@st.composite
def consistency(draw: st.DrawFn) -> tuple[Any, ...]:
    """Take a proof that holds, and change one thing of it: a bit, a hash, a size, a root."""
    new = draw(st.integers(2, 200))
    old = draw(st.integers(1, new - 1))
    proof = list(TREE.proof(old, new))
    roots = [TREE.root(old), TREE.root(new)]
    at = draw(st.integers(0, len(proof) - 1))
    match draw(st.sampled_from(["bit", "root bit", "less", "more", "twice", "roots", "sizes"])):
        case "bit":
            proof[at] = _flipped(proof[at], draw(st.integers(0, 255)))
        case "root bit":
            which = draw(st.integers(0, 1))
            roots[which] = _flipped(roots[which], draw(st.integers(0, 255)))
        case "less":
            del proof[at]
        case "more":
            proof.insert(at, draw(st.sampled_from([bytes(32), *roots])))
        case "twice":
            proof.insert(at, proof[at])
        case "roots":
            roots.reverse()
        case _:
            old, new = draw(st.sampled_from([(new, old), (old, new * 2), (old * 2 + 1, new)]))
    return old, roots[0], new, roots[1], proof


def _flipped(item: bytes, bit: int) -> bytes:
    return (int.from_bytes(item, "big") ^ 1 << bit).to_bytes(len(item), "big")


@settings(max_examples=examples(150))
@given(consistency())
def test_a_changed_consistency_proof_holds_for_nobody(changed: tuple[Any, ...]) -> None:
    with pytest.raises(ProofError):
        verify_consistency(*changed)
    with pytest.raises(VerificationError):
        client_merkle.verify_consistency(*changed)


@settings(max_examples=examples(100))
@given(st.integers(1, 400), st.integers(1, 400))
def test_a_consistency_proof_by_the_definition_holds_for_both(one: int, other: int) -> None:
    old, new = sorted((one, other))
    sound = (old, TREE.root(old), new, TREE.root(new), TREE.proof(old, new))
    verify_consistency(*sound)
    client_merkle.verify_consistency(*sound)


@settings(max_examples=examples(150))
@given(spoiled(BLOCK) | st.binary(max_size=200), st.integers(0, 10))
def test_any_block_is_folded(block: bytes, size: int) -> None:
    """The fold is total: no bytes in the stream stop it, and the same bytes give the same."""
    entries = decode_block(block)
    folded = fold.fold(entries, size, {"a": 3}.get)
    assert folded == fold.fold(decode_block(block), size, {"a": 3}.get)
    assert len(folded.outcomes) == len(entries)
    for entry in entries:
        if entry is not None:
            summarize(entry.body)


@settings(max_examples=examples(150))
@given(
    spoiled(BODY)
    | st.binary(max_size=100)
    | messages(ledger_pb2.EntryBody).map(lambda made: made.SerializeToString())
)
def test_any_entry_body_is_summarized_or_opaque(body: bytes) -> None:
    summarize(body)
    header_of(body)


@settings(max_examples=examples(150))
@given(spoiled(ENVELOPE) | st.binary(max_size=100))
@example(ENVELOPE)
def test_any_envelope(data: bytes) -> None:
    gateways = clients = None
    with contextlib.suppress(Refusal):
        envelope = parse_envelope(data)
        gateways = digest(envelope.payload)
    with contextlib.suppress(VerificationError):
        clients = ClientEnvelope.parse(data).digest
    assert gateways == clients


RULES = {"FIELD_MISSING", "FIELD_INVALID", "FIELD_TOO_LONG", "ENUM_UNKNOWN"}


@settings(max_examples=examples(150))
@given(st.data())
def test_any_message_is_strict_on_both_sides(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([None, *Kind]))
    form: Any = header_pb2.Header if kind is None else body_type(kind) or header_pb2.Statement
    made = data.draw(messages(form)).SerializeToString(deterministic=True)
    made = data.draw(st.just(made) | spoiled(made))
    said = [verdict(strict.parse, form, made, "it"), verdict(client_strict.parse, form, made, "it")]
    # Where several rules are broken, either side may name another one first.
    assert said[0] == said[1] or {*said} <= RULES


def verdict(parse: Any, *arguments: Any) -> str:
    """Say what a parser says: the reason of its refusal, or nothing."""
    try:
        parse(*arguments)
    except Refusal as refusal:
        return str(refusal.reason)
    except client_strict.StrictError as error:
        return str(error.reason)
    return ""


@settings(max_examples=examples(150))
@given(spoiled(PAYLOAD) | st.binary(max_size=100))
def test_any_payload(payload: bytes) -> None:
    with contextlib.suppress(Refusal):
        parse_statement(payload)


@settings(max_examples=examples(100))
@given(
    st.binary(max_size=100)
    | st.text(max_size=100).map(str.encode)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["format", "digest", "entry", "directory"]), inner)
        ),
    ).map(lambda document: json.dumps(document).encode())
)
@example(b'{"format":"forewarn-receipt/v1","digest":"","entry":{},"directory":[]}')
@example(b"[" * 100_000)
def test_any_receipt(data: bytes) -> None:
    with contextlib.suppress(VerificationError):
        Receipt.decode(data)


@settings(max_examples=examples(60))
@given(st.data())
def test_any_certificate(certificate: bytes, data: st.DataObject) -> None:
    made = data.draw(spoiled(certificate))
    gateways = clients = ""
    with contextlib.suppress(Refusal):
        gateways = str(peer_system(made, "exchange.example"))
    with contextlib.suppress(VerificationError, ValueError):
        clients = str(certificate_system(x509.load_der_x509_certificate(made), "exchange.example"))
    assert gateways == clients
