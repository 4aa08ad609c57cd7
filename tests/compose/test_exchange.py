"""Statements in and out of a running gateway, by raw stubs."""

from __future__ import annotations

from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any

import grpc
import pytest

from forewarn.exchange.v1 import directory_service_pb2, ledger_pb2, log_service_pb2
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import values_pb2
from gateway.core.checkpoint import Checkpoint, NoteVerifier, open_checkpoint
from gateway.core.errors import Reason
from gateway.core.merkle import verify_consistency, verify_inclusion
from gateway.edge.floor import VERIFIED_SIZE
from gateway.edge.paging import PAGE_BYTES
from gateway.wire.statements import MAX_STATEMENT_BYTES
from tests.world.ledger_builder import ORIGIN
from tests.world.live import (
    AURORA,
    CALL_SECONDS,
    CIVIL,
    HARBOR,
    NATSEC,
    QUAY,
    Desk,
    Live,
    Refused,
    Statement,
    acknowledgement,
    alert,
    alert_update,
    genesis,
    notice,
    refused,
)

RECEIVED = pb.EntryFilter(box="BOX_RECEIVED")
ALL = pb.EntryFilter(box="BOX_ALL")

LARGE = values_pb2.Attachment(
    file_name="advisory.json",
    media_type="application/json",
    size=900_000,
    sha256=sha256(bytes(900_000)).digest(),
    data=bytes(900_000),
)


@pytest.fixture(scope="session")
def log_key(exchange: Live) -> NoteVerifier:
    line = next(
        line
        for line in (exchange.state / "exchange.toml").read_text().splitlines()
        if line.startswith("log_key")
    )
    return NoteVerifier.parse(line.split('"')[1])


def verify(record: Any, note: bytes, log_key: NoteVerifier) -> None:
    """Verify a record with nothing but what a member pins."""
    checkpoint = open_checkpoint(note, [log_key], ORIGIN)
    commitment = hmac_digest(record.salt, b"forewarn/commit/v1\0" + record.entry_body, "sha256")
    leaf = sha256(b"\0forewarn/leaf/v1\n\0" + commitment).digest()
    proof = tuple(record.inclusion_proof)
    verify_inclusion(leaf, record.index, checkpoint.size, proof, checkpoint.root)


def envelope_of(entry_body: bytes) -> bytes:
    return ledger_pb2.EntryBody.FromString(entry_body).envelope


def listed(desk: Desk, **fields: Any) -> Any:
    request = pb.ListEntriesRequest(**{"filter": RECEIVED, **fields})
    return desk.exchange.ListEntries(request, timeout=CALL_SECONDS)


def refusal(call: Any, request: Any) -> Refused:
    with pytest.raises(grpc.RpcError) as error:
        call(request, timeout=CALL_SECONDS)
    return refused(error.value)


def received(desk: Desk) -> list[bytes]:
    """Every envelope that was delivered to a member, page by page."""
    found: list[bytes] = []
    cursor, more = "", True
    while more:
        page = listed(desk, cursor=cursor, page_size=3)
        assert len(page.records) <= 3
        found += [envelope_of(record.entry_body) for record in page.records]
        cursor, more = page.cursor, page.more
    assert not listed(desk, cursor=cursor).records
    return found


def test_a_notice_is_recorded_proven_and_delivered(exchange: Live, log_key: NoteVerifier) -> None:
    sent = notice(CIVIL)
    with exchange.desk(AURORA) as lab, exchange.desk(CIVIL) as agency:
        answer = lab.submit(sent)
        delivered = received(agency)

    record = ledger_pb2.Record(
        entry_body=answer.entry_body,
        index=answer.receipt.index,
        salt=answer.receipt.salt,
        inclusion_proof=answer.receipt.inclusion_proof,
    )
    verify(record, answer.receipt.checkpoint, log_key)
    assert answer.digest == sent.digest
    assert envelope_of(answer.entry_body) == sent.envelope
    assert delivered.count(sent.envelope) == 1
    views = {view.profile.partition("@")[0]: view for view in answer.lead_times}
    assert (views["us-draft-2026-05"].named, views["us-draft-2026-05"].short_by_days) == (True, 28)
    assert not views["us-eo-14409"].named


