"""Vectors of DSSE envelopes and of the keys that verify them."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.vectors.files import Vector
from tests.vectors.making import accepted, b64, flip, known_key, refused

PAYLOAD_TYPE = "application/vnd.forewarn.statement.v1+protobuf"


def _spki(key: Any) -> bytes:
    der: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der


def _keyid(key: Any) -> str:
    return sha256(_spki(key)).hexdigest()


def _pae(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b" ".join(
        (b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload)
    )


def paes() -> Iterator[Vector]:
    for name, why, payload_type, payload, encoded in (
        (
            "pae-specification",
            "The example of the specification.",
            "http://example.com/HelloWorld",
            b"hello world",
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world",
        ),
        ("pae-empty", "Both may be empty.", "", b"", b"DSSEv1 0  0 "),
        (
            "pae-bytes",
            "Lengths count bytes, not characters.",
            "\u00e9",
            "\u00e9\u20ac".encode(),
            b"DSSEv1 2 \xc3\xa9 5 \xc3\xa9\xe2\x82\xac",
        ),
        (
            "pae-statement",
            "Our own payload type.",
            PAYLOAD_TYPE,
            b"\x00\xff",
            b"DSSEv1 46 application/vnd.forewarn.statement.v1+protobuf 2 \x00\xff",
        ),
    ):
        given = {"payload_type": payload_type, "payload": payload.hex()}
        yield accepted("pae", name, why, given, pae=encoded.hex())


def public_keys() -> Iterator[Vector]:
    key = known_key("release-desk")
    good = _spki(key)
    yield accepted(
        "public-key",
        "key-ed25519",
        "An Ed25519 key (RFC 8410).",
        {"spki": b64(good)},
        keyid=sha256(good).hexdigest(),
    )
    p256 = ec.derive_private_key(7, ec.SECP256R1())
    x25519 = X25519PrivateKey.from_private_bytes(sha256(b"vector x25519").digest())
    head = good[:-32]
    for name, why, spki in (
        ("p256", "P-256 does not sign statements.", _spki(p256)),
        ("x25519", "X25519 does not sign at all.", _spki(x25519)),
        ("trailing-byte", "One key has one name: nothing follows it.", good + b"\x00"),
        ("long-form", "One key has one name: lengths are minimal.", b"\x30\x81" + good[1:]),
        (
            "null-parameters",
            "The algorithm has no parameters, not NULL ones (RFC 8410 section 3).",
            b"\x30\x2c\x30\x07\x06\x03\x2b\x65\x70\x05\x00" + good[9:],
        ),
        ("raw", "32 bytes say nothing about what they are.", good[-32:]),
        ("truncated", "The last byte is missing.", good[:-1]),
        ("empty", "There is nothing.", b""),
        ("small-order-0", "The point with y = 0 has order 4.", head + bytes(32)),
        ("small-order-1", "The neutral point verifies anything.", head + b"\x01" + bytes(31)),
        (
            "small-order-8",
            "A point of order 8 verifies one message in eight.",
            head
            + bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
        ),
        ("not-reduced", "y = p + 1 is the neutral point again.", head + b"\xee" + b"\xff" * 31),
    ):
        given = {"spki": b64(spki)}
        yield refused("public-key", f"key-{name}", why, given, "KEY_ALGORITHM_UNSUPPORTED")


def envelopes() -> Iterator[Vector]:
    first, second, stranger = known_key("release-desk"), known_key("second"), known_key("stranger")
    payload = b"\x0a\x06header\x12\x04body"
    signed = _pae(PAYLOAD_TYPE, payload)

    def by(key: Ed25519PrivateKey, message: bytes = signed) -> Vector:
        return {"keyid": _keyid(key), "sig": b64(key.sign(message))}

    def given(*signatures: Vector, **changed: Any) -> Vector:
        return {
            "payload": b64(payload),
            "payload_type": PAYLOAD_TYPE,
            "signatures": list(signatures),
            "keys": [b64(_spki(key)) for key in (first, second)],
        } | changed

    def ok(name: str, why: str, signers: list[Ed25519PrivateKey], /, **changed: Any) -> Vector:
        return accepted(
            "envelope",
            name,
            why,
            given(*(by(key) for key in signers), **changed),
            keyids=[_keyid(key) for key in signers],
            digest=sha256(signed).hexdigest(),
        )

    def no(name: str, why: str, reason: str, *signatures: Vector, **changed: Any) -> Vector:
        return refused("envelope", name, why, given(*signatures, **changed), reason)

    many = [known_key(f"member {n}") for n in range(17)]
    keys = [b64(_spki(key)) for key in many]
    yield ok("good", "One signature.", [first])
    yield ok("good-two", "Two signatures; the digest is the same.", [first, second])
    yield ok("good-sixteen", "16 signatures are the most.", many[:16], keys=keys)
    yield no(
        "seventeen", "17 are too many.", "ENVELOPE_MALFORMED", *(by(k) for k in many), keys=keys
    )
    yield no("no-signature", "Nobody signed.", "SIGNATURE_MISSING")
    yield no(
        "other-type",
        "The payload type is another one, and signed so.",
        "PAYLOAD_TYPE_UNSUPPORTED",
        by(first, _pae("application/vnd.in-toto+json", payload)),
        payload_type="application/vnd.in-toto+json",
    )
    yield no(
        "type-case",
        "The payload type is compared byte by byte.",
        "PAYLOAD_TYPE_UNSUPPORTED",
        by(first),
        payload_type=PAYLOAD_TYPE.upper(),
    )
    yield no(
        "changed-payload",
        "One bit of the payload differs.",
        "SIGNATURE_INVALID",
        by(first),
        payload=b64(flip(payload)),
    )
    sig = first.sign(signed)
    name_first = _keyid(first)

    def forged(data: bytes, keyid: str = name_first) -> Vector:
        return {"keyid": keyid, "sig": b64(data)}

    wrong = "SIGNATURE_INVALID"
    yield no("changed-signature", "One bit of the signature differs.", wrong, forged(flip(sig)))
    yield no("short-signature", "The last byte is missing.", wrong, forged(sig[:-1]))
    yield no("long-signature", "A byte follows.", wrong, forged(sig + b"\x00"))
    yield no("empty-signature", "The signature is empty.", wrong, forged(b""))
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = (int.from_bytes(sig[32:], "little") + order).to_bytes(32, "little")
    yield no(
        "malleated-signature",
        "S is not below the group's order (RFC 8032 section 5.1.7).",
        wrong,
        forged(sig[:32] + scalar),
    )
    yield no(
        "other-members-signature",
        "Another member's key signed under this key's name.",
        wrong,
        forged(second.sign(signed)),
    )
    yield no("bare-payload", "The payload was signed, not its encoding.", wrong, by(first, payload))
    yield no(
        "encoding-of-other-type",
        "Another type was signed.",
        wrong,
        by(first, _pae("text/plain", payload)),
    )
    yield no(
        "second-bad",
        "One good signature does not make up for a bad one.",
        wrong,
        by(first),
        forged(sig, _keyid(second)),
    )
    yield no("unknown-key", "The key is no candidate.", "KEY_UNKNOWN", by(stranger))
    yield no("second-unknown", "One of two is none.", "KEY_UNKNOWN", by(first), by(stranger))
    yield no("no-candidates", "No key is a candidate.", "KEY_UNKNOWN", by(first), keys=[])
    bad = "ENVELOPE_MALFORMED"
    yield no("duplicate-keyid", "One key signs once.", bad, by(first), by(first))
    yield no("keyid-upper-case", "Lower case only.", bad, forged(sig, name_first.upper()))
    yield no("keyid-short", "63 digits are too few.", bad, forged(sig, name_first[:-1]))
    yield no("keyid-long", "65 digits are too many.", bad, forged(sig, name_first + "0"))
    yield no("keyid-empty", "Our profile requires a keyid.", bad, forged(sig, ""))
    yield no("keyid-newline", "Nothing follows the digits.", bad, forged(sig, name_first + "\n"))
