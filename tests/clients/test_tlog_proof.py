"""Proofs as C2SP tlog-proof files: one form, and no bit of one that can be changed."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_client import commitment, note
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.records import Evidence
from forewarn_client.tlog_proof import MAX_BYTES, MAX_HASHES, TlogProof
from tests.vectors.rfc6962 import Tree, leaf_hash
from tests.world.budget import examples
from tests.world.paper_log import PaperLog

BODY, SALT = b"what was said", bytes(range(32))
COMMITTED = commitment.commit(BODY, SALT)


def made(index: int, size: int) -> tuple[TlogProof, note.VerifierKey]:
    """Prove an entry of a log of a size."""
    held = [commitment.leaf(bytes([n % 256]) * 32) for n in range(size)]
    held[index] = commitment.leaf(COMMITTED)
    log = PaperLog(held=held)
    tree = Tree([leaf_hash(each) for each in held].__getitem__)
    evidence = Evidence(
        entry_body=BODY,
        index=index,
        salt=SALT,
        inclusion_proof=tree.path(index, size),
        checkpoint=log.note(),
    )
    return TlogProof.of(evidence), note.VerifierKey.parse(log.vkey)


GOOD, KEY = made(5, 11)
FILE = GOOD.encode()


def test_the_form_is_that_of_the_specification() -> None:
    head, _, checkpoint = FILE.partition(b"\n\n")
    first, extra, index, *hashes = head.decode().split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    opening = base64.b64decode(extra.removeprefix("extra "))
    assert opening == b"forewarn/opening/v1\n\0" + SALT + BODY
    assert index == "index 5"
    assert [base64.b64decode(each) for each in hashes] == list(GOOD.hashes)
    assert checkpoint == GOOD.checkpoint


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(1, 600).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_what_is_written_is_read_and_verified(place: tuple[int, int]) -> None:
    proof, key = made(*place)
    for each in (proof, proof.without_opening()):
        assert TlogProof.parse(each.encode()) == each
        assert each.verify(key, COMMITTED).size == place[1]
    opened = proof.opened()
    assert (opened.entry_body, opened.salt, opened.index) == (BODY, SALT, place[0])


def test_no_bit_can_be_changed() -> None:
    """Every bit of a file flipped in turn: it is refused, or it is another opening."""
    for at in range(len(FILE)):
        for bit in range(8):
            spoiled = bytearray(FILE)
            spoiled[at] ^= 1 << bit
            try:
                proof = TlogProof.parse(bytes(spoiled))
                opened = proof.opened()
                committed = commitment.commit(opened.entry_body, opened.salt)
                proof.verify(KEY, committed)
            except VerificationError:
                continue
            raise AssertionError((at, bit))


def test_a_public_copy_proves_the_commitment_that_is_named_and_no_other() -> None:
    public = GOOD.without_opening()
    public.verify(KEY, COMMITTED)
    with pytest.raises(VerificationError, match="PROOF_INVALID"):
        public.verify(KEY, bytes(32))
    with pytest.raises(VerificationError, match="no opening"):
        public.opened()


@pytest.mark.parametrize(
    "changed",
    [
        {"index": 4},
        {"index": 6},
        {"index": 11},
        {"hashes": GOOD.hashes[:-1]},
        {"hashes": (*GOOD.hashes, bytes(32))},
        {"hashes": GOOD.hashes[::-1]},
        {"checkpoint": made(5, 10)[0].checkpoint},
        {"checkpoint": made(5, 12)[0].checkpoint},
        {"checkpoint": PaperLog(held=[], origin="other.example/ledger").note()},
    ],
    ids=["one less", "one more", "size", "short", "long", "reversed", "size-1", "size+1", "other"],
)
def test_a_proof_of_something_else_is_refused(changed: dict[str, Any]) -> None:
    stated: dict[str, Any] = {
        "index": GOOD.index,
        "hashes": GOOD.hashes,
        "checkpoint": GOOD.checkpoint,
    }
    with pytest.raises(VerificationError):
        TlogProof(**(stated | changed)).verify(KEY, COMMITTED)


LINES = FILE.partition(b"\n\n")[0].decode().split("\n")


def spoiled(*lines: str, checkpoint: bytes = GOOD.checkpoint) -> bytes:
    return "\n".join(lines).encode() + b"\n\n" + checkpoint


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "header-malformed"),
        (b"c2sp.org/tlog-proof@v1", "checkpoint-missing"),
        (spoiled("c2sp.org/tlog-proof@v2", *LINES[1:]), "header-malformed"),
        (spoiled(LINES[0] + "\r", *LINES[1:]), "header-malformed"),
        (spoiled(LINES[0], *LINES[3:]), "index-malformed"),
        (spoiled(LINES[0], "index 05", *LINES[3:]), "index-malformed"),
        (spoiled(LINES[0], "index +5", *LINES[3:]), "index-malformed"),
        (spoiled(LINES[0], "index ٥", *LINES[3:]), "not-ascii"),  # noqa: RUF001 - a digit
        (spoiled(LINES[0], f"index {2**63 - 1}", *LINES[3:]), "index-malformed"),
        (spoiled(LINES[0], "extra ", *LINES[2:]), "extra-malformed"),
        (spoiled(LINES[0], "extra AA", *LINES[2:]), "extra-malformed"),
        (spoiled(LINES[0], LINES[1], LINES[1], *LINES[2:]), "index-malformed"),
        (spoiled(*LINES, LINES[3][:-1]), "hash-malformed"),
        (spoiled(*LINES, "AAAA"), "hash-malformed"),
        (spoiled(*LINES[:3], *[LINES[3]] * (MAX_HASHES + 1)), "hashes-too-many"),
        (spoiled(*LINES, checkpoint=b""), "final-newline-missing"),
        (spoiled(*LINES, checkpoint=GOOD.checkpoint[:-1]), "final-newline-missing"),
        (spoiled(*LINES, checkpoint=b"\n" + GOOD.checkpoint), ""),
        (FILE + b"more", "final-newline-missing"),
        (FILE + b"\n", ""),
        (bytes(MAX_BYTES + 1), "proof-too-large"),
    ],
)
def test_every_other_form_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(VerificationError) as caught:
        TlogProof.parse(data).verify(KEY, COMMITTED)
    assert caught.value.rule == rule or not rule
    malformed = {Flaw.PROOF_MALFORMED, Flaw.CHECKPOINT_MALFORMED}
    assert caught.value.reason in (
        malformed if rule else {Flaw.CHECKPOINT_SIGNATURE_INVALID, *malformed}
    )
