"""The client's own implementation of the formats gives what the shared vectors say."""

import base64
from typing import Any

import pytest
from cryptography import x509

from forewarn.exchange.v1 import envelope_pb2
from forewarn_client import bundle, commitment, dsse, merkle, note
from forewarn_client.errors import VerificationError
from forewarn_client.identity import SystemName, certificate_system
from forewarn_client.inboxes.span import Shown, Span
from forewarn_client.published.tiles import Tile
from forewarn_client.tlog_proof import TlogProof
from tests.vectors.files import Vector, load, name_of


def unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def unhex(items: list[str]) -> list[bytes]:
    return [bytes.fromhex(item) for item in items]


def root(given: Vector) -> Vector:
    leaves = (
        unhex(given["leaves"])
        if "leaves" in given
        else [index.to_bytes(8, "big") for index in range(given["count"])]
    )
    return {"root": merkle.tree_root([merkle.leaf_hash(leaf) for leaf in leaves]).hex()}


def inclusion(given: Vector) -> None:
    merkle.verify_inclusion(
        bytes.fromhex(given["leaf_hash"]),
        given["index"],
        given["size"],
        unhex(given["proof"]),
        bytes.fromhex(given["root"]),
    )


def consistency(given: Vector) -> None:
    merkle.verify_consistency(
        given["old_size"],
        bytes.fromhex(given["old_root"]),
        given["new_size"],
        bytes.fromhex(given["new_root"]),
        unhex(given["proof"]),
    )


def entry(given: Vector) -> Vector:
    body, salt = bytes.fromhex(given["body"]), bytes.fromhex(given["salt"])
    made = commitment.commit(body, salt)
    return {
        "commitment": made.hex(),
        "leaf": commitment.leaf(made).hex(),
        "leaf_hash": commitment.entry_leaf_hash(body, salt).hex(),
    }


def checkpoint(given: Vector) -> Vector:
    data = given["note"].encode() if "note" in given else unb64(given["note_base64"])
    keys = [note.VerifierKey.parse(text) for text in given["verifiers"]]
    opened = note.open_checkpoint(data, keys, given["origin"])
    return {"size": opened.size, "root": opened.root.hex()}


def verifier_key(given: Vector) -> Vector:
    key = note.VerifierKey.parse(given["verifier_key"])
    public = key.key.public_bytes_raw().hex()
    return {"name": key.name, "key_id": key.key_id.hex(), "public_key": public}


def pae(given: Vector) -> Vector:
    return {"pae": dsse.pae(given["payload_type"], bytes.fromhex(given["payload"])).hex()}


def public_key(given: Vector) -> Vector:
    return {"keyid": dsse.PublicKey.load(unb64(given["spki"])).keyid}


def envelope(given: Vector) -> Vector:
    message = envelope_pb2.Envelope(
        payload=unb64(given["payload"]),
        payload_type=given["payload_type"],
        signatures=[
            envelope_pb2.EnvelopeSignature(keyid=item["keyid"], sig=unb64(item["sig"]))
            for item in given["signatures"]
        ],
    )
    parsed = dsse.Envelope.parse(message.SerializeToString())
    keys = [dsse.PublicKey.load(unb64(spki)) for spki in given["keys"]]
    signed_by = parsed.verify({key.keyid: key for key in keys})
    assert signed_by == {keyid for keyid, _ in parsed.signatures}
    return {"keyids": [keyid for keyid, _ in parsed.signatures], "digest": parsed.digest.hex()}


def uri(given: Vector) -> Vector:
    name = SystemName.parse(given["uri"])
    return {part: getattr(name, part) for part in ("trust_domain", "kind", "member", "system")}


def certificate(given: Vector) -> Vector:
    loaded = x509.load_der_x509_certificate(unb64(given["certificate"]))
    return {"uri": str(certificate_system(loaded, given["trust_domain"]))}


def tile_name(given: Vector) -> Vector:
    tile = Tile.parse(given["path"])
    return {"level": tile.level, "n": tile.number, "width": tile.width}


def proof(given: Vector) -> Vector:
    parsed = TlogProof.parse(given["file"].encode())
    assert parsed.encode() == given["file"].encode()
    key = note.VerifierKey.parse(given["verifier_key"])
    size = parsed.verify(key, bytes.fromhex(given["commitment"])).size
    body = None if parsed.extra is None else parsed.opened().entry_body.hex()
    return {"index": parsed.index, "size": size, "opened": body}


def evidence_bundle(given: Vector) -> Vector:
    data = unb64(given["bundle_base64"])
    parsed = bundle.Bundle.parse(data)
    assert parsed.encode() == data
    found = bundle.verify(
        parsed,
        log_key=given["verifier_key"],
        genesis_digest=bytes.fromhex(given["genesis_digest"]),
    )
    record = found.record
    return {
        "one_log": found.joined,
        "index": record.index,
        "kind": record.kind,
        "sender": record.sender,
    }


def shown(rows: list[Vector]) -> list[Shown]:
    return [Shown(index=row["index"], leaf_hash=bytes.fromhex(row["leaf_hash"])) for row in rows]


def span(given: Vector) -> Vector:
    made = Span.of(shown(given["entries"]), given["from_size"], given["to_size"])
    return {"count": made.count, "root": made.root.hex()}


def compare(given: Vector) -> None:
    stated = Span(**{**given["span"], "root": bytes.fromhex(given["span"]["root"])})
    held = [each for each in shown(given["entries"]) if stated.may_hold(each.index)]
    stated.verify_is_of(held)


RECIPES: dict[tuple[str, str], Any] = {
    ("merkle", "root"): root,
    ("proof", "inclusion"): inclusion,
    ("proof", "consistency"): consistency,
    ("commitment", "entry"): entry,
    ("inbox", "span"): span,
    ("inbox", "compare"): compare,
    ("note", "checkpoint"): checkpoint,
    ("note", "verifier-key"): verifier_key,
    ("dsse", "pae"): pae,
    ("dsse", "public-key"): public_key,
    ("dsse", "envelope"): envelope,
    ("spiffe", "uri"): uri,
    ("spiffe", "certificate"): certificate,
    ("tile", "name"): tile_name,
    ("tlog-proof", "proof"): proof,
    ("evidence", "bundle"): evidence_bundle,
}
CASES = [
    pytest.param(run, vector, id=f"{topic}/{name_of(vector)}")
    for (topic, recipe), run in RECIPES.items()
    for vector in load(topic, recipe)
]


@pytest.mark.parametrize(("run", "vector"), CASES)
def test_the_outcome_is_the_one_in_the_file(run: Any, vector: Vector) -> None:
    if vector["expect"] == "ok":
        assert (run(vector["input"]) or {}) == vector.get("output", {})
    else:
        # These bytes are no certificate at all: cryptography's own parser refuses them.
        if vector["name"] == "certificate-junk":
            with pytest.raises(ValueError, match="parsing"):
                run(vector["input"])
            return
        with pytest.raises(VerificationError) as caught:
            run(vector["input"])
        assert (caught.value.rule or caught.value.reason) == vector["expect"], vector["why"]
