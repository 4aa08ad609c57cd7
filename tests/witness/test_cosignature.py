"""Cosignatures of both kinds: their bytes, and everything that makes them fail."""

import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from forewarn_client import cosignature, note
from forewarn_client.errors import Flaw, VerificationError
from forewarn_witness.cosigning import Cosigner, PrivateKey
from tests.witness.logs import ORIGIN, PaperLog

NAME = "witness.example/w1"
NOW = 1_790_000_000
KEYS: list[PrivateKey] = [Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()]


@pytest.fixture(params=KEYS, ids=["ed25519", "ml-dsa-44"])
def cosigner(request: pytest.FixtureRequest) -> Cosigner:
    return Cosigner(name=NAME, key=request.param)


@pytest.fixture
def log() -> PaperLog:
    found = PaperLog()
    found.grow(5)
    return found


def text(log: PaperLog) -> bytes:
    return note.parse_note(log.note()).text


def test_the_bytes_of_an_ed25519_cosignature(log: PaperLog) -> None:
    key = Ed25519PrivateKey.generate()
    line = Cosigner(name=NAME, key=key).cosign(text(log), NOW)
    payload = note.from_base64(line.decode().removeprefix(f"\u2014 {NAME} ")[:-1])
    assert payload is not None
    assert payload[4:12] == struct.pack(">Q", NOW)
    assert len(payload) == 4 + 8 + 64
    key.public_key().verify(payload[12:], b"cosignature/v1\ntime 1790000000\n" + text(log))


def test_the_bytes_of_an_ml_dsa_cosignature(log: PaperLog) -> None:
    key = MLDSA44PrivateKey.generate()
    line = Cosigner(name=NAME, key=key).cosign(text(log), NOW)
    payload = note.from_base64(line.decode().removeprefix(f"\u2014 {NAME} ")[:-1])
    assert payload is not None
    assert len(payload) == 4 + 8 + 2420
    signed = b"".join(
        (
            b"subtree/v1\n\x00",
            bytes([len(NAME)]) + NAME.encode(),
            NOW.to_bytes(8, "big"),
            bytes([len(ORIGIN)]) + ORIGIN.encode(),
            bytes(8),
            (5).to_bytes(8, "big"),
            log.root(5),
        )
    )
    key.public_key().verify(payload[12:], signed)


def test_a_key_is_its_text(cosigner: Cosigner) -> None:
    key = cosigner.verifier
    again = cosignature.WitnessKey.parse(str(key))
    assert str(again) == str(key)
    assert (again.name, again.key_id) == (key.name, key.key_id)


def test_what_is_no_key_is_refused(cosigner: Cosigner) -> None:
    key = str(cosigner.verifier)
    rest = key.split("+", 1)[1]
    for changed in (
        key.replace("w1+", "w2+", 1),
        key[:-4],
        key.replace("+", " "),
        f"+{rest}",
        f"{'x' * 256}+{rest}",
        PaperLog().key,
        "",
        "a+b+c",
    ):
        with pytest.raises(VerificationError) as caught:
            cosignature.WitnessKey.parse(changed)
        assert caught.value.reason is Flaw.WITNESS_KEY_MALFORMED


def test_unknown_witnesses_count_for_nothing(cosigner: Cosigner, log: PaperLog) -> None:
    signed = log.note() + cosigner.cosign(text(log), NOW)
    stranger = Cosigner(name="witness.example/w2", key=Ed25519PrivateKey.generate())
    namesake = Cosigner(name=NAME, key=Ed25519PrivateKey.generate())
    assert cosignature.cosigned(signed, [stranger.verifier, namesake.verifier]) == {}
    assert cosignature.cosigned(log.note(), [cosigner.verifier]) == {}


def test_every_flipped_bit_of_a_cosignature_is_refused(cosigner: Cosigner, log: PaperLog) -> None:
    key, line = cosigner.verifier, cosigner.cosign(text(log), NOW)
    payload = note.from_base64(line.decode().split(" ")[2][:-1])
    assert payload is not None
    payload = payload[4:]
    for index in [*range(80), *range(80, len(payload), 97)]:
        if index >= len(payload):
            continue
        changed = payload[:index] + bytes([payload[index] ^ 1]) + payload[index + 1 :]
        with pytest.raises(VerificationError):
            key.verify(changed, text(log))
    for cut in (b"", payload[:7], payload[:8], payload[:-1], payload + b"\0"):
        with pytest.raises(VerificationError):
            key.verify(cut, text(log))
    assert key.verify(payload, text(log)) == NOW


def test_a_cosignature_is_for_one_checkpoint(cosigner: Cosigner, log: PaperLog) -> None:
    line = cosigner.cosign(text(log), NOW)
    log.grow(1)
    with pytest.raises(VerificationError) as caught:
        cosignature.cosigned(log.note() + line, [cosigner.verifier])
    assert caught.value.reason is Flaw.COSIGNATURE_INVALID
