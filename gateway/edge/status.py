"""How a refusal or a fault looks on gRPC: one table from `Reason` to status, and the details.

* Every reason has exactly one status code. The reason itself travels in `google.rpc.ErrorInfo`,
  domain `forewarn`; clients go by it, and only fall back on the code.
* `BadRequest` names the fields at fault, `PreconditionFailure` the state that stood against it,
  `RetryInfo` the time after which another attempt makes sense.
* Of a refusal, the metadata of `ErrorInfo` say where it is on record: `audit` is `recorded`, and
  `audit_index` its index in the audit log, or `audit` is `counted`.
* Two refusals with the same reason and text are the same bytes but for that index, so that what
  does not exist and what is not the caller's cannot be told apart.
* An exception that is neither says nothing of itself.

It sends nothing: the guard does.
"""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import grpc
from google.rpc import error_details_pb2, status_pb2

from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.identity import SystemId
from gateway.core.refused import OnRecord

DOMAIN: Final = "forewarn"
DETAILS_KEY: Final = "grpc-status-details-bin"
AUDIT_KEY: Final = "audit"
AUDIT_INDEX_KEY: Final = "audit_index"

_Code = grpc.StatusCode

CODES: Final[Mapping[Reason, grpc.StatusCode]] = {
    Reason.SPIFFE_ID_MISSING: _Code.UNAUTHENTICATED,
    Reason.SPIFFE_ID_AMBIGUOUS: _Code.UNAUTHENTICATED,
    Reason.SPIFFE_ID_MALFORMED: _Code.UNAUTHENTICATED,
    Reason.TRUST_DOMAIN_FOREIGN: _Code.UNAUTHENTICATED,
    Reason.CLIENT_AUTH_EKU_MISSING: _Code.UNAUTHENTICATED,
    Reason.CERTIFICATE_EXPIRED: _Code.UNAUTHENTICATED,
    Reason.MEMBER_UNKNOWN: _Code.PERMISSION_DENIED,
    Reason.MEMBER_INACTIVE: _Code.PERMISSION_DENIED,
    Reason.SYSTEM_UNKNOWN: _Code.PERMISSION_DENIED,
    Reason.SYSTEM_SUSPENDED: _Code.PERMISSION_DENIED,
    Reason.TOO_MANY_CALLS: _Code.RESOURCE_EXHAUSTED,
    Reason.RATE_EXCEEDED: _Code.RESOURCE_EXHAUSTED,
    Reason.READER_TOO_SLOW: _Code.RESOURCE_EXHAUSTED,
    Reason.STATEMENT_TOO_LARGE: _Code.INVALID_ARGUMENT,
    Reason.ENVELOPE_MALFORMED: _Code.INVALID_ARGUMENT,
    Reason.PAYLOAD_TYPE_UNSUPPORTED: _Code.INVALID_ARGUMENT,
    Reason.SIGNATURE_MISSING: _Code.INVALID_ARGUMENT,
    Reason.SIGNATURE_INVALID: _Code.INVALID_ARGUMENT,
    Reason.SIGNATURES_INSUFFICIENT: _Code.PERMISSION_DENIED,
    Reason.KEY_UNKNOWN: _Code.PERMISSION_DENIED,
    Reason.KEY_NOT_OF_SENDER: _Code.PERMISSION_DENIED,
    Reason.KEY_REVOKED: _Code.PERMISSION_DENIED,
    Reason.KEY_ALGORITHM_UNSUPPORTED: _Code.INVALID_ARGUMENT,
    Reason.STATEMENT_MALFORMED: _Code.INVALID_ARGUMENT,
    Reason.STATEMENT_NOT_CANONICAL: _Code.INVALID_ARGUMENT,
    Reason.ENUM_UNKNOWN: _Code.INVALID_ARGUMENT,
    Reason.FIELD_MISSING: _Code.INVALID_ARGUMENT,
    Reason.FIELD_INVALID: _Code.INVALID_ARGUMENT,
    Reason.FIELD_TOO_LONG: _Code.INVALID_ARGUMENT,
    Reason.EXCHANGE_FOREIGN: _Code.INVALID_ARGUMENT,
    Reason.SENDER_MISMATCH: _Code.PERMISSION_DENIED,
    Reason.CREATED_IN_FUTURE: _Code.FAILED_PRECONDITION,
    Reason.STATEMENT_EXPIRED: _Code.FAILED_PRECONDITION,
    Reason.EQUIVOCATION: _Code.ALREADY_EXISTS,
    Reason.PROFILE_UNKNOWN: _Code.INVALID_ARGUMENT,
    Reason.RECIPIENTS_EMPTY: _Code.INVALID_ARGUMENT,
    Reason.RECIPIENT_UNKNOWN: _Code.INVALID_ARGUMENT,
    Reason.RECIPIENT_NOT_PARTY: _Code.INVALID_ARGUMENT,
    Reason.RECIPIENT_KIND_NOT_PERMITTED: _Code.INVALID_ARGUMENT,
    Reason.TLP_MISSING: _Code.INVALID_ARGUMENT,
    Reason.TLP_NEEDS_NAMED_MEMBERS: _Code.INVALID_ARGUMENT,
    Reason.TLP_NEEDS_SEALED_LAYER: _Code.INVALID_ARGUMENT,
    Reason.TLP_RELAXED: _Code.INVALID_ARGUMENT,
    Reason.SENDER_NOT_PERMITTED: _Code.PERMISSION_DENIED,
    Reason.CASE_NOT_FOUND: _Code.NOT_FOUND,
    Reason.CASE_WRONG_STATE: _Code.FAILED_PRECONDITION,
    Reason.CASE_UNEXPECTED: _Code.INVALID_ARGUMENT,
    Reason.REFERENCE_INVALID: _Code.INVALID_ARGUMENT,
    Reason.GRANT_WIDENED: _Code.FAILED_PRECONDITION,
    Reason.COSIGNATURES_MISSING: _Code.FAILED_PRECONDITION,
    Reason.DIRECTORY_CONFLICT: _Code.FAILED_PRECONDITION,
    Reason.ENTRY_NOT_FOUND: _Code.NOT_FOUND,
    Reason.PAGE_SIZE_INVALID: _Code.INVALID_ARGUMENT,
    Reason.CURSOR_INVALID: _Code.INVALID_ARGUMENT,
    Reason.TREE_SIZE_UNAVAILABLE: _Code.OUT_OF_RANGE,
    Reason.INBOX_DIFFERS: _Code.FAILED_PRECONDITION,
    Reason.LEDGER_UNAVAILABLE: _Code.UNAVAILABLE,
    # Not UNAVAILABLE: no retry helps until whoever runs the gateway has mended it.
    Reason.LEDGER_NOT_PROVEN: _Code.DATA_LOSS,
    Reason.LEDGER_CONTENDED: _Code.ABORTED,
    Reason.INTERNAL: _Code.INTERNAL,
}

