"""Envelopes: whose signatures count, and what is no key."""

import base64
import contextlib
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import envelope
from gateway.core.envelope import PAYLOAD_TYPE, Envelope, PublicKey, Signature
from gateway.core.errors import Reason, Refusal
from tests.vectors.files import Vector, load, name_of


@pytest.mark.parametrize("vector", load("dsse", "pae"), ids=name_of)
def test_pae_vectors(vector: Vector) -> None:
    arguments = vector["input"]
    encoded = envelope.pae(arguments["payload_type"], bytes.fromhex(arguments["payload"]))
    assert encoded.hex() == vector["output"]["pae"]


@pytest.mark.parametrize("vector", load("dsse", "public-key"), ids=name_of)
def test_public_key_vectors(vector: Vector) -> None:
    spki = base64.b64decode(vector["input"]["spki"])
    if vector["expect"] != "ok":
        with pytest.raises(Refusal) as refused:
            envelope.public_key(spki)
        assert refused.value.reason == Reason(vector["expect"])
        return
    key = envelope.public_key(spki)
    assert key.keyid == vector["output"]["keyid"]
    assert key.spki_der == spki


@pytest.mark.parametrize("vector", load("dsse", "envelope"), ids=name_of)
def test_envelope_vectors(vector: Vector) -> None:
    if vector["expect"] != "ok":
        with pytest.raises(Refusal) as refused:
            _open(vector["input"])
        assert refused.value.reason == Reason(vector["expect"])
        return
    payload = base64.b64decode(vector["input"]["payload"])
    assert list(_open(vector["input"])) == vector["output"]["keyids"]
    assert envelope.digest(payload).hex() == vector["output"]["digest"]


def _open(arguments: Vector) -> tuple[str, ...]:
    keys = [envelope.public_key(base64.b64decode(spki)) for spki in arguments["keys"]]
    made = Envelope(
        payload=base64.b64decode(arguments["payload"]),
        payload_type=arguments["payload_type"],
        signatures=tuple(
            Signature(keyid=each["keyid"], sig=base64.b64decode(each["sig"]))
            for each in arguments["signatures"]
        ),
    )
    return envelope.verify(made, {key.keyid: key for key in keys})


def _made() -> tuple[Ed25519PrivateKey, PublicKey]:
    private = Ed25519PrivateKey.generate()
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return private, envelope.public_key(spki)


@given(st.binary(max_size=300))
def test_what_is_signed_verifies_and_what_is_changed_does_not(payload: bytes) -> None:
    private, key = _made()
    sig = private.sign(envelope.pae(PAYLOAD_TYPE, payload))
    signatures = (Signature(keyid=key.keyid, sig=sig),)
    good = Envelope(payload=payload, payload_type=PAYLOAD_TYPE, signatures=signatures)
    assert envelope.verify(good, {key.keyid: key}) == (key.keyid,)
    bad = Envelope(payload=payload + b"\x00", payload_type=PAYLOAD_TYPE, signatures=signatures)
    with pytest.raises(Refusal) as refused:
        envelope.verify(bad, {key.keyid: key})
    assert refused.value.reason == Reason.SIGNATURE_INVALID


@given(st.text(max_size=40), st.binary(max_size=40), st.text(max_size=40), st.binary(max_size=40))
def test_no_two_pairs_share_an_encoding(
    type_a: str, body_a: bytes, type_b: str, body_b: bytes
) -> None:
    same = envelope.pae(type_a, body_a) == envelope.pae(type_b, body_b)
    assert same == ((type_a, body_a) == (type_b, body_b))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_key_or_refused(junk: bytes) -> None:
    with contextlib.suppress(Refusal):
        assert envelope.public_key(junk).spki_der == junk


@given(st.binary(min_size=32, max_size=32))
def test_any_point_is_a_key_or_refused(raw: bytes) -> None:
    _, key = _made()
    spki = key.spki_der[:-32] + raw
    with contextlib.suppress(Refusal):
        assert envelope.public_key(spki).keyid == sha256(spki).hexdigest()


def test_a_small_order_key_would_verify_what_nobody_signed() -> None:
    """Why such keys are refused: the library itself accepts this signature under one."""
    neutral = b"\x01" + bytes(31)
    key = Ed25519PublicKey.from_public_bytes(neutral)
    key.verify(neutral + bytes(32), b"a statement that nobody signed")


def test_a_key_is_what_it_encodes_to() -> None:
    _, key = _made()
    assert key == envelope.public_key(key.spki_der)
    assert len({key, envelope.public_key(key.spki_der)}) == 1
