"""Vectors of the published log and of what is proven from it: tile names, tlog-proofs, evidence.

Files are put together line by line from C2SP tlog-tiles and tlog-proof and from the project's own
page of formats.
"""

from collections.abc import Iterator
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.files import Vector
from tests.vectors.making import accepted, b64, known_key, refused
from tests.vectors.rfc6962 import Tree, leaf_hash
from tests.world.ledger_builder import Ledger, party

ORIGIN = "exchange.example/ledger"
BODY, SALT, SIZE, INDEX = b"what was said", bytes(range(32)), 11, 5


def names() -> Iterator[Vector]:
    """Names of tiles and bundles, below a log's prefix."""
    good: list[tuple[str, str, str, dict[str, Any]]] = [
        ("first", "the first tile", "tile/0/000", {"level": 0, "n": 0, "width": 256}),
        (
            "groups",
            "a number in groups of three digits",
            "tile/0/x001/x234/067",
            {"level": 0, "n": 1234067, "width": 256},
        ),
        (
            "partial",
            "a partial tile by its width",
            "tile/1/001.p/17",
            {"level": 1, "n": 1, "width": 17},
        ),
        (
            "entries",
            "a partial bundle of entries",
            "tile/entries/273.p/112",
            {"level": None, "n": 273, "width": 112},
        ),
        (
            "highest",
            "the highest level and number",
            "tile/63/x009/x223/x372/x036/x854/x775/807.p/255",
            {"level": 63, "n": 2**63 - 1, "width": 255},
        ),
    ]
    for called, why, path, output in good:
        yield accepted("name", f"name-{called}", why, {"path": path}, **output)
    bad = [
        ("level-zero", "a level has no leading zero", "tile/00/000"),
        ("level-high", "there is no level 64", "tile/64/000"),
        ("level-word", "there is no such level", "tile/leaves/000"),
        ("short", "a group has three digits", "tile/0/00"),
        ("long", "a group has three digits", "tile/0/0000"),
        ("leading-group", "no group before the number's first", "tile/0/x000/001"),
        ("no-x", "each group but the last begins with x", "tile/0/001/234"),
        ("last-x", "the last group does not", "tile/0/x001"),
        ("upper-x", "x is in lower case", "tile/0/X001/234"),
        ("too-large", "no tree has a tile 2**63", "tile/0/x009/x223/x372/x036/x854/x775/808"),
        ("width-0", "an empty tile is not served", "tile/0/000.p/0"),
        ("width-zero", "a width has no leading zero", "tile/0/000.p/01"),
        ("width-256", "a full tile has no width", "tile/0/000.p/256"),
        ("slash", "nothing follows", "tile/0/000/"),
        ("newline", "nothing follows, a newline neither", "tile/0/000\n"),
        ("other-digits", "digits are those of ASCII", "tile/0/\u0660\u0660\u0660"),
        ("escaped", "nothing is escaped", "tile/0/%30%30%30"),
        ("prefix", "a name is relative", "/tile/0/000"),
        ("empty", "nothing is no name", ""),
    ]
    for called, why, path in bad:
        yield refused("name", f"name-{called}", why, {"path": path}, "tile-name")


def proofs() -> Iterator[Vector]:
    """Files of C2SP tlog-proof."""
    key = known_key("published log")
    committed = hmac_digest(SALT, b"forewarn/commit/v1\0" + BODY, "sha256")
    leaves = [b"forewarn/leaf/v1\n\0" + bytes([number]) * 32 for number in range(SIZE)]
    leaves[INDEX] = b"forewarn/leaf/v1\n\0" + committed
    tree = Tree([leaf_hash(each) for each in leaves].__getitem__)
    note = _note(key, tree.root(SIZE))
    head = "c2sp.org/tlog-proof@v1"
    extra = f"extra {b64(b'forewarn/opening/v1' + bytes([10, 0]) + SALT + BODY)}"
    hashes = [b64(each) for each in tree.path(INDEX, SIZE)]

    def file(*lines: str, after: str = note) -> Vector:
        return {
            "file": "\n".join(lines) + "\n\n" + after,
            "verifier_key": _verifier_key(key),
            "commitment": committed.hex(),
        }

    output = {"index": INDEX, "size": SIZE, "opened": None}
    opened = output | {"opened": BODY.hex()}
    number = f"index {INDEX}"
    yield accepted(
        "proof", "proof-public", "without its opening", file(head, number, *hashes), **output
    )
    yield accepted(
        "proof", "proof-opened", "a party's copy", file(head, extra, number, *hashes), **opened
    )
    for called, why, given, reason in (
        ("version", "another version", file(f"{head[:-1]}2", number, *hashes), "header-malformed"),
        ("no-index", "no index", file(head, *hashes), "index-malformed"),
        ("index-zero", "a leading zero", file(head, "index 05", *hashes), "index-malformed"),
        ("extra-empty", "an empty extra", file(head, "extra ", number, *hashes), "extra-malformed"),
        ("extra-late", "extra comes first", file(head, number, extra, *hashes), "hash-malformed"),
        ("unpadded", "an unpadded hash", file(head, number, hashes[0][:-1]), "hash-malformed"),
        ("short", "a hash is missing", file(head, number, *hashes[1:]), "proof-too-short"),
        ("long", "a hash too many", file(head, number, *hashes, hashes[0]), "proof-too-long"),
        ("order", "hashes turned round", file(head, number, *hashes[::-1]), "root-mismatch"),
        ("other-index", "another index", file(head, "index 4", *hashes), "root-mismatch"),
        ("beyond", "an index beyond", file(head, f"index {SIZE}", *hashes), "index-invalid"),
        (
            "no-note",
            "no checkpoint",
            file(head, number, *hashes, after=""),
            "final-newline-missing",
        ),
        (
            "not-ended",
            "the note is not ended",
            file(head, number, *hashes, after=note[:-1]),
            "final-newline-missing",
        ),
        (
            "unsigned",
            "another log's checkpoint",
            file(head, number, *hashes, after=_note(known_key("other"), tree.root(SIZE))),
            "no-known-key",
        ),
    ):
        yield refused("proof", f"proof-{called}", why, given, reason)