_DIGEST_DIGITS: Final = 12

_RETRY_AFTER: Final[Mapping[grpc.StatusCode, timedelta]] = {
    _Code.UNAVAILABLE: timedelta(seconds=1),
    _Code.RESOURCE_EXHAUSTED: timedelta(seconds=1),
    _Code.ABORTED: timedelta(milliseconds=50),
}

_SILENT: Final = Fault(
    Reason.INTERNAL, "the gateway failed; whoever runs it finds the cause in its log"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """An error answer.

    Attributes:
        code: The status code.
        message: One sentence for a person.
        details: A serialized `google.rpc.Status`, for the trailer `grpc-status-details-bin`.
    """

    code: grpc.StatusCode
    message: str
    details: bytes

    @property
    def trailer(self) -> tuple[tuple[str, bytes], ...]:
        """The trailing metadata that carries the details."""
        return ((DETAILS_KEY, self.details),)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a call whose answer is an error.

    Attributes:
        system: The system that called; None where it is not known.
        digest: Digest of the statement that it is about, likewise.
        on_record: Where the refusal is on record; None where it is none.
    """

    system: SystemId | None = None
    digest: bytes | None = None
    on_record: OnRecord | None = None


_NOTHING_KNOWN: Final = About()


def status_of(error: Refusal | Fault, on_record: OnRecord | None = None) -> Status:
    """Give the error answer for a refusal or a fault.

    Args:
        error: What was raised.
        on_record: Where the refusal is on record; None for a fault, which is not.

    Returns:
        The answer.
    """
    code = CODES[error.reason]
    status = status_pb2.Status(code=code.value[0], message=error.detail)
    info = error_details_pb2.ErrorInfo(
        reason=error.reason, domain=DOMAIN, metadata=_said(on_record)
    )
    # Maps have no order of their own: the same answer is the same bytes.
    packed = status.details.add()
    packed.Pack(info)
    packed.value = info.SerializeToString(deterministic=True)
    violations = error.violations if isinstance(error, Refusal) else ()
    if violations:
        fields = error_details_pb2.BadRequest()
        for violation in violations:
            fields.field_violations.add(field=violation.field, description=violation.description)
        status.details.add().Pack(fields)
    if code is _Code.FAILED_PRECONDITION:
        failure = error_details_pb2.PreconditionFailure()
        failure.violations.add(type=error.reason, description=error.detail)
        status.details.add().Pack(failure)
    if code in _RETRY_AFTER:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(_retry_after(error, code))
        status.details.add().Pack(retry)
    return Status(
        code=code,
        message=error.detail,
        details=status.SerializeToString(deterministic=True),
    )


def _said(on_record: OnRecord | None) -> dict[str, str]:
    if on_record is None:
        return {}
    if on_record.index is None:
        return {AUDIT_KEY: "counted"}
    return {AUDIT_KEY: "recorded", AUDIT_INDEX_KEY: str(on_record.index)}


def _retry_after(error: Refusal | Fault, code: grpc.StatusCode) -> timedelta:
    exact = error.retry_after if isinstance(error, Refusal) else None
    if exact is None:
        return _RETRY_AFTER[code]
    # Rounded up: whoever comes back exactly then must not be too early.
    return timedelta(microseconds=math.ceil(exact * 1e6))


def status_of_failure() -> Status:
    """Give the error answer for any other exception: INTERNAL, and nothing about it."""
    return status_of(_SILENT)


def judged(
    log: logging.Logger, rpc: str, error: Exception, about: About = _NOTHING_KNOWN
) -> Status:
    """Give the error answer for whatever was raised, and log it: by reason, or type and place.

    Args:
        log: Where to.
        rpc: Name of the call.
        error: What was raised.
        about: What is known of the call.

    Returns:
        The answer; of what is neither refusal nor fault it says nothing.
    """
    said = {
        "rpc": rpc,
        "system": about.system,
        "digest": about.digest.hex()[:_DIGEST_DIGITS] if about.digest else None,
    }
    if isinstance(error, Refusal):
        index = about.on_record.index if about.on_record is not None else None
        told = {"event": "refused", "reason": error.reason, "audit_index": index}
        log.info("refused", extra={**told, **said})
        return status_of(error, about.on_record)
    if isinstance(error, Fault):
        log.warning("fault", extra={"event": "fault", "reason": error.reason, **said})
        return status_of(error)
    # Its type and place are logged, never its text.
    place = traceback.extract_tb(error.__traceback__)[-1]
    at = f"{place.filename.rpartition('gateway/')[2]}:{place.lineno}"
    log.error("failed", extra={"event": "failed", "error": type(error).__name__, "at": at, **said})
    return status_of_failure()
