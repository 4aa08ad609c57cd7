"""What a member believes of the audit log: only what its pinned key has signed for, and its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.exchange.v1 import audit_pb2
from forewarn.exchange.v1 import audit_service_pb2 as pb
from forewarn_client import audit, commitment, merkle, note
from forewarn_client.cli.auditing import _ranges, view
from forewarn_client.errors import Flaw, HomeError, VerificationError
from forewarn_client.home import Home
from forewarn_client.join import Exchange, JoinFile
from gateway.core.checkpoint import Checkpoint, Note, NoteSigner

ORIGIN = "exchange.example/audit"
SIGNER = NoteSigner(name=ORIGIN, key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = NoteSigner(name=ORIGIN, key=Ed25519PrivateKey.from_private_bytes(b"\1" * 32))
LEDGER = NoteSigner(
    name="exchange.example/ledger", key=Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
)
KEY = note.VerifierKey.parse(SIGNER.verifier_key())
NOON = Timestamp(seconds=1_795_000_000, nanos=17_000)


def released(member: str = "civil-ai", concerned: str = "aurora") -> audit_pb2.AuditEvent:
    return audit_pb2.AuditEvent(
        event_time=NOON,
        rpc="GetEntry",
        system=f"spiffe://exchange.example/agency/{member}/notice",
        member=member,
        concerned=concerned,
        content_released=audit_pb2.ContentReleased(entry_indexes=[3, 4, 5, 9]),
    )


def refused() -> audit_pb2.AuditEvent:
    return audit_pb2.AuditEvent(
        event_time=NOON,
        rpc="Submit",
        member="aurora",
        calls_refused=audit_pb2.CallsRefused(
            reason="KEY_REVOKED", count=2, first_time=NOON, digests=[bytes(32)]
        ),
    )


def recorded(
    events: Sequence[bytes], signer: NoteSigner = SIGNER
) -> tuple[list[pb.AuditRecord], bytes]:
    """Record two events at most, and sign the tree."""
    salts = [bytes([n]) * 32 for n in range(len(events))]
    leaves = [commitment.entry_leaf_hash(*pair) for pair in zip(events, salts, strict=True)]
    records = [
        pb.AuditRecord(
            event=event,
            index=index,
            salt=salts[index],
            inclusion_proof=[leaf for leaf in leaves if leaf != leaves[index]],
        )
        for index, event in enumerate(events)
    ]
    text = Checkpoint(origin=signer.name, size=len(leaves), root=merkle.tree_root(leaves)).text()
    return records, Note(text=text, signatures=(signer.sign(text),)).encode()


def encoded(*events: audit_pb2.AuditEvent) -> list[bytes]:
    return [event.SerializeToString(deterministic=True) for event in events]


def test_an_event_that_holds_is_handed_on() -> None:
    records, checkpoint = recorded(encoded(released(), refused()))

    first, second = audit.verify(records, checkpoint, key=KEY, member="aurora")

    assert (first.kind, first.member, first.entry_indexes) == (
        "content_released",
        "civil-ai",
        (3, 4, 5, 9),
    )
    assert first.event_time == datetime.fromtimestamp(1_795_000_000, UTC).replace(microsecond=17)
    assert (second.kind, second.reason, second.count) == ("calls_refused", "KEY_REVOKED", 2)
    assert _ranges(first.entry_indexes) == "3-5, 9"
    assert view(first)["entries"] == [3, 4, 5, 9]
    assert "entries" not in view(second)


@pytest.mark.parametrize(
    ("signer", "flaw"),
    [(OTHER, Flaw.CHECKPOINT_UNSIGNED), (LEDGER, Flaw.CHECKPOINT_UNSIGNED)],
)
def test_another_key_proves_nothing_not_even_the_ledgers(signer: NoteSigner, flaw: Flaw) -> None:
    records, checkpoint = recorded(encoded(released()), signer)

    with pytest.raises(VerificationError) as error:
        audit.verify(records, checkpoint, key=KEY, member="aurora")
    assert error.value.reason == flaw


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"event": b"x"}, Flaw.PROOF_INVALID),
        ({"index": 1}, Flaw.PROOF_INVALID),
        ({"salt": b"\7" * 32}, Flaw.PROOF_INVALID),
        ({"salt": b"short"}, Flaw.SALT_INVALID),
        ({"inclusion_proof": []}, Flaw.PROOF_INVALID),
    ],
)
def test_an_event_that_the_log_does_not_hold_is_refused(change: dict[str, Any], flaw: Flaw) -> None:
    (record, _), checkpoint = recorded(encoded(released(), refused()))
    for name in change:
        record.ClearField(name)
    record.MergeFrom(pb.AuditRecord(**change))

    with pytest.raises(VerificationError) as error:
        audit.verify([record], checkpoint, key=KEY, member="aurora")
    assert error.value.reason == flaw


@pytest.mark.parametrize(
    ("event", "flaw"),
    [
        (encoded(released(concerned="borealis"))[0], Flaw.ANSWER_MISMATCHED),
        (encoded(audit_pb2.AuditEvent(event_time=NOON, member="aurora"))[0], Flaw.ENTRY_MALFORMED),
        (encoded(audit_pb2.AuditEvent(member="aurora", rpc="x"))[0], Flaw.ENTRY_MALFORMED),
        (encoded(refused())[0] + b"\x7a\x01x", Flaw.ENTRY_MALFORMED),
        (b"\xff", Flaw.ENTRY_MALFORMED),
    ],
)
def test_an_event_of_others_or_in_another_form_is_refused(event: bytes, flaw: Flaw) -> None:
    records, checkpoint = recorded([event])

    with pytest.raises(VerificationError) as error:
        audit.verify(records, checkpoint, key=KEY, member="aurora")
    assert error.value.reason == flaw


def exchange(audit_log_key: str) -> Exchange:
    return Exchange(
        origin=LEDGER.name,
        trust_domain="exchange.example",
        genesis_digest=bytes(32),
        log_key=LEDGER.verifier_key(),
        address="127.0.0.1:8443",
        audit_log_key=audit_log_key,
    )


def test_a_key_of_the_ledger_is_none_of_its_audit_log() -> None:
    with pytest.raises(HomeError):
        exchange(LEDGER.verifier_key())
    with pytest.raises(HomeError):
        exchange("not a key")


def test_a_member_that_joined_before_there_were_audit_logs_pins_one_once(tmp_path: Path) -> None:
    def join(audit_log_key: str) -> Home:
        file = JoinFile(exchange=exchange(audit_log_key), ca=b"")
        return Home.create(
            tmp_path / "aurora", member="aurora", kind="lab", system="desk", join=file
        )

    with pytest.raises(HomeError, match="pins no audit log"):
        audit.pinned_key(join(""))
    assert audit.pinned_key(join(SIGNER.verifier_key())) == KEY
    assert audit.pinned_key(Home.load(tmp_path / "aurora")) == KEY
    for other in (OTHER.verifier_key(), ""):
        with pytest.raises(HomeError, match="another member or exchange"):
            join(other)
    assert replace(exchange(""), audit_log_key=SIGNER.verifier_key()).table()["audit_log_key"]