def test_the_same_again_is_answered_with_the_same_index(exchange: Live) -> None:
    sent = notice(CIVIL)
    with exchange.desk(AURORA) as lab:
        first, second = lab.submit(sent), lab.submit(sent)

    assert first.receipt.index == second.receipt.index
    assert first.receipt.salt == second.receipt.salt
    assert first.entry_body == second.entry_body


def test_a_page_of_records_verifies_under_one_checkpoint(
    exchange: Live, log_key: NoteVerifier
) -> None:
    with exchange.desk(AURORA) as lab, exchange.desk(NATSEC) as agency:
        for _ in range(3):
            lab.submit(notice(NATSEC))
        page = listed(agency)

    assert len(page.records) >= 3
    for record in page.records:
        verify(record, page.checkpoint, log_key)


def test_what_is_not_yours_and_what_is_not_there_answer_with_the_same_bytes(
    exchange: Live,
) -> None:
    with exchange.desk(AURORA) as lab, exchange.desk(HARBOR) as bank:
        sent = notice(CIVIL)
        index = lab.submit(sent).receipt.index
        answers = [
            refusal(bank.exchange.GetEntry, request)
            for request in (
                pb.GetEntryRequest(index=index),
                pb.GetEntryRequest(digest=sent.digest),
                pb.GetEntryRequest(index=index + 1_000_000),
                pb.GetEntryRequest(index=2**64 - 1),
                pb.GetEntryRequest(digest=bytes(32)),
            )
        ]
        cases = [
            refusal(bank.exchange.GetCase, pb.GetCaseRequest(case_digest=digest))
            for digest in (sent.digest, bytes(32))
        ]
        assert lab.exchange.GetEntry(pb.GetEntryRequest(index=index)).record.index == index

    assert answers == [answers[0]] * len(answers)
    assert answers[0].reason == Reason.ENTRY_NOT_FOUND
    assert cases == [cases[0]] * len(cases)
    assert cases[0].reason == Reason.CASE_NOT_FOUND
    # Each is on record, at a place of its own: that place alone differs.
    places = [each.audit_index for each in (*answers, *cases)]
    assert None not in places
    assert len(set(places)) == len(places)


def test_delivered_implies_entitled_on_every_way_out(exchange: Live) -> None:
    """Two agencies get notices of their own; nothing of one reaches the other, or a bank."""
    parties = {"civil": CIVIL, "natsec": NATSEC, "bank": HARBOR, "other bank": QUAY}
    mine = {"civil": notice(CIVIL), "natsec": notice(NATSEC)}
    seen: dict[str, set[bytes]] = {}
    with exchange.desk(AURORA) as lab:
        for statement in mine.values():
            lab.submit(statement)
    for name, who in parties.items():
        with exchange.desk(who) as desk:
            seen[name] = everything(desk, mine)

    for owner, statement in mine.items():
        assert {name for name, found in seen.items() if statement.envelope in found} == {owner}


def everything(desk: Desk, mine: dict[str, Statement]) -> set[bytes]:
    """Every envelope that a member can get, by whatever way."""
    found: set[bytes] = set()
    digests = [statement.digest for statement in mine.values()]
    for box in ("BOX_RECEIVED", "BOX_SENT", "BOX_ALL"):
        for digest in (b"", *digests):
            chosen = pb.EntryFilter(box=box, case_digest=digest)
            page = listed(desk, filter=chosen, page_size=1000)
            found |= {envelope_of(record.entry_body) for record in page.records}
            stream = desk.exchange.Follow(pb.FollowRequest(filter=chosen), timeout=CALL_SECONDS)
            found |= {envelope_of(record.entry_body) for record in next(stream).records}
            stream.cancel()
    for digest in digests:
        for call, request in (
            (desk.exchange.GetEntry, pb.GetEntryRequest(digest=digest)),
            (desk.exchange.GetCase, pb.GetCaseRequest(case_digest=digest)),
        ):
            try:
                answer = call(request, timeout=CALL_SECONDS)
            except grpc.RpcError:
                continue
            records = [answer.record] if request.DESCRIPTOR.name == "GetEntryRequest" else None
            found |= {envelope_of(each.entry_body) for each in records or answer.records}
    cases = desk.exchange.ListCases(pb.ListCasesRequest(page_size=1000), timeout=CALL_SECONDS)
    assert len([case for case in cases.cases if case.case_digest in digests]) <= 1
    whole = directory_service_pb2.ListDirectoryEntriesRequest(page_size=1000)
    chain = desk.directory.ListDirectoryEntries(whole, timeout=CALL_SECONDS)
    return found | {envelope_of(record.entry_body) for record in chain.records}


