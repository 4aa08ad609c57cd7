"""How refusals and faults look on gRPC."""

from __future__ import annotations

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from gateway.core.errors import Fault, Reason, Refusal, invalid
from gateway.core.refused import COUNTED, OnRecord
from gateway.edge.status import CODES, status_of, status_of_failure


def details(raw: bytes) -> dict[str, bytes]:
    status = status_pb2.Status.FromString(raw)
    return {each.type_url.rpartition(".")[2]: each.value for each in status.details}


def test_every_reason_has_exactly_one_status() -> None:
    assert set(CODES) == set(Reason)
    assert grpc.StatusCode.OK not in CODES.values()
    assert grpc.StatusCode.UNKNOWN not in CODES.values()


@pytest.mark.parametrize("reason", list(Reason))
def test_the_reason_travels_in_error_info(reason: Reason) -> None:
    answer = status_of(Refusal(reason, "do something else"))

    info = error_details_pb2.ErrorInfo.FromString(details(answer.details)["ErrorInfo"])
    assert (info.reason, info.domain) == (reason.value, "forewarn")
    assert len(reason) <= 63
    assert answer.message == "do something else"
    assert status_pb2.Status.FromString(answer.details).code == answer.code.value[0]


def test_fields_at_fault_are_named() -> None:
    answer = status_of(invalid("header.tlp", "is missing", Reason.TLP_MISSING))

    request = error_details_pb2.BadRequest.FromString(details(answer.details)["BadRequest"])
    assert [each.field for each in request.field_violations] == ["header.tlp"]


def test_a_state_that_stands_against_it_is_a_failed_precondition() -> None:
    answer = status_of(Refusal(Reason.CASE_WRONG_STATE, "the case is RELEASED"))

    assert answer.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "PreconditionFailure" in details(answer.details)


def test_what_may_be_tried_again_says_when() -> None:
    assert "RetryInfo" in details(status_of(Fault(Reason.LEDGER_UNAVAILABLE, "wait")).details)
    assert "RetryInfo" not in details(status_of(Fault(Reason.LEDGER_NOT_PROVEN, "mend")).details)


def test_a_refusal_says_where_it_is_on_record() -> None:
    refusal = Refusal(Reason.ENTRY_NOT_FOUND, "there is none")
    for on_record, said in (
        (None, {}),
        (COUNTED, {"audit": "counted"}),
        (OnRecord(index=12), {"audit": "recorded", "audit_index": "12"}),
    ):
        info = error_details_pb2.ErrorInfo.FromString(
            details(status_of(refusal, on_record).details)["ErrorInfo"]
        )
        assert dict(info.metadata) == said
    # What does not exist and what is another's: not a byte of difference, whatever the order.
    assert len({status_of(refusal, OnRecord(index=12)).details for _ in range(50)}) == 1


def test_any_other_failure_says_nothing_of_itself() -> None:
    answer = status_of_failure()

    assert answer.code is grpc.StatusCode.INTERNAL
    assert set(details(answer.details)) == {"ErrorInfo"}