def evidence() -> Iterator[Vector]:
    """Evidence bundles: of an enrolment, which the genesis statement alone vouches for."""
    ledger = Ledger()
    ledger.enrol(party("aurora", "lab"))
    first = _part(ledger, 0, 1)
    second = _part(ledger, 1, 2)
    link = "".join(f"{b64(each)}\n" for each in ledger.consistency(1, 2)).encode()
    count = link.count(b"\n")
    whole = b"forewarn/evidence-bundle@v1\nparts 2 links 1\n" + first + second
    joined = whole + b"link 1 2 %d\n" % count + link
    loose = whole.replace(b"links 1", b"links 0", 1)
    pins = {"verifier_key": ledger.log_vkey, "genesis_digest": ledger.genesis_digest.hex()}

    def given(data: bytes, **changed: str) -> Vector:
        return {"bundle_base64": b64(data), **pins, **changed}

    output = {"index": 1, "kind": "MemberEnrolment", "sender": ledger.registrar.member}
    yield accepted(
        "bundle", "bundle-joined", "with its link", given(joined), one_log=True, **output
    )
    yield accepted("bundle", "bundle-loose", "without", given(loose), one_log=False, **output)
    alone = b"forewarn/evidence-bundle@v1\nparts 1 links 0\n" + second
    for called, why, vector, reason in (
        (
            "version",
            "another version",
            given(b"f" + joined.replace(b"@v1", b"@v2", 1)[1:]),
            "header-malformed",
        ),
        ("no-genesis", "it does not begin with entry 0", given(alone), "order"),
        ("repeated", "an entry twice", given(loose.replace(second, first)), "order"),
        ("short", "it ends too early", given(joined[:-1]), "line-malformed"),
        ("long", "something follows", given(joined + b"\n"), "bytes-left"),
        (
            "link-sizes",
            "a link of other sizes",
            given(joined.replace(b"link 1 2", b"link 1 3", 1)),
            "links-incomplete",
        ),
        (
            "link-hash",
            "a link that does not hold",
            given(joined[:-8] + b"AAAAAAA\n"),
            "hash-malformed",
        ),
        (
            "other-genesis",
            "another ledger is pinned",
            given(joined, genesis_digest="00" * 32),
            "GENESIS_FOREIGN",
        ),
    ):
        yield refused("bundle", f"bundle-{called}", why, vector, reason)


def _part(ledger: Ledger, index: int, size: int) -> bytes:
    record = ledger.record(index, size)
    opening = b"forewarn/opening/v1\n\0" + record.salt + record.entry_body
    hashes = "".join(f"{b64(each)}\n" for each in record.inclusion_proof)
    proof = f"c2sp.org/tlog-proof@v1\nextra {b64(opening)}\nindex {index}\n{hashes}\n".encode()
    proof += ledger.checkpoint(size)
    return b"part %d\n" % len(proof) + proof


def _note(key: Ed25519PrivateKey, root: bytes) -> str:
    text = f"{ORIGIN}\n{SIZE}\n{b64(root)}\n"
    return f"{text}\n\u2014 {ORIGIN} {b64(_key_id(key) + key.sign(text.encode()))}\n"


def _key_id(key: Ed25519PrivateKey) -> bytes:
    public = key.public_key().public_bytes_raw()
    return sha256(ORIGIN.encode() + b"\n\x01" + public).digest()[:4]


def _verifier_key(key: Ed25519PrivateKey) -> str:
    public = key.public_key().public_bytes_raw()
    return f"{ORIGIN}+{_key_id(key).hex()}+{b64(bytes([1]) + public)}"
