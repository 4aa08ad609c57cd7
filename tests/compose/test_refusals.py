"""Refusals of a real exchange carry the index of their record, and the record proves itself."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2

from forewarn.exchange.v1 import audit_pb2, log_service_pb2
from forewarn.exchange.v1 import audit_service_pb2 as audit
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import directory_pb2
from gateway.audit.refusals import Alone
from gateway.core.checkpoint import NoteVerifier, open_checkpoint
from gateway.core.commitment import entry_leaf_hash
from gateway.core.errors import Reason
from gateway.core.proof import verify_inclusion
from tests.world.audited import stored
from tests.world.ledger_builder import Party, party
from tests.world.live import (
    AURORA,
    CALL_SECONDS,
    CIVIL,
    HARBOR,
    QUAY,
    Desk,
    Live,
    Refused,
    notice,
    refused,
    refused_status,
    statement,
)

BURST = 5
BOREALIS = party("borealis", "lab", "release-desk")
NOT_THERE = bytes(32)
ID = "019aa3d2-6b1c-7c80-8a31-000000000001"


def narrow(live: Live) -> None:
    """Have few refusals of one system recorded by themselves."""
    live.init()
    config = live.state / "gateway.toml"
    text = config.read_text()
    text = text.replace("audit_refusals_burst = 60", f"audit_refusals_burst = {BURST}")
    text = text.replace("audit_refusals_per_second = 1.0", "audit_refusals_per_second = 0.01")
    config.write_text(text)
    live.serve()
    live.enrol(AURORA, CIVIL, HARBOR, QUAY)


def refusal(call: Any, request: Any) -> Refused:
    with pytest.raises(grpc.RpcError) as error:
        answered(call(request, timeout=CALL_SECONDS))
    return refused(error.value)


def answered(answer: Any) -> None:
    """Wait for the end of a stream of answers; a single one has come already."""
    if hasattr(answer, "__next__"):
        list(answer)


def shown(live: Live, desk: Desk, index: int | None) -> audit_pb2.AuditEvent:
    """Get an event by its index, proven under the audit log's key."""
    assert index is not None
    stated = json.loads((live.state / "inception.json").read_text())
    key = NoteVerifier.parse(stated["audit_log_key"])
    answer = desk.audit.GetAuditEvent(audit.GetAuditEventRequest(index=index), timeout=CALL_SECONDS)
    head = open_checkpoint(answer.checkpoint, [key], "exchange.example/audit")
    record = answer.record
    leaf = entry_leaf_hash(record.event, record.salt)
    verify_inclusion(leaf, index, head.size, record.inclusion_proof, head.root)
    assert record.index == index
    return audit_pb2.AuditEvent.FromString(record.event)


def test_a_refusal_leads_to_its_record_which_names_call_reason_and_digest(exchange: Live) -> None:
    sent = notice(CIVIL)
    with exchange.desk(HARBOR) as bank:
        found = [
            ("Submit", refusal(bank.exchange.Submit, pb.SubmitRequest(envelope=sent.envelope))),
            (
                "GetCase",
                refusal(bank.exchange.GetCase, pb.GetCaseRequest(case_digest=sent.digest)),
            ),
            ("Follow", refusal(bank.exchange.Follow, pb.FollowRequest(cursor="?"))),
        ]
        for rpc, answer in found:
            assert answer.audit == "recorded"
            event = shown(exchange, bank, answer.audit_index)
            told = event.calls_refused
            assert (event.rpc, event.system, event.member) == (rpc, HARBOR.system, HARBOR.member)
            assert (told.reason, told.count) == (answer.reason, 1)
            assert list(told.digests) == ([] if rpc == "Follow" else [sent.digest])


def test_what_others_were_refused_and_what_there_is_not_are_the_same_no(exchange: Live) -> None:
    with exchange.desk(HARBOR) as bank, exchange.desk(QUAY) as other:
        of_bank = refusal(bank.exchange.GetCase, pb.GetCaseRequest(case_digest=NOT_THERE))
        answers = [
            refusal(other.audit.GetAuditEvent, audit.GetAuditEventRequest(index=index or 0))
            for index in (of_bank.audit_index, 2**40, 2**64 - 1)
        ]

    assert answers == [answers[0]] * 3
    assert answers[0].reason == Reason.ENTRY_NOT_FOUND


def test_refusals_on_a_stream_of_statements_carry_theirs(exchange: Live) -> None:
    # Signed by somebody else: none of them is aurora's.
    sent = [notice(CIVIL, keys=[HARBOR.key]) for _ in range(20)]
    requests = iter(
        [pb.SubmitStreamRequest(tag=tag, envelope=each.envelope) for tag, each in enumerate(sent)]
    )
    with exchange.desk(AURORA) as lab:
        answers = list(lab.exchange.SubmitStream(requests, timeout=CALL_SECONDS))
        assert len(answers) == len(sent)
        places = set()
        for answer in answers:
            status = status_pb2.Status.FromString(answer.refused)
            said = refused_status(status, grpc.StatusCode.PERMISSION_DENIED, "")
            told = shown(exchange, lab, said.audit_index).calls_refused
            assert list(told.digests) == [sent[answer.tag].digest]
            places.add(said.audit_index)
    assert len(places) == len(sent)


