"""Vectors of signed notes, checkpoints and verifier keys."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.files import Vector
from tests.vectors.making import accepted, b64, flip, known_key, refused
from tests.vectors.rfc6962 import Tree, numbered

ORIGIN = "exchange.example/ledger"


def _key_id(name: str, key: Ed25519PrivateKey, kind: bytes = b"\x01") -> bytes:
    return sha256(name.encode() + b"\n" + kind + key.public_key().public_bytes_raw()).digest()[:4]


def _verifier(name: str, key: Ed25519PrivateKey) -> str:
    public = b64(b"\x01" + key.public_key().public_bytes_raw())
    return f"{name}+{_key_id(name, key).hex()}+{public}"


def _line(name: str, key_id: bytes, signature: bytes) -> str:
    return f"\u2014 {name} {b64(key_id + signature)}\n"


def _signed_line(text: str, name: str, key: Ed25519PrivateKey) -> str:
    return _line(name, _key_id(name, key), key.sign(text.encode()))


LOG, WITNESS, STRANGER = known_key("log"), known_key("witness"), known_key("stranger")
ROOT = Tree(numbered).root(5)
ROOT64 = b64(ROOT)
TEXT = f"{ORIGIN}\n5\n{ROOT64}\n"
SIGNED = _signed_line(TEXT, ORIGIN, LOG)
KNOWN = [_verifier(ORIGIN, LOG)]
WITNESS_NAME = "witness.example/w"
BOTH = [*KNOWN, _verifier(WITNESS_NAME, WITNESS)]
JUNK = _line("stranger.example/key", b"\x01\x02\x03\x04", b"not a signature")


def _given(note: str, *, verifiers: list[str] = KNOWN, origin: str = ORIGIN) -> Vector:
    return {"note": note, "verifiers": verifiers, "origin": origin}


def _ok(name: str, why: str, note: str, verifiers: list[str] = KNOWN) -> Vector:
    given = _given(note, verifiers=verifiers)
    return accepted("checkpoint", name, why, given, size=5, root=ROOT.hex())


def _no(name: str, why: str, note: str, reason: str, **how: Any) -> Vector:
    return refused("checkpoint", name, why, _given(note, **how), reason)


def _bad_text(name: str, why: str, text: str, reason: str) -> Vector:
    """Sign a wrong text well."""
    return _no(name, why, f"{text}\n{_signed_line(text, ORIGIN, LOG)}", reason)


def signers() -> Iterator[Vector]:
    """Whose signatures count."""
    yield _ok("good", "A checkpoint signed by its log.", f"{TEXT}\n{SIGNED}")
    empty = f"{ORIGIN}\n0\n{b64(sha256(b'').digest())}\n"
    yield accepted(
        "checkpoint",
        "good-empty-tree",
        "The checkpoint of an empty tree.",
        _given(f"{empty}\n{_signed_line(empty, ORIGIN, LOG)}"),
        size=0,
        root=sha256(b"").hexdigest(),
    )
    largest = f"{ORIGIN}\n{2**63 - 1}\n{ROOT64}\n"
    yield accepted(
        "checkpoint",
        "good-largest-size",
        "The largest size there is.",
        _given(f"{largest}\n{_signed_line(largest, ORIGIN, LOG)}"),
        size=2**63 - 1,
        root=ROOT.hex(),
    )

    other = _signed_line(TEXT, "stranger.example/key", STRANGER)
    yield _ok(
        "unknown-key-ignored", "An unknown key's line is ignored.", f"{TEXT}\n{other}{SIGNED}"
    )
    yield _ok(
        "unknown-key-junk-ignored",
        "What an unknown key's line holds does not matter.",
        f"{TEXT}\n{JUNK}{SIGNED}",
    )
    yield _ok(
        "same-name-other-id-ignored",
        "A line that shares only the name with a known key is by another key.",
        f"{TEXT}\n{_line(ORIGIN, b'????', bytes(64))}{SIGNED}",
    )
    yield _ok(
        "same-id-other-name-ignored",
        "A line that shares only the id with a known key is by another key.",
        f"{TEXT}\n{_line('stranger.example/key', _key_id(ORIGIN, LOG), bytes(64))}{SIGNED}",
    )
    cosigned = "".join(
        _line(
            f"witness-{n}.example/w",
            _key_id(f"witness-{n}.example/w", WITNESS, b"\x04"),
            n.to_bytes(8, "big") + bytes(64),
        )
        for n in range(15)
    )
    yield _ok(
        "sixteen-signatures",
        "At least 16 signatures are accepted.",
        f"{TEXT}\n{cosigned}{SIGNED}",
    )
    long_line = _line("post-quantum.example/w", b"\x06\x06\x06\x06", bytes(8 + 2420))
    yield _ok(
        "long-signature",
        "A post-quantum cosignature is long.",
        f"{TEXT}\n{SIGNED}{long_line}",
    )
    yield _ok(
        "two-known-keys",
        "Two known keys signed.",
        f"{TEXT}\n{_signed_line(TEXT, WITNESS_NAME, WITNESS)}{SIGNED}",
        BOTH,
    )
    yield _ok(
        "known-key-absent",
        "Not every known key has to sign, so that keys can be rolled over.",
        f"{TEXT}\n{SIGNED}",
        BOTH,
    )
    yield _ok("signed-twice", "The log's line stands there twice.", f"{TEXT}\n{SIGNED}{SIGNED}")
    bad = _line(ORIGIN, _key_id(ORIGIN, LOG), flip(LOG.sign(TEXT.encode())))
    yield _no(
        "known-key-bad-signature",
        "One bit of the signature differs.",
        f"{TEXT}\n{bad}",
        "signature-invalid",
    )
    yield _no(
        "known-key-truncated-signature",
        "The signature lacks its last byte.",
        f"{TEXT}\n{_line(ORIGIN, _key_id(ORIGIN, LOG), LOG.sign(TEXT.encode())[:-1])}",
        "signature-invalid",
    )
    yield _no(
        "known-key-bad-then-good",
        "A known key's bad signature rejects the note, although a good one follows.",
        f"{TEXT}\n{bad}{SIGNED}",
        "signature-invalid",
    )
    yield _no(
        "second-known-key-bad",
        "The log signed well, but another known key's signature is bad.",
        f"{TEXT}\n{SIGNED}" + _line(WITNESS_NAME, _key_id(WITNESS_NAME, WITNESS), bytes(64)),
        "signature-invalid",
        verifiers=BOTH,
    )
    yield _no(
        "signature-of-other-text",
        "The signature is of a smaller tree.",
        f"{TEXT}\n{_signed_line(TEXT.replace('5', '4', 1), ORIGIN, LOG)}",
        "signature-invalid",
    )
    yield _no("no-known-key", "Only a stranger signed.", f"{TEXT}\n{other}", "no-known-key")
    yield _no("no-verifiers", "No key is known.", f"{TEXT}\n{SIGNED}", "no-known-key", verifiers=[])
    yield _no(
        "log-did-not-sign",
        "A known key signed, but none that is named like the origin.",
        f"{TEXT}\n{_signed_line(TEXT, WITNESS_NAME, WITNESS)}",
        "no-known-key",
        verifiers=BOTH,
    )

    # Another log.
    elsewhere = "exchange.example/audit"
    yield _no(
        "wrong-origin",
        "The log's key signed the checkpoint of another log.",
        (foreign := f"{elsewhere}\n5\n{ROOT64}\n") + f"\n{_signed_line(foreign, ORIGIN, LOG)}",
        "origin-foreign",
    )
    yield _no(
        "other-log",
        "A good checkpoint of another known log is not one of this log.",
        f"{TEXT}\n{SIGNED}",
        "no-known-key",
        verifiers=[*KNOWN, _verifier(elsewhere, LOG)],
        origin=elsewhere,
    )


def texts() -> Iterator[Vector]:
    """What a checkpoint says."""
    for name, size in (
        ("leading-zero", "05"),
        ("plus", "+5"),
        ("minus", "-5"),
        ("double-zero", "00"),
        ("space", " 5"),
        ("underscore", "1_0"),
        ("hex", "0x5"),
        ("fraction", "5.0"),
        ("empty", ""),
        ("other-digits", "\u0665"),
        ("too-large", str(2**63)),
        ("much-too-large", "9" * 40),
    ):
        yield _bad_text(
            f"size-{name}",
            "A size is 0, or decimal digits without leading zeros, up to 2**63 - 1.",
            f"{ORIGIN}\n{size}\n{ROOT64}\n",
            "size-malformed",
        )
    for name, why, encoded in (
        ("short", "The root has 31 bytes.", b64(ROOT[:-1])),
        ("long", "The root has 33 bytes.", b64(ROOT + b"\x00")),
        ("empty", "The root is empty.", ""),
        ("hex", "The root is in hex.", ROOT.hex()),
        ("unpadded", "The root's padding is missing.", ROOT64.rstrip("=")),
        ("url-safe", "The alphabet is the URL-safe one.", "_" + ROOT64[1:]),
        ("spare-bits", "Bits that the encoding does not use are set.", ROOT64[:-2] + "B="),
        ("space", "A space stands behind the root.", ROOT64 + " "),
    ):
        changed = f"{ORIGIN}\n5\n{encoded}\n"
        yield _bad_text(f"root-{name}", why, changed, "root-malformed")
    yield _bad_text(
        "root-of-empty-tree",
        "An empty tree has one root only.",
        f"{ORIGIN}\n0\n{ROOT64}\n",
        "root-malformed",
    )
    yield _bad_text(
        "extension-line",
        "A line follows the root; our logs have none.",
        f"{TEXT}extra\n",
        "extension-lines",
    )
    yield _bad_text("extension-empty", "An empty line is one too.", f"{TEXT}\n", "extension-lines")
    yield _bad_text("text-short", "The root is missing.", f"{ORIGIN}\n5\n", "checkpoint-too-short")
    yield _bad_text("origin-empty", "There is no origin.", f"\n5\n{ROOT64}\n", "origin-malformed")


def forms() -> Iterator[Vector]:
    """What makes bytes a note."""
    yield _no(
        "final-newline-missing",
        "The last line is not ended.",
        f"{TEXT}\n{SIGNED}"[:-1],
        "final-newline-missing",
    )
    yield _no("not-signed", "No signatures follow.", f"{TEXT}\n", "signatures-missing")
    yield _no("no-empty-line", "No empty line.", f"{TEXT}{SIGNED}", "signatures-missing")
    yield _no(
        "trailing-empty-line",
        "An empty line follows the signatures.",
        f"{TEXT}\n{SIGNED}\n",
        "signatures-missing",
    )
    yield _no("empty-note", "There is nothing.", "", "final-newline-missing")
    crlf = f"{TEXT}\n{SIGNED}".replace("\n", "\r\n")
    yield _no("crlf", "Lines end with a carriage return.", crlf, "control-character")
    yield _no(
        "nul",
        "A NUL is a control character.",
        f"{TEXT}\n{SIGNED}".replace("ledger", "led\x00ger"),
        "control-character",
    )
    yield _no("tab", "So is a tab.", f"{TEXT}\n{SIGNED}".replace("5", "5\t"), "control-character")
    line_end = SIGNED[:-1]
    for name, why, line in (
        ("junk-line", "A line is no signature.", "junk\n"),
        ("hyphen-line", "A hyphen is no em dash.", SIGNED.replace("\u2014", "-")),
        ("no-space-line", "The space after the dash is missing.", SIGNED.replace(" ", "", 1)),
        ("two-spaces-line", "There are two spaces.", SIGNED.replace(" ", "  ", 1)),
        ("no-signature-line", "The signature is missing.", f"\u2014 {ORIGIN}\n"),
        ("empty-name-line", "The name is missing.", SIGNED.replace(ORIGIN, "")),
        ("plus-name-line", "The name has a plus.", SIGNED.replace(ORIGIN, "a+b")),
        ("space-name-line", "The name has a no-break space.", SIGNED.replace("/", "\u00a0", 1)),
        ("trailing-space-line", "A space follows.", f"{line_end} \n"),
        ("extra-field-line", "A field follows.", f"{line_end} extra\n"),
        ("bad-base64-line", "The signature is not base64.", f"\u2014 {ORIGIN} ?!?!\n"),
        ("unpadded-line", "The padding is missing.", f"{line_end.rstrip('=')}\n"),
        ("short-id-line", "Three bytes hold no key id.", f"\u2014 {ORIGIN} AAAA\n"),
        ("only-id-line", "A key id alone is no signature.", f"\u2014 {ORIGIN} AAAAAA==\n"),
    ):
        yield _no(name, why, f"{TEXT}\n{SIGNED}{line}", "signature-line-malformed")
    yield _no(
        "signatures-too-many",
        "101 signatures are more than a verifier has to read.",
        f"{TEXT}\n{SIGNED}" + JUNK * 100,
        "signatures-too-many",
    )
    invalid = f"{TEXT}\n{SIGNED}".encode().replace(b"ledger", b"led\xffger", 1)
    yield refused(
        "checkpoint",
        "not-utf8",
        "A note is UTF-8.",
        {"note_base64": b64(invalid), "verifiers": KNOWN, "origin": ORIGIN},
        "not-utf8",
    )


def verifier_keys() -> Iterator[Vector]:
    key = known_key("log")
    good = _verifier(ORIGIN, key)
    name, key_id, public = good.split("+", 2)
    yield accepted(
        "verifier-key",
        "key-good",
        "A log's verifier key.",
        {"verifier_key": good},
        name=ORIGIN,
        key_id=key_id,
        public_key=key.public_key().public_bytes_raw().hex(),
    )

    def no(
        slug: str, why: str, verifier_key: str, reason: str = "verifier-key-malformed"
    ) -> Vector:
        return refused("verifier-key", f"key-{slug}", why, {"verifier_key": verifier_key}, reason)

    raw = key.public_key().public_bytes_raw()
    cosigner = _key_id(name, key, b"\x04").hex()
    yield no("other-id", "The id is another key's.", f"{name}+00000000+{public}")
    yield no("upper-case-id", "The id is in lower case.", f"{name}+{key_id.upper()}+{public}")
    yield no("short-id", "The id has eight digits.", f"{name}+{key_id[:-1]}+{public}")
    yield no("other-name", "The id binds the name.", f"other.example/log+{key_id}+{public}")
    yield no("cosigner", "Type 0x04 signs otherwise.", f"{name}+{cosigner}+{b64(bytes([4]) + raw)}")
    yield no("short", "The key has 31 bytes.", f"{name}+{key_id}+{b64(bytes([1]) + raw[:-1])}")
    yield no("no-type", "The type is missing.", f"{name}+{key_id}+{b64(raw)}")
    yield no(
        "url-safe",
        "The alphabet is the standard one.",
        good[:-40] + good[-40:].translate({43: "-", 47: "_"}),
    )
    yield no("empty", "There is nothing.", "")
    yield no("spaced", "A line end was copied too.", f"{good}\n")
    yield no("no-name", "The name is missing.", f"+{key_id}+{public}", "key-name-malformed")
    yield no("space-in-name", "No spaces.", f"a b+{key_id}+{public}", "key-name-malformed")