def test_what_is_clear_may_be_fetched_by_any_member_and_is_delivered_to_its_audience(
    exchange: Live,
) -> None:
    sent = alert(CIVIL, HARBOR, tlp="TLP_LEVEL_CLEAR")
    with exchange.desk(CIVIL) as agency, exchange.desk(QUAY) as other:
        agency.submit(sent)
        fetched = other.exchange.GetEntry(pb.GetEntryRequest(digest=sent.digest))
        case = other.exchange.GetCase(pb.GetCaseRequest(case_digest=sent.digest))

        assert envelope_of(fetched.record.entry_body) == sent.envelope
        assert case.case_view.state == "ISSUED"
        assert sent.envelope not in received(other)


def test_a_case_moves_and_both_parties_see_it(exchange: Live) -> None:
    sent = notice(CIVIL)
    with exchange.desk(AURORA) as lab, exchange.desk(CIVIL) as agency:
        opened = lab.submit(sent).receipt.index
        answered = agency.submit(acknowledgement(CIVIL, sent.digest, AURORA)).receipt.index
        for desk in (lab, agency):
            case = desk.exchange.GetCase(pb.GetCaseRequest(case_digest=sent.digest))
            assert case.case_view == pb.CaseView(
                case_digest=sent.digest,
                protocol="release",
                state="ACKNOWLEDGED",
                opened_index=opened,
                last_index=answered,
            )
            assert [record.index for record in case.records] == [opened, answered]


def test_a_case_is_read_page_by_page(exchange: Live) -> None:
    sent = newest = alert(CIVIL, QUAY)
    with exchange.desk(CIVIL) as agency, exchange.desk(QUAY) as bank:
        indexes = [agency.submit(sent).receipt.index]
        for _ in range(3):
            newest = alert_update(CIVIL, sent.digest, newest.digest, QUAY, attachments=[LARGE])
            indexes.append(agency.submit(newest).receipt.index)
        request = pb.GetCaseRequest(case_digest=sent.digest)
        first = bank.exchange.GetCase(request)
        request.from_index = first.records[-1].index + 1
        rest = bank.exchange.GetCase(request)

    pages = [[record.index for record in page.records] for page in (first, rest)]
    assert pages[0] + pages[1] == indexes
    assert (first.more, rest.more) == (True, False)
    assert first.case_view == rest.case_view


def test_cases_are_listed_page_by_page_in_the_order_of_opening(exchange: Live) -> None:
    with exchange.desk(AURORA) as lab, exchange.desk(NATSEC) as agency:
        sent = [notice(NATSEC) for _ in range(3)]
        for each in sent:
            lab.submit(each)
        found, cursor, more = [], "", True
        while more:
            request = pb.ListCasesRequest(protocol="release", page_size=2, cursor=cursor)
            page = agency.exchange.ListCases(request, timeout=CALL_SECONDS)
            found += [case.case_digest for case in page.cases]
            cursor, more = page.cursor, page.more

        assert found[-3:] == [each.digest for each in sent]
        assert len(found) == len(set(found))
        later = pb.ListCasesRequest(protocol="release", cursor=cursor)
        assert not agency.exchange.ListCases(later).cases
        assert not agency.exchange.ListCases(pb.ListCasesRequest(protocol="grant")).cases


