"""What the gateway writes down beside its ledger: ids and reasons, nothing that anybody said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import header_pb2
from tests.world.live import AURORA, CALL_SECONDS, CIVIL, HARBOR, Desk, Live, alert, notice, refused

SECRET = "the-model-nobody-knows"
HANDLE = "h-" + "a" * 26
RPC = re.compile(r"[A-Za-z]+")
REASON = re.compile(r"[A-Z_]+")
SAID = {"time", "level", "logger", "pid", "message", "event", "rpc", "reason", "system", "digest"}
ALL = pb.EntryFilter(box="BOX_ALL")


@pytest.fixture
def talked(own: Live) -> Iterator[Live]:
    """An exchange in which much was said, and much refused."""
    own.init()
    own.serve()
    own.enrol(AURORA, CIVIL, HARBOR)
    said = alert(CIVIL, HARBOR, summary=SECRET)
    with own.desk(CIVIL) as agency, own.desk(AURORA) as lab:
        agency.submit(said)
        lab.submit(notice(CIVIL, protection_regime=SECRET))
        stream = lab.exchange.Follow(pb.FollowRequest(filter=ALL), timeout=CALL_SECONDS)
        next(stream)
        stream.cancel()
        for envelope in (
            b"\xff" + SECRET.encode(),
            said.envelope.replace(b"model", b"muddl"),
            alert(CIVIL, HARBOR, keys=[AURORA.key], summary=SECRET).envelope,
            alert(CIVIL, AURORA, tlp="TLP_LEVEL_RED", summary=SECRET).envelope,
            alert(CIVIL, HARBOR, cui=SECRET, profile=SECRET).envelope,
            notice(CIVIL, recipients=[header_pb2.Recipient(member="nobody")]).envelope,
        ):
            for desk in (agency, lab):
                refuse(desk, "Submit", pb.SubmitRequest(envelope=envelope))
        refuse(lab, "GetEntry", pb.GetEntryRequest(digest=said.digest))
        refuse(lab, "GetCase", pb.GetCaseRequest(case_digest=said.digest))
        refuse(lab, "ListEntries", pb.ListEntriesRequest(filter=ALL, cursor=SECRET))
        refuse(lab, "ListCases", pb.ListCasesRequest(protocol=SECRET))
    yield own
    assert own.stop() == 0


def refuse(desk: Desk, method: str, request: object) -> None:
    """Have a call refused, with a text that repeats nothing."""
    with pytest.raises(grpc.RpcError) as error:
        getattr(desk.exchange, method)(request, timeout=CALL_SECONDS)
    answer = refused(error.value)
    assert answer.reason
    assert SECRET not in answer.message
    assert SECRET.encode() not in answer.raw


def test_no_log_and_no_file_of_the_run_holds_what_was_said(talked: Live) -> None:
    written = [path for path in (talked.state / "run").rglob("*") if path.is_file()]
    assert len(written) > 3
    for file in (talked.folder / "gateway.log", *written):
        for content in (SECRET, HANDLE, "exchange.example/ledger\n", "nobody"):
            assert content.encode() not in file.read_bytes(), file


def test_a_refusal_is_logged_by_its_call_and_its_reason(talked: Live) -> None:
    lines = [json.loads(line) for line in (talked.folder / "gateway.log").read_text().splitlines()]
    guard = [line for line in lines if line["logger"] == "gateway.edge.guard"]

    assert len(guard) >= 16
    for line in guard:
        assert line.keys() - SAID == set(), line
        assert (line["message"], line["event"]) in {("refused", "refused"), ("fault", "fault")}
        assert RPC.fullmatch(line["rpc"])
        assert REASON.fullmatch(line["reason"])
    assert {line["level"] for line in lines} == {"INFO"}