def test_a_suspended_system_is_told_where_it_is_on_record(exchange: Live) -> None:
    exchange.enrol(BOREALIS)
    suspension = statement(
        "SYSTEM_SUSPENSION",
        BOREALIS,
        facts=directory_pb2.SystemSuspensionFacts(
            member=BOREALIS.member,
            system=BOREALIS.system,
            reason=directory_pb2.ENDING_REASON_COMPROMISED,
        ),
    )
    with exchange.desk(BOREALIS) as desk:
        desk.submit(suspension)
        answer = refusal(desk.exchange.ListEntries, pb.ListEntriesRequest())

    assert (answer.reason, answer.audit) == (Reason.SYSTEM_SUSPENDED, "recorded")
    assert answer.audit_index is not None
    event = stored(exchange)[answer.audit_index]
    assert (event.system, event.calls_refused.reason) == (BOREALIS.system, "SYSTEM_SUSPENDED")


def test_a_flood_hides_nobody_elses_and_an_equivocation_is_on_record_within_it(
    own: Live,
) -> None:
    narrow(own)
    said, other = (notice(CIVIL, statement_id=ID, days=days) for days in (62, 80))
    stop = threading.Event()

    def flood(who: Party) -> list[Refused]:
        answers: list[Refused] = []
        with own.desk(who) as desk:
            while not stop.is_set() or len(answers) < 4 * BURST:
                asked = pb.GetCaseRequest(case_digest=NOT_THERE)
                answers.append(refusal(desk.exchange.GetCase, asked))
        return answers

    with ThreadPoolExecutor(2) as pool, own.desk(AURORA) as lab, own.desk(QUAY) as bank:
        floods = [pool.submit(flood, who) for who in (AURORA, HARBOR)]
        lab.submit(said)
        until = time.monotonic() + CALL_SECONDS
        while len([each for each in stored(own) if each.member == "aurora"]) < BURST:
            assert time.monotonic() < until
        twice = [
            refusal(lab.exchange.Submit, pb.SubmitRequest(envelope=other.envelope))
            for _ in range(3)
        ]
        others = refusal(bank.exchange.GetCase, pb.GetCaseRequest(case_digest=NOT_THERE))
        stop.set()
        answers = [each for flooding in floods for each in flooding.result()]
        for answer in twice:
            assert answer.reason == Reason.EQUIVOCATION
            told = shown(own, lab, answer.audit_index).calls_refused
            assert told.reason == "EQUIVOCATION"
            assert other.digest in told.digests
        assert shown(own, bank, others.audit_index).calls_refused.count == 1

    recorded = [each for each in answers if each.audit == "recorded"]
    counted = [each for each in answers if each.audit == "counted"]
    assert len(recorded) <= 2 * (BURST + 1)
    assert len(recorded) + len(counted) == len(answers)
    # Each is on record once in the end, by itself or in a count.
    assert own.stop() == 0
    assert _refused_cases(own) == len(answers) + 1


def _refused_cases(live: Live) -> int:
    return sum(
        each.calls_refused.count
        for each in stored(live)
        if each.calls_refused.reason == Reason.CASE_NOT_FOUND
    )


def test_what_was_answered_with_an_index_outlives_a_kill(own: Live) -> None:
    own.init()
    own.serve()
    own.enrol(AURORA, CIVIL)
    said, other = (notice(CIVIL, statement_id=ID, days=days) for days in (62, 80))
    with own.desk(AURORA) as lab:
        answers = [
            refusal(lab.exchange.GetCase, pb.GetCaseRequest(case_digest=bytes([n]) * 32))
            for n in range(10)
        ]
        lab.submit(said)
        twice = refusal(lab.exchange.Submit, pb.SubmitRequest(envelope=other.envelope))
        own.kill()
    own.serve()

    with own.desk(AURORA) as lab:
        lab.log.GetCheckpoint(log_service_pb2.GetCheckpointRequest(), timeout=CALL_SECONDS)
        for number, answer in enumerate(answers):
            told = shown(own, lab, answer.audit_index).calls_refused
            assert list(told.digests) == [bytes([number]) * 32]
        told = shown(own, lab, twice.audit_index).calls_refused
        assert (told.reason, list(told.digests)) == (Reason.EQUIVOCATION, [other.digest])


def test_while_nothing_is_stored_a_refusal_waits_a_moment_and_the_next_not_at_all(
    own: Live,
) -> None:
    own.init()
    own.serve()
    own.enrol(AURORA)
    asked, calls = pb.GetCaseRequest(case_digest=NOT_THERE), 20
    (server,) = (
        int(path.stem.partition("_")[2]) for path in (own.state / "run").glob("nats-server_*.ports")
    )
    with own.desk(AURORA) as lab:
        lab.status()
        os.kill(server, signal.SIGSTOP)
        began = time.monotonic()
        try:
            answers = [refusal(lab.exchange.GetCase, asked) for _ in range(calls)]
        finally:
            os.kill(server, signal.SIGCONT)
        assert {each.audit for each in answers} == {"counted"}
        assert time.monotonic() - began < calls * Alone().seconds
        # It works again: the next has an index, once what was late has come through.
        until = time.monotonic() + CALL_SECONDS
        while refusal(lab.exchange.GetCase, asked).audit_index is None:
            calls += 1
            assert time.monotonic() < until
            time.sleep(0.2)
    assert own.stop() == 0
    # What was late, what was counted and what has an index: each is on record once.
    assert _refused_cases(own) == calls + 1