def test_a_cursor_belongs_to_its_member_its_filter_and_its_list(exchange: Live) -> None:
    with exchange.desk(CIVIL) as agency, exchange.desk(NATSEC) as other:
        cursor = listed(agency).cursor
        answers = [
            refusal(
                other.exchange.ListEntries, pb.ListEntriesRequest(filter=RECEIVED, cursor=cursor)
            ),
            refusal(agency.exchange.ListEntries, pb.ListEntriesRequest(filter=ALL, cursor=cursor)),
            refusal(agency.exchange.ListCases, pb.ListCasesRequest(cursor=cursor)),
            refusal(
                agency.exchange.ListEntries, pb.ListEntriesRequest(filter=RECEIVED, cursor="x")
            ),
        ]
        # Follow goes on where a list ended.
        stream = agency.exchange.Follow(pb.FollowRequest(filter=RECEIVED, cursor=cursor))
        assert not next(stream).records
        stream.cancel()

    assert {answer.reason for answer in answers} == {Reason.CURSOR_INVALID}


REFUSED: dict[str, tuple[str, Any, Reason]] = {
    "page too large": (
        "ListEntries",
        pb.ListEntriesRequest(filter=ALL, page_size=1001),
        Reason.PAGE_SIZE_INVALID,
    ),
    "no filter": ("ListEntries", pb.ListEntriesRequest(), Reason.FIELD_MISSING),
    "no filter to follow": ("Follow", pb.FollowRequest(), Reason.FIELD_MISSING),
    "unknown kind": (
        "ListEntries",
        pb.ListEntriesRequest(filter=pb.EntryFilter(box="BOX_ALL", kinds=[7])),  # type: ignore[list-item] # a number that is no kind
        Reason.ENUM_UNKNOWN,
    ),
    "no name": ("GetEntry", pb.GetEntryRequest(), Reason.FIELD_MISSING),
    "short digest": ("GetEntry", pb.GetEntryRequest(digest=b"x"), Reason.FIELD_INVALID),
    "no case": ("GetCase", pb.GetCaseRequest(), Reason.FIELD_MISSING),
    "unknown protocol": ("ListCases", pb.ListCasesRequest(protocol="x"), Reason.FIELD_INVALID),
    "too large a page of cases": (
        "ListCases",
        pb.ListCasesRequest(page_size=1001),
        Reason.PAGE_SIZE_INVALID,
    ),
    "too large a statement": (
        "Submit",
        pb.SubmitRequest(envelope=bytes(MAX_STATEMENT_BYTES + 1)),
        Reason.STATEMENT_TOO_LARGE,
    ),
    "no envelope": ("Submit", pb.SubmitRequest(envelope=b"\xff"), Reason.ENVELOPE_MALFORMED),
    "another exchange": (
        "Submit",
        pb.SubmitRequest(envelope=notice(CIVIL, exchange="elsewhere.example/ledger").envelope),
        Reason.EXCHANGE_FOREIGN,
    ),
    "another's key": (
        "Submit",
        pb.SubmitRequest(envelope=notice(CIVIL, keys=[CIVIL.key]).envelope),
        Reason.KEY_NOT_OF_SENDER,
    ),
    "a genesis again": (
        "Submit",
        pb.SubmitRequest(envelope=genesis().envelope),
        Reason.KEY_NOT_OF_SENDER,
    ),
}


@pytest.mark.parametrize(("method", "request_", "reason"), REFUSED.values(), ids=REFUSED)
def test_bad_input_has_its_reason_and_is_not_recorded(
    exchange: Live, method: str, request_: Any, reason: Reason
) -> None:
    with exchange.desk(AURORA) as lab:
        before = size(lab)
        # A stream refuses when it is read, any other call at once.
        answer = refusal(
            lambda request, timeout: list(getattr(lab.exchange, method)(request, timeout=timeout)),
            request_,
        )
        after = size(lab)

    assert answer.reason == reason
    assert before == after


def size(desk: Desk) -> int:
    note = desk.log.GetCheckpoint(log_service_pb2.GetCheckpointRequest()).checkpoint
    return int(note.split(b"\n")[1])


