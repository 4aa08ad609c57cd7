"""The audit log of a real exchange: recorded before it leaves, shown to whom it concerns."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forewarn.exchange.v1 import audit_pb2, envelope_pb2, ledger_pb2
from forewarn.exchange.v1 import audit_service_pb2 as audit
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import header_pb2
from gateway.audit.refusals import Alone
from gateway.core.checkpoint import NoteVerifier, open_checkpoint
from gateway.core.commitment import entry_leaf_hash
from gateway.core.errors import Reason
from gateway.core.proof import verify_inclusion
from tests.world.audited import acts, stored
from tests.world.ledger_builder import Party, party
from tests.world.live import (
    AURORA,
    CALL_SECONDS,
    CIVIL,
    HARBOR,
    NATSEC,
    QUAY,
    REGISTRAR,
    Desk,
    Live,
    Statement,
    alert,
    notice,
    refused,
    run,
)

BOREALIS = party("borealis", "lab", "release-desk")
AUDIT_ORIGIN = "exchange.example/audit"
BOX = pb.EntryFilter(box=pb.BOX_RECEIVED)
NOT_THERE = bytes(32)
# Refusals and administrative acts are noted within a second or two.
SOON = 8.0


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    live = Live.make(tmp_path_factory.mktemp("audited"))
    live.init()
    live.serve()
    live.enrol(AURORA, BOREALIS, CIVIL, NATSEC, HARBOR, QUAY)
    yield live
    live.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Live]:
    live = Live.make(tmp_path)
    yield live
    if live.process is not None:
        live.kill()


def audit_key(live: Live) -> NoteVerifier:
    stated = json.loads((live.state / "inception.json").read_text())
    return NoteVerifier.parse(stated["audit_log_key"])


def events(live: Live, who: Party, **asked: Any) -> list[audit_pb2.AuditEvent]:
    """List a member's events, page by page, each proven under the audit log's key."""
    found = []
    request = audit.ListAuditEventsRequest(**asked)
    with live.desk(who) as desk:
        while True:
            answer = desk.audit.ListAuditEvents(request, timeout=CALL_SECONDS)
            head = open_checkpoint(answer.checkpoint, [audit_key(live)], AUDIT_ORIGIN)
            for each in answer.records:
                leaf = entry_leaf_hash(each.event, each.salt)
                verify_inclusion(leaf, each.index, head.size, each.inclusion_proof, head.root)
                found.append(audit_pb2.AuditEvent.FromString(each.event))
            if not answer.more:
                return found
            request.cursor = answer.cursor


def releases(live: Live, who: Party, **asked: Any) -> list[tuple[str, str, tuple[int, ...]]]:
    return [
        (each.member, each.rpc, tuple(each.content_released.entry_indexes))
        for each in events(live, who, **asked)
        if each.WhichOneof("event") == "content_released"
    ]


def eventually(question: Any) -> Any:
    until = time.monotonic() + SOON
    while not (found := question()):
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.05)
    return found


def said(live: Live, sent: Statement, who: Party) -> int:
    with live.desk(who) as desk:
        index: int = desk.submit(sent).receipt.index
    return index


def get(desk: Desk, index: int) -> ledger_pb2.Record:
    answer = desk.exchange.GetEntry(pb.GetEntryRequest(index=index), timeout=CALL_SECONDS)
    record: ledger_pb2.Record = answer.record
    return record


def test_a_lab_sees_who_was_given_its_statement_by_which_call_and_when(exchange: Live) -> None:
    before = datetime.now(UTC)
    index = said(exchange, notice(CIVIL, NATSEC), AURORA)
    with exchange.desk(CIVIL) as desk:
        desk.exchange.ListEntries(pb.ListEntriesRequest(filter=BOX), timeout=CALL_SECONDS)
    with exchange.desk(NATSEC) as desk:
        get(desk, index)

    found = [
        each for each in events(exchange, AURORA) if index in each.content_released.entry_indexes
    ]

    assert [(each.system, each.rpc, each.concerned) for each in found] == [
        (CIVIL.system, "ListEntries", "aurora"),
        (NATSEC.system, "GetEntry", "aurora"),
    ]
    times = [each.event_time.ToDatetime(UTC) for each in found]
    assert before - timedelta(seconds=1) < times[0] <= times[1] <= datetime.now(UTC)


def test_an_answer_with_statements_of_two_members_is_an_event_for_each(exchange: Live) -> None:
    mine = said(exchange, notice(CIVIL), AURORA)
    others = said(exchange, notice(CIVIL, sender=BOREALIS.member, keys=[BOREALIS.key]), BOREALIS)
    with exchange.desk(CIVIL) as desk:
        answer = desk.exchange.ListEntries(
            pb.ListEntriesRequest(filter=BOX, page_size=1000), timeout=CALL_SECONDS
        )
    assert {mine, others} <= {each.index for each in answer.records}

    seen = [indexes for _, _, indexes in releases(exchange, AURORA) if mine in indexes]
    seen_by_the_other = [i for _, _, i in releases(exchange, BOREALIS) if others in i]
    own_calls = [i for member, _, i in releases(exchange, CIVIL) if mine in i or others in i]

    assert seen
    assert seen_by_the_other
    assert not any(others in indexes for indexes in seen)
    assert not any(mine in indexes for indexes in seen_by_the_other)
    assert {mine, others} <= {index for indexes in own_calls for index in indexes}


def test_nobody_else_is_shown_anything_of_it(exchange: Live) -> None:
    index = said(exchange, notice(CIVIL, NATSEC), AURORA)
    with exchange.desk(CIVIL) as desk:
        get(desk, index)

    for other in (NATSEC, HARBOR, BOREALIS, REGISTRAR):
        shown = events(exchange, other)
        assert not any(index in each.content_released.entry_indexes for each in shown)
        assert all(other.member in {each.member, each.concerned} for each in shown)


def test_what_is_green_is_noted_soon_for_whom_it_is_addressed_to_and_nobody_else(
    exchange: Live,
) -> None:
    index = said(exchange, alert(CIVIL, HARBOR, tlp="TLP_LEVEL_CLEAR"), CIVIL)
    with exchange.desk(QUAY) as desk:
        get(desk, index)
    with exchange.desk(HARBOR) as desk:
        get(desk, index)

    found = eventually(lambda: [each for each in releases(exchange, CIVIL) if index in each[2]])
    assert found == [("harbor-bank", "GetEntry", (index,))]
    assert found[0] in releases(exchange, HARBOR)


def test_a_stream_records_before_each_message(exchange: Live) -> None:
    with exchange.desk(NATSEC) as desk:
        stream = desk.exchange.Follow(pb.FollowRequest(filter=BOX), timeout=CALL_SECONDS)
        for _ in range(3):
            index = said(exchange, notice(NATSEC), AURORA)
            seen: list[int] = []
            while index not in seen:
                seen = [each.index for each in next(stream).records]
            # The message is here: its release was on disk before.
            recorded = [
                each.content_released.entry_indexes
                for each in stored(exchange)
                if each.rpc == "Follow" and each.member == "natsec-ai"
            ]
            assert any(index in indexes for indexes in recorded)
        stream.cancel()


Delivered = tuple[str, str, int]
READERS = (CIVIL, NATSEC, HARBOR, AURORA)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_is_delivered_above_green_is_on_record(
    exchange: Live, data: st.DataObject
) -> None:
    markings = {"TLP_LEVEL_AMBER", "TLP_LEVEL_AMBER_STRICT", "TLP_LEVEL_GREEN", "TLP_LEVEL_CLEAR"}
    recipients = data.draw(st.sets(st.sampled_from([CIVIL, NATSEC]), min_size=1))
    tlp = data.draw(st.sampled_from(sorted(markings)))
    case = notice(*recipients, tlp=tlp)
    index = said(exchange, case, AURORA)
    calls = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(READERS),
                st.sampled_from(["GetEntry", "ListEntries", "GetCase", "Follow"]),
            ),
            min_size=1,
            max_size=5,
        )
    )
    delivered: list[Delivered] = []
    for who, rpc in calls:
        delivered += [(who.member, rpc, each) for each in ask(exchange, who, rpc, case, index)]

    recorded = [
        (each.member, each.rpc, index)
        for each in stored(exchange)
        for index in each.content_released.entry_indexes
    ]
    assert all(recorded.count(each) >= delivered.count(each) for each in delivered)
    # What is for everybody, or for a community, is counted for whom it is addressed to.
    named = {each.member for each in recipients}
    assert tlp in {"TLP_LEVEL_AMBER", "TLP_LEVEL_AMBER_STRICT"} or all(
        each[0] in named for each in recorded if each[2] == index
    )


def ask(live: Live, who: Party, rpc: str, case: Statement, index: int) -> list[int]:
    """Make a call, and give the indexes of the AMBER entries that came."""
    everything = pb.EntryFilter(box=pb.BOX_ALL)
    with live.desk(who) as desk:
        call = getattr(desk.exchange, rpc)
        request: Any = {
            "GetEntry": pb.GetEntryRequest(index=index),
            "ListEntries": pb.ListEntriesRequest(filter=everything, page_size=1000),
            "GetCase": pb.GetCaseRequest(case_digest=case.digest),
            "Follow": pb.FollowRequest(filter=everything),
        }[rpc]
        try:
            answer = call(request, timeout=CALL_SECONDS)
            answer = next(answer) if rpc == "Follow" else answer
        except grpc.RpcError as error:
            if refused(error).reason not in {Reason.ENTRY_NOT_FOUND, Reason.CASE_NOT_FOUND}:
                raise
            return []
        records = [answer.record] if rpc == "GetEntry" else answer.records
    return [each.index for each in records if marking(each) > header_pb2.TLP_LEVEL_GREEN]


def marking(record: ledger_pb2.Record) -> int:
    body = ledger_pb2.EntryBody.FromString(record.entry_body)
    payload = envelope_pb2.Envelope.FromString(body.envelope).payload
    return header_pb2.Header.FromString(header_pb2.Statement.FromString(payload).header).tlp


def test_a_refusal_is_shown_to_the_member_whose_system_was_refused(exchange: Live) -> None:
    forged = notice(CIVIL, keys=[HARBOR.key])
    with exchange.desk(AURORA) as desk, pytest.raises(grpc.RpcError) as error:
        desk.submit(forged)

    def found() -> list[audit_pb2.AuditEvent]:
        return [
            each for each in events(exchange, AURORA) if forged.digest in each.calls_refused.digests
        ]

    (event,) = eventually(found)
    assert (event.rpc, event.system) == ("Submit", AURORA.system)
    assert event.calls_refused.reason == refused(error.value).reason
    assert event.calls_refused.count == 1
    assert not any(forged.digest in each.calls_refused.digests for each in events(exchange, HARBOR))


def test_a_refusal_within_a_stream_is_counted_and_what_it_records_is_no_release(
    exchange: Live,
) -> None:
    good, forged = notice(CIVIL), notice(CIVIL, keys=[HARBOR.key])
    requests = [
        pb.SubmitStreamRequest(tag=tag, envelope=each.envelope)
        for tag, each in enumerate([good, forged])
    ]
    with exchange.desk(AURORA) as desk:
        answers = list(desk.exchange.SubmitStream(iter(requests), timeout=CALL_SECONDS))
    assert {each.tag: bool(each.refused) for each in answers} == {0: False, 1: True}
    (index,) = (each.recorded.receipt.index for each in answers if not each.refused)

    (event,) = eventually(
        lambda: [
            each for each in events(exchange, AURORA) if forged.digest in each.calls_refused.digests
        ]
    )
    assert (event.rpc, event.system) == ("SubmitStream", AURORA.system)
    assert not any(index in indexes for _, _, indexes in releases(exchange, AURORA))


def test_a_system_that_nobody_registered_is_shown_to_the_member_that_it_names(
    exchange: Live,
) -> None:
    system = "spiffe://exchange.example/lab/borealis/not-registered"
    pair = exchange.authority.leaf([system])
    with exchange.channel(pair) as channel, pytest.raises(grpc.RpcError):
        Desk(channel).submit(notice(CIVIL))

    found = eventually(
        lambda: [each for each in events(exchange, BOREALIS) if each.system == system]
    )
    assert found[0].calls_refused.reason == Reason.SYSTEM_UNKNOWN


def test_a_flood_of_refusals_costs_some_events_and_every_one_is_counted(exchange: Live) -> None:
    calls, asked = 400, pb.GetCaseRequest(case_digest=NOT_THERE)

    def flood() -> None:
        with exchange.desk(QUAY) as desk:
            for _ in range(calls // 4):
                with pytest.raises(grpc.RpcError):
                    desk.exchange.GetCase(asked, timeout=CALL_SECONDS)

    threads = [threading.Thread(target=flood) for _ in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began

    def counted() -> list[audit_pb2.AuditEvent]:
        found = [
            each
            for each in events(exchange, QUAY)
            if each.calls_refused.reason == Reason.CASE_NOT_FOUND
        ]
        return found if sum(each.calls_refused.count for each in found) >= calls else []

    found = eventually(counted)
    assert sum(each.calls_refused.count for each in found) == calls
    alone = Alone()
    assert len(found) <= alone.burst + (1 + alone.per_second) * (2 + seconds)
    assert all(len(each.calls_refused.digests) <= 16 for each in found)


def test_a_guess_at_a_case_is_a_refusal_on_record(exchange: Live) -> None:
    with exchange.desk(HARBOR) as desk, pytest.raises(grpc.RpcError):
        desk.exchange.GetCase(pb.GetCaseRequest(case_digest=b"\7" * 32), timeout=CALL_SECONDS)

    found = eventually(
        lambda: [e for e in events(exchange, HARBOR) if b"\7" * 32 in e.calls_refused.digests]
    )
    assert found[0].calls_refused.reason == Reason.CASE_NOT_FOUND


def test_pages_and_times_narrow_what_is_listed_and_cursors_grant_nothing(exchange: Live) -> None:
    with exchange.desk(CIVIL) as desk:
        for _ in range(3):
            get(desk, said(exchange, notice(CIVIL), AURORA))
    all_of_them = events(exchange, AURORA, page_size=2)
    assert all_of_them == events(exchange, AURORA, page_size=1000)
    times = [each.event_time.ToDatetime(UTC) for each in all_of_them]
    assert times == sorted(times)

    since = all_of_them[-2].event_time
    late = events(exchange, AURORA, since_time=since)
    assert late == [
        each for each in all_of_them if each.event_time.ToNanoseconds() >= since.ToNanoseconds()
    ]
    assert events(exchange, AURORA, since_time=Timestamp(seconds=4_000_000_000)) == []

    with exchange.desk(AURORA) as desk:
        page = desk.audit.ListAuditEvents(
            audit.ListAuditEventsRequest(page_size=1), timeout=CALL_SECONDS
        )
    for asked in (
        {"cursor": page.cursor},
        {"cursor": "?"},
        {"page_size": 1001},
        {"since_time": Timestamp(seconds=1 << 60)},
    ):
        with pytest.raises(grpc.RpcError) as error:
            events(exchange, CIVIL, **asked)
        assert refused(error.value).code is grpc.StatusCode.INVALID_ARGUMENT


def test_what_is_done_to_the_gateway_is_on_record_and_nobodys(own: Live) -> None:
    own.init()
    own.init()
    own.serve()
    own.enrol(AURORA)
    assert own.stop() == 0

    assert acts(own) == [("INIT", ""), ("INIT", ""), ("START", ""), ("STOP", "")]
    about = {
        (each.member, each.concerned, each.system)
        for each in stored(own)
        if each.WhichOneof("event") == "admin_act"
    }
    assert about == {("", "", "")}


def test_without_the_audit_log_nothing_above_green_leaves_and_all_else_goes_on(own: Live) -> None:
    own.init()
    backup = own.folder / "before"
    shutil.copytree(own.state / "jetstream", backup)
    own.serve()
    own.enrol(AURORA, CIVIL, HARBOR)
    index = said(own, notice(CIVIL), AURORA)
    with own.desk(CIVIL) as desk:
        get(desk, index)
    assert own.stop() == 0
    # The audit log's stream loses what was folded from it: its integrator halts.
    (now,) = (own.state / "jetstream").glob("**/streams/AUDIT")
    shutil.rmtree(now)
    shutil.copytree(next(backup.glob("**/streams/AUDIT")), now)
    own.serve()
    eventually(lambda: "integrator halts" in (own.folder / "gateway.log").read_text())

    with own.desk(CIVIL) as desk:
        for call, request in (
            (desk.exchange.GetEntry, pb.GetEntryRequest(index=index)),
            (desk.exchange.ListEntries, pb.ListEntriesRequest(filter=BOX)),
        ):
            with pytest.raises(grpc.RpcError) as error:
                call(request, timeout=CALL_SECONDS)
            assert refused(error.value).reason == Reason.LEDGER_UNAVAILABLE
            assert refused(error.value).retry
        stream = desk.exchange.Follow(pb.FollowRequest(filter=BOX), timeout=CALL_SECONDS)
        with pytest.raises(grpc.RpcError) as error:
            next(stream)
        assert refused(error.value).reason == Reason.LEDGER_UNAVAILABLE
        green = desk.submit(alert(CIVIL, HARBOR)).receipt.index
        amber = alert(CIVIL, HARBOR, tlp="TLP_LEVEL_AMBER")
        assert desk.submit(amber).receipt.index == green + 1
    with own.desk(HARBOR) as desk:
        assert get(desk, green).index == green
        only = pb.EntryFilter(box=pb.BOX_RECEIVED, kinds=["STATEMENT_KIND_ALERT"])
        with pytest.raises(grpc.RpcError):
            desk.exchange.ListEntries(pb.ListEntriesRequest(filter=only), timeout=CALL_SECONDS)
        # What was recorded before can still be listed.
        assert events(own, CIVIL)
        # A no waits for nothing, and says that it is counted only.
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(grpc.RpcError) as error:
                get(desk, green + 1_000_000)
            answer = refused(error.value)
            assert (answer.audit, answer.audit_index) == ("counted", None)
        assert time.monotonic() - began < SOON
    assert own.stop() == 0


@pytest.mark.parametrize("round_", range(3))
def test_killed_while_reading_everything_that_was_delivered_is_on_record(
    own: Live, round_: int
) -> None:
    own.init()
    own.serve()
    own.enrol(AURORA, CIVIL)
    indexes = [said(own, notice(CIVIL), AURORA) for _ in range(3)]
    delivered: list[int] = []
    stop = threading.Event()

    def read() -> None:
        with own.desk(CIVIL) as desk:
            try:
                while not stop.is_set():
                    delivered.append(get(desk, indexes[len(delivered) % 3]).index)
            except grpc.RpcError:
                return

    reader = threading.Thread(target=read)
    reader.start()
    eventually(lambda: len(delivered) > round_ * 7)
    own.kill()
    reader.join()
    own.serve()

    recorded = [i for _, rpc, found in releases(own, AURORA) if rpc == "GetEntry" for i in found]
    assert len(recorded) >= len(delivered) > 0
    for index in indexes:
        assert recorded.count(index) >= delivered.count(index)
    # At most the one call that was under way is on record and was not answered.
    assert len(recorded) <= len(delivered) + 1


def test_an_exchange_that_began_without_an_audit_log_is_given_one(own: Live) -> None:
    own.init()
    inception = own.state / "inception.json"
    stated = json.loads(inception.read_text())
    for path in own.state.glob("audit.db*"):
        path.unlink()
    shutil.rmtree(own.state / "audit-keeper")
    shutil.rmtree(next((own.state / "jetstream").glob("**/streams/AUDIT")))
    del stated["audit_log_key"]
    inception.write_text(json.dumps({**stated, "version": 1}))

    done = run("serve", "--state", str(own.state))
    assert done.returncode == 1
    assert "run `forewarn-gateway init` again" in done.stderr
    printed = own.init()

    assert printed["log_key"] == stated["log_key"]
    assert printed["audit_log_key"] in (own.state / "exchange.toml").read_text()
    assert own.init() == printed
    own.serve()
    own.enrol(AURORA, CIVIL)
    index = said(own, notice(CIVIL), AURORA)
    with own.desk(CIVIL) as desk:
        get(desk, index)
    assert releases(own, AURORA) == [("civil-ai", "GetEntry", (index,))]


def test_with_the_marker_there_a_lost_audit_log_is_not_made_anew(own: Live) -> None:
    own.init()
    shutil.rmtree(own.state / "audit-keeper")

    done = run(*own.init_command)

    assert done.returncode == 1
    assert "audit-keeper" in done.stderr
    assert not (own.state / "audit-keeper").exists()
