"""What a member believes of the audit log: only what its pinned key has signed for, and its own."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.exchange.v1 import audit_pb2, exchange_service_pb2
from forewarn.exchange.v1 import audit_service_pb2 as pb
from forewarn_client import audit, audit_past, commitment, merkle, note
from forewarn_client.cli.auditing import _ranges, view
from forewarn_client.errors import (
    Answer,
    Flaw,
    HistoryError,
    HomeError,
    RefusedError,
    VerificationError,
)
from forewarn_client.home import Home
from forewarn_client.join import Exchange, JoinFile
from gateway.core.checkpoint import Checkpoint, Note, NoteSigner
from tests.world.live import AURORA, CIVIL, Live, notice
from tests.world.live import refused as refusal
from tests.world.live_homes import did, forewarn, home_of

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


Shown = tuple[list[pb.AuditRecord], bytes]


class Talk:
    """A session with an exchange that has one audit log after another."""

    def __init__(self, *answers: Shown, proof: Sequence[bytes]) -> None:
        self.audit = self
        self.answers = list(answers)
        self.proof = proof
        self.asked: list[tuple[int, int]] = []

    def __getattr__(self, name: str) -> str:
        return name

    async def call(self, method: str, request: Any) -> Any:
        if method == "ListAuditEvents":
            records, checkpoint = self.answers.pop(0)
            return pb.ListAuditEventsResponse(records=records, checkpoint=checkpoint)
        self.asked.append((request.old_size, request.new_size))
        if not self.proof:
            raise RefusedError("beyond", Answer(reason="TREE_SIZE_UNAVAILABLE"))
        return pb.GetAuditConsistencyProofResponse(consistency_proof=self.proof)


async def listed(talk: Talk, home: Home) -> list[int]:
    session: Any = talk
    return [event.index async for event in audit.events(session, home, None)]


def a_home(folder: Path) -> Home:
    file = JoinFile(exchange=exchange(SIGNER.verifier_key()), ca=b"")
    return Home.create(folder / "aurora", member="aurora", kind="lab", system="desk", join=file)


ONE = recorded(encoded(released()))
TWO = recorded(encoded(released(), refused()))
OTHERS = recorded(encoded(refused(), released()))


@pytest.mark.asyncio
async def test_the_audit_log_has_to_go_on_from_the_one_that_was_listed_last(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    talk = Talk(ONE, TWO, TWO, proof=TWO[0][0].inclusion_proof)
    for wanted in ([0], [0, 1], [0, 1]):
        assert await listed(talk, home) == wanted
    # Proven once, and kept from one run to the next.
    assert talk.asked == [(1, 2)]
    assert (home.state / "audit-checkpoint").read_bytes() == TWO[1]
    assert not (home.state / "checkpoint").exists()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("shown", "proof", "flaw"),
    [
        ((ONE, OTHERS), OTHERS[0][0].inclusion_proof, Flaw.HISTORY_REWRITTEN),
        ((TWO, OTHERS), (bytes(32),), Flaw.HISTORY_REWRITTEN),
        ((TWO, ONE), (bytes(32),), Flaw.LEDGER_ROLLED_BACK),
        ((ONE, TWO), (), Flaw.HISTORY_UNPROVEN),
    ],
)
async def test_an_audit_log_that_was_rewritten_is_told_with_the_evidence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shown: tuple[Shown, Shown],
    proof: Sequence[bytes],
    flaw: Flaw,
) -> None:
    monkeypatch.setattr(audit_past, "PAUSES", (0.001,))
    home, (before, after) = a_home(tmp_path), shown
    await listed(Talk(before, proof=()), home)
    with pytest.raises(HistoryError, match="audit log") as error:
        await listed(Talk(after, after, proof=proof), home)
    assert error.value.reason == flaw
    document = json.loads(error.value.evidence.read_text())
    assert (document["origin"], document["log_key"]) == (ORIGIN, SIGNER.verifier_key())
    assert (document["verified"], document["shown"]) == (before[1].decode(), after[1].decode())
    assert (home.state / "audit-checkpoint").read_bytes() == before[1]


@pytest.mark.asyncio
async def test_a_worker_that_lags_is_given_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_past, "PAUSES", (0.001, 0.001))
    home = a_home(tmp_path)
    await listed(Talk(TWO, proof=()), home)
    assert await listed(Talk(ONE, ONE, TWO, proof=()), home) == [0, 1]


def test_a_running_exchange_proves_how_its_audit_log_grew(live: Live, tmp_path: Path) -> None:
    home = home_of(live, AURORA, tmp_path)
    sent, events = notice(CIVIL), list[dict[str, Any]]()
    for count in (1, 2, 3):
        with live.desk(AURORA) as lab, live.desk(CIVIL) as agency:
            lab.submit(sent)
            agency.exchange.GetEntry(exchange_service_pb2.GetEntryRequest(digest=sent.digest))
        events = did(home, "audit", "list")
        assert sum(each.get("member") == "civil-ai" for each in events) >= count
    kept = (home.state / "audit-checkpoint").read_text().splitlines()
    assert kept[0] == "exchange.example/audit"
    assert int(kept[1]) > events[-1]["index"]
    with live.desk(AURORA) as lab, pytest.raises(grpc.RpcError) as error:
        lab.audit.GetAuditConsistencyProof(
            pb.GetAuditConsistencyProofRequest(old_size=1, new_size=1 << 40)
        )
    assert refusal(error.value).reason == "TREE_SIZE_UNAVAILABLE"
    with live.desk(AURORA) as lab, pytest.raises(grpc.RpcError) as error:
        lab.audit.GetAuditConsistencyProof(
            pb.GetAuditConsistencyProofRequest(old_size=2, new_size=1)
        )
    assert refusal(error.value).reason == "FIELD_INVALID"


def test_a_refusal_is_followed_to_its_record_and_its_proof_stands_alone(
    live: Live, tmp_path: Path
) -> None:
    home, other = home_of(live, AURORA, tmp_path), home_of(live, CIVIL, tmp_path)
    digest = "ab" * 32
    ran = forewarn(home, "case", "show", digest, "--json")
    told = json.loads(ran.err)["error"]
    assert (ran.code, told["reason"]) == (3, "CASE_NOT_FOUND")
    index = told["audit_index"]

    (shown,) = did(home, "audit", "show", index)
    assert (shown["index"], shown["reason"], shown["rpc"]) == (index, "CASE_NOT_FOUND", "GetCase")
    assert (shown["count"], shown["digests"]) == (1, [digest])
    # What is printed proves to anybody with the audit log's key that it is on record.
    proof, key = shown["proof"], note.VerifierKey.parse(home.exchange.audit_log_key)
    opened = note.open_checkpoint(proof["checkpoint"].encode(), [key], key.name)
    leaf = commitment.entry_leaf_hash(bytes.fromhex(proof["body"]), bytes.fromhex(proof["salt"]))
    path = tuple(map(bytes.fromhex, proof["inclusion_proof"]))
    merkle.verify_inclusion(leaf, index, opened.size, path, opened.root)
    assert audit_pb2.AuditEvent.FromString(bytes.fromhex(proof["body"])).rpc == "GetCase"

    plain = forewarn(home, "case", "show", digest)
    # What else is noted meanwhile may come in between.
    (place,) = re.findall(r"forewarn audit show ([0-9]+)", plain.err)
    assert int(place) > index
    text = forewarn(home, "audit", "show", place)
    assert (text.code, "CASE_NOT_FOUND" in text.out, digest in text.out) == (0, True, True)
    # Another member is told what it would be told of a place where nothing is.
    answers = [forewarn(other, "audit", "show", each, "--json") for each in (index, 1 << 40)]
    reasons = [json.loads(each.err)["error"] for each in answers]
    assert [each.pop("audit_index") for each in reasons] == sorted(
        json.loads(each.err)["error"]["audit_index"] for each in answers
    )
    assert reasons[0] == reasons[1]
    assert reasons[0]["reason"] == "ENTRY_NOT_FOUND"


@pytest.mark.parametrize(
    ("said", "index"),
    [
        ({"audit": "recorded", "audit_index": "12"}, 12),
        ({"audit": "counted"}, None),
        ({}, None),
        ({"audit_index": "-1"}, None),
        ({"audit_index": "1e3"}, None),
        ({"audit_index": "٣"}, None),
        ({"audit_index": "9" * 5000}, None),
    ],
)
def test_an_index_is_believed_to_be_one_only_if_it_is_a_number(
    said: dict[str, str], index: int | None
) -> None:
    assert RefusedError("no", Answer(reason="X", metadata=said)).audit_index == index


@pytest.mark.asyncio
async def test_another_event_than_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    home, (records, checkpoint) = a_home(tmp_path), TWO

    class Session(Talk):
        async def call(self, method: str, request: Any) -> Any:
            assert (method, request.index) == ("GetAuditEvent", 0)
            return pb.GetAuditEventResponse(record=records[1], checkpoint=checkpoint)

    session: Any = Session(proof=())
    with pytest.raises(VerificationError) as error:
        await audit.event(session, home, 0)
    assert error.value.reason == Flaw.ANSWER_MISMATCHED


@pytest.mark.asyncio
async def test_pages_without_events_are_read_on_and_not_for_ever(tmp_path: Path) -> None:
    home = a_home(tmp_path)

    class Pages(Talk):
        """An exchange that shows nothing so many times, and then what there is."""

        def __init__(self, empty: int, *, moving: bool) -> None:
            super().__init__(proof=())
            self.empty, self.moving, self.shown = empty, moving, 0

        async def call(self, method: str, request: Any) -> Any:
            self.shown += 1
            empty = self.shown <= self.empty
            return pb.ListAuditEventsResponse(
                records=() if empty else TWO[0],
                checkpoint=TWO[1],
                cursor=str(self.shown if self.moving else 7),
                more=empty,
            )

    assert await listed(Pages(30, moving=True), home) == [0, 1]
    for endless in (Pages(3, moving=False), Pages(10_000, moving=True)):
        with pytest.raises(VerificationError, match="says that there is more"):
            await listed(endless, home)


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