def test_a_page_is_bounded_by_its_bytes_too(exchange: Live) -> None:
    with exchange.desk(CIVIL) as agency, exchange.desk(QUAY) as bank:
        start, more = "", True
        while more:
            page = listed(bank, cursor=start)
            start, more = page.cursor, page.more
        sent = []
        for _ in range(3):
            one = alert(CIVIL, QUAY, attachments=[LARGE])
            agency.submit(one)
            sent.append(one.envelope)
        first = listed(bank, cursor=start)
        second = listed(bank, cursor=first.cursor)

    pages = [[envelope_of(each.entry_body) for each in page.records] for page in (first, second)]
    assert pages == [sent[:2], sent[2:]]
    assert (first.more, second.more) == (True, False)
    assert first.ByteSize() < PAGE_BYTES


def test_the_directory_is_a_chain_that_every_member_may_read(
    exchange: Live, log_key: NoteVerifier
) -> None:
    with exchange.desk(QUAY) as bank:
        found, at, more = [], 0, True
        while more:
            request = directory_service_pb2.ListDirectoryEntriesRequest(from_index=at, page_size=2)
            page = bank.directory.ListDirectoryEntries(request, timeout=CALL_SECONDS)
            for record in page.records:
                verify(record, page.checkpoint, log_key)
            found += [record.index for record in page.records]
            at, more = found[-1] + 1, page.more

    assert found[0] == 0
    assert found == sorted(set(found))
    assert len(found) >= 6


def test_the_log_proves_any_leaf_and_shows_none(exchange: Live) -> None:
    with exchange.desk(QUAY) as bank:
        request = log_service_pb2.GetInclusionProofRequest(index=1, tree_size=3)
        answer = bank.log.GetInclusionProof(request, timeout=CALL_SECONDS)
        beyond = refusal(
            bank.log.GetInclusionProof,
            log_service_pb2.GetInclusionProofRequest(index=0, tree_size=2**40),
        )
        nowhere = refusal(
            bank.log.GetInclusionProof,
            log_service_pb2.GetInclusionProofRequest(index=3, tree_size=3),
        )

    assert (answer.tree_size, len(answer.leaf_hash), len(answer.inclusion_proof)) == (3, 32, 2)
    assert beyond.reason == Reason.TREE_SIZE_UNAVAILABLE
    assert nowhere.reason == Reason.ENTRY_NOT_FOUND


def test_the_log_proves_that_it_goes_on_and_shows_no_less_than_was_verified(
    exchange: Live, log_key: NoteVerifier
) -> None:
    with exchange.desk(CIVIL) as agency, exchange.desk(HARBOR) as bank:

        def newest() -> Checkpoint:
            request = log_service_pb2.GetCheckpointRequest()
            note = bank.log.GetCheckpoint(request, timeout=CALL_SECONDS).checkpoint
            return open_checkpoint(note, [log_key], ORIGIN)

        before = newest()
        for _ in range(3):
            agency.submit(alert(CIVIL, HARBOR))
        after = newest()
        request = log_service_pb2.GetConsistencyProofRequest(
            old_size=before.size, new_size=after.size
        )
        answer = bank.log.GetConsistencyProof(request, timeout=CALL_SECONDS)
        proof = tuple(answer.consistency_proof)
        beyond, backwards = (
            refusal(
                bank.log.GetConsistencyProof,
                log_service_pb2.GetConsistencyProofRequest(old_size=old, new_size=new),
            )
            for old, new in ((1, 2**40), (2, 1))
        )
        ahead = log_service_pb2.GetCheckpointRequest()
        said = ((VERIFIED_SIZE, str(after.size + 1)),)
        with pytest.raises(grpc.RpcError) as waited:
            bank.log.GetCheckpoint(ahead, timeout=CALL_SECONDS, metadata=said)

    assert after.size >= before.size + 3
    verify_consistency(before.size, before.root, after.size, after.root, proof)
    assert beyond.reason == Reason.TREE_SIZE_UNAVAILABLE
    assert backwards.reason == Reason.FIELD_INVALID
    behind = refused(waited.value)
    assert (behind.code, behind.reason, behind.retry) == (
        grpc.StatusCode.UNAVAILABLE,
        Reason.LEDGER_UNAVAILABLE,
        True,
    )
