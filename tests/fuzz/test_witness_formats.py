"""Any bytes for what logs, witnesses and those who trust them exchange.

* A request to a witness, a witness's key, a policy: what parses is written as the same bytes again,
  or is refused; gateway and client come to the same verdict.
* Whatever a witness is asked or answers, nothing is cosigned or taken that does not hold.
"""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from forewarn_client import cosignature as client_cosignature
from forewarn_client import note, witness_policy
from forewarn_client.errors import VerificationError
from forewarn_witness.cosigning import Cosigner
from forewarn_witness.judging import Witness
from forewarn_witness.record import Record
from forewarn_witness.request import AddCheckpoint, MalformedError
from gateway.core.cosignature import CosignatureKey
from gateway.core.note import NoteError, parse_note
from gateway.core.witness_policy import PolicyError, WitnessPolicy
from gateway.core.witness_policy import Witness as PolicyWitness
from gateway.ledger.witness_calls import NotCosignedError, cosignature, request
from tests.fuzz.shapes import spoiled
from tests.witness.logs import ORIGIN, PaperLog
from tests.world.budget import examples

NOW = 1_790_000_000
LOG = PaperLog()
LOG.grow(300)
NOTE = LOG.note()
TEXT = note.parse_note(NOTE).text
REQUEST = request(200, tuple(LOG.consistency(200, 300)), NOTE)
COSIGNERS = [
    Cosigner(name="witness.example/w1", key=Ed25519PrivateKey.generate()),
    Cosigner(name="witness.example/w2", key=MLDSA44PrivateKey.generate()),
]
LINES = [each.cosign(TEXT, NOW) for each in COSIGNERS]
KEYS = [str(each.verifier) for each in COSIGNERS]
POLICY = (
    f"witness w1 {KEYS[0]} https://w1.example/\nwitness w2 {KEYS[1]}\ngroup g 1 w1 w2\nquorum g\n"
)


def written(asked: AddCheckpoint) -> bytes:
    """Write a request again, from what was parsed."""
    lines = [f"old {asked.old}", *map(note.to_base64, asked.proof)]
    head = "".join(f"{line}\n" for line in lines).encode() + b"\n"
    signatures = "".join(
        f"\u2014 {line.name} {note.to_base64(line.key_id + line.signature)}\n"
        for line in asked.parsed.signatures
    )
    return head + asked.parsed.text + b"\n" + signatures.encode()


@settings(max_examples=examples(150))
@given(spoiled(REQUEST) | st.binary(max_size=200))
@example(REQUEST)
def test_any_request_is_written_the_same_again(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        asked = AddCheckpoint.parse(data)
        assert written(asked) == data
        assert data.endswith(asked.signed)


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> tuple[Witness, Record]:
    """A witness that has cosigned the log at 200."""
    path: Path = tmp_path_factory.mktemp("witness") / "cosigned.db"
    record = Record.create(path)
    keys = {ORIGIN: [note.VerifierKey.parse(LOG.key)]}
    made = Witness(logs=keys, cosigners=COSIGNERS, record=record)
    assert made.add_checkpoint(LOG.request(0, 200), NOW).status == 200
    return made, record


@settings(max_examples=examples(150), deadline=None)
@given(data=spoiled(REQUEST) | st.binary(max_size=200))
def test_any_request_is_answered_and_none_but_a_sound_one_cosigned(
    witness: tuple[Witness, Record], data: bytes
) -> None:
    assume(data != REQUEST)
    judge, record = witness
    answer = judge.add_checkpoint(data, NOW)
    assert answer.status in {400, 403, 404, 409, 422}
    assert record.latest(ORIGIN).size == 200
    assert not answer.body.startswith(b"\xe2\x80\x94")


@settings(max_examples=examples(150))
@given(st.sampled_from(KEYS).flatmap(lambda key: spoiled(key.encode())) | st.binary(max_size=99))
@example(KEYS[0].encode())
@example(KEYS[1].encode())
def test_any_witness_key(data: bytes) -> None:
    text = data.decode("latin-1")
    gateways = clients = None
    with contextlib.suppress(NoteError):
        gateways = str(CosignatureKey.parse(text))
        assert gateways == text
    with contextlib.suppress(VerificationError):
        clients = str(client_cosignature.WitnessKey.parse(text))
    assert gateways == clients


@settings(max_examples=examples(150), deadline=None)
@given(spoiled(POLICY.encode()) | st.binary(max_size=99))
@example(POLICY.encode())
def test_any_policy(data: bytes) -> None:
    said: list[Any] = [None, None]
    with contextlib.suppress(PolicyError):
        said[0] = WitnessPolicy.parse(data).stands_behind(parse_note(NOTE + LINES[0]))
    with contextlib.suppress(VerificationError):
        said[1] = witness_policy.WitnessPolicy.parse(data).standing(NOTE + LINES[0]).met
    assert said[0] == said[1]


@settings(max_examples=examples(150))
@given(st.sampled_from([0, 1]), st.data())
def test_any_answer_of_a_witness(number: int, data: st.DataObject) -> None:
    answer = data.draw(spoiled(LINES[number]) | spoiled(b"".join(LINES)) | st.binary(max_size=99))
    key = CosignatureKey.parse(KEYS[number])
    with contextlib.suppress(NotCosignedError):
        line = cosignature(PolicyWitness(name="w", key=key), NOTE, answer)
        # Whatever was beside it: what is taken is the line, and it is the note's.
        assert line.line() in answer
        assert client_cosignature.cosigned(NOTE + line.line(), [COSIGNERS[number].verifier])


@settings(max_examples=examples(60))
@given(st.sampled_from([0, 1]), st.integers(0, 2**64 - 1))
def test_any_time_is_judged_alike(number: int, time: int) -> None:
    cosigner, key = COSIGNERS[number], CosignatureKey.parse(KEYS[number])
    signed = cosigner.key.sign(
        client_cosignature.message(cosigner.verifier.key, cosigner.name, time, TEXT)
    )
    payload = cosigner.verifier.key_id + struct.pack(">Q", time) + signed
    whole = NOTE + f"\u2014 {cosigner.name} {note.to_base64(payload)}\n".encode()
    gateways = any(key.verifies(line, TEXT) for line in parse_note(whole).signatures)
    clients = False
    with contextlib.suppress(VerificationError):
        clients = client_cosignature.cosigned(whole, [cosigner.verifier]) == {cosigner.name: time}
    # The specification: a time is below 2**63.
    assert gateways == clients == (time < 2**63)
