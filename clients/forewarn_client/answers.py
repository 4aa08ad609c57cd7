"""Error answers of the exchange, turned into this library's errors.

* What the exchange says with `google.rpc.ErrorInfo` keeps its reason, fields and metadata.
* Codes that decide something become `RefusedError`, the others `UnavailableError`.
* A handshake that failed shows only as a closed connection: the text says what that usually means.

Nothing of the request is ever repeated.
"""

import logging
from typing import Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from forewarn_client.errors import (
    Answer,
    ForewarnError,
    RefusedError,
    UnavailableError,
    Violation,
)

_log: Final = logging.getLogger(__name__)

_DETAILS: Final = "grpc-status-details-bin"
_EXPIRED: Final = "CERTIFICATE_EXPIRED"
_TRANSIENT: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
# With these the exchange asks to come back, if it says when.
_ASKED_BACK: Final = frozenset({grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED})
# These say nothing about the request: the same one may do later.
_UNDECIDED: Final = _TRANSIENT | {
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNKNOWN,
}
_HANDSHAKE: Final = ("socket closed", "handshake", "ssl", "tls", "certificate", "connection reset")
# gRPC's words where the handshake took longer than its own patience.
_GIVEN_UP: Final = "endpoint closing"
HANDSHAKE_HELP: Final = (
    "the connection was closed during or right after the TLS handshake. Usually the exchange does "
    "not accept this system's certificate: its authority is not in the exchange's trust bundle, it "
    "has expired, is not valid yet (check this machine's clock), is missing, or is not for TLS "
    "clients; or ca.pem does not hold the authority of the exchange's own certificate"
)


def parse(error: grpc.aio.AioRpcError) -> Answer:
    """Read what an error answer carries.

    Args:
        error: The error of a call.

    Returns:
        Its reason and details; only the code's name where it carries none.
    """
    reason, metadata, violations = error.code().name, dict[str, str](), list[Violation]()
    retry_after: float | None = None
    for detail in _status(error).details:
        info = error_details_pb2.ErrorInfo()
        fields = error_details_pb2.BadRequest()
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(fields):
            violations += [
                Violation(field=item.field, description=item.description)
                for item in fields.field_violations
            ]
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return Answer(
        reason=reason,
        metadata=metadata,
        violations=tuple(violations),
        retry_after=retry_after,
    )


def of_status(data: bytes) -> grpc.aio.AioRpcError:
    """Read an error answer that came within a stream.

    Args:
        data: A serialized `google.rpc.Status`.

    Returns:
        It, as a call of its own would have ended.
    """
    try:
        status = status_pb2.Status.FromString(data)
    except DecodeError:
        status = status_pb2.Status()
    codes = {code.value[0]: code for code in grpc.StatusCode}
    code = codes.get(status.code, grpc.StatusCode.UNKNOWN)
    # A refusal is never a success, whatever it says.
    code = grpc.StatusCode.UNKNOWN if code is grpc.StatusCode.OK else code
    trailing = grpc.aio.Metadata((_DETAILS, data))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, status.message)


def is_transient(error: grpc.aio.AioRpcError) -> bool:
    """Tell whether the same call may succeed soon.

    Args:
        error: The error of a call that may be made again.

    Returns:
        True for a lost or late answer, and where the exchange asks to come back.
    """
    if error.code() in _ASKED_BACK:
        return parse(error).retry_after is not None
    return error.code() in _TRANSIENT


def resumption(error: grpc.aio.AioRpcError) -> float:
    """Tell when a stream that broke may be opened again, and say in the log that it is.

    Args:
        error: What ended the stream.

    Returns:
        Seconds to wait: what the exchange asks for; none where it has gone, is about to, or the
        certificate of the connection has ended.

    Raises:
        ForewarnError: It may not; see `explain`.
    """
    answer = parse(error)
    # The certificate may have been renewed since; where it was not, opening is refused.
    if not is_transient(error) and answer.reason != _EXPIRED:
        raise explain(error) from None
    _log.info("the stream ended, it is resumed from its last cursor reason=%s", answer.reason)
    return (answer.retry_after or 0.0) if error.code() in _ASKED_BACK else 0.0


def looks_like_handshake(error: grpc.aio.AioRpcError) -> bool:
    """Tell whether an error looks like a refused TLS handshake.

    Args:
        error: The error of a call.

    Returns:
        True where the connection was made and then closed by the other side, before the exchange
        said anything; one that this side gave up waiting for is merely late.
    """
    if error.code() is not grpc.StatusCode.UNAVAILABLE or _status(error).details:
        return False
    text = (error.details() or "").lower()
    return _GIVEN_UP not in text and any(sign in text for sign in _HANDSHAKE)


def explain(error: grpc.aio.AioRpcError) -> ForewarnError:
    """Turn an error answer into an error of this library.

    Args:
        error: The error of a call.

    Returns:
        `RefusedError` where the exchange decided, else `UnavailableError`.
    """
    answer, detail = parse(error), error.details() or "no details"
    if error.code() not in _UNDECIDED:
        return RefusedError(detail, answer)
    if looks_like_handshake(error):
        return UnavailableError(answer.reason, f"{HANDSHAKE_HELP} ({detail})")
    exhausted = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and answer.retry_after is None
    # Without the exchange's own words it decides nothing: an answer too large to be taken, for one.
    if exhausted and _status(error).details:
        return RefusedError(detail, answer)
    return UnavailableError(
        answer.reason,
        f"the exchange gave no answer that decides: {detail}; try again later: a statement that "
        "was recorded already is not recorded twice",
    )


def _status(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status()
