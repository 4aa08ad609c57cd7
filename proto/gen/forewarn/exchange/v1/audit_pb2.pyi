import datetime

from forewarn.exchange.v1 import inbox_pb2 as _inbox_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AdminActKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADMIN_ACT_KIND_UNSPECIFIED: _ClassVar[AdminActKind]
    ADMIN_ACT_KIND_INIT: _ClassVar[AdminActKind]
    ADMIN_ACT_KIND_START: _ClassVar[AdminActKind]
    ADMIN_ACT_KIND_STOP: _ClassVar[AdminActKind]
    ADMIN_ACT_KIND_HALT: _ClassVar[AdminActKind]
    ADMIN_ACT_KIND_CERTIFICATE_RELOAD: _ClassVar[AdminActKind]
ADMIN_ACT_KIND_UNSPECIFIED: AdminActKind
ADMIN_ACT_KIND_INIT: AdminActKind
ADMIN_ACT_KIND_START: AdminActKind
ADMIN_ACT_KIND_STOP: AdminActKind
ADMIN_ACT_KIND_HALT: AdminActKind
ADMIN_ACT_KIND_CERTIFICATE_RELOAD: AdminActKind

class AuditEvent(_message.Message):
    __slots__ = ("event_time", "rpc", "system", "member", "concerned", "calls_refused", "content_released", "grant_looked_up", "admin_act", "inbox_confirmed")
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    RPC_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    CONCERNED_FIELD_NUMBER: _ClassVar[int]
    CALLS_REFUSED_FIELD_NUMBER: _ClassVar[int]
    CONTENT_RELEASED_FIELD_NUMBER: _ClassVar[int]
    GRANT_LOOKED_UP_FIELD_NUMBER: _ClassVar[int]
    ADMIN_ACT_FIELD_NUMBER: _ClassVar[int]
    INBOX_CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    event_time: _timestamp_pb2.Timestamp
    rpc: str
    system: str
    member: str
    concerned: str
    calls_refused: CallsRefused
    content_released: ContentReleased
    grant_looked_up: GrantLookedUp
    admin_act: AdminAct
    inbox_confirmed: InboxConfirmed
    def __init__(self, event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rpc: _Optional[str] = ..., system: _Optional[str] = ..., member: _Optional[str] = ..., concerned: _Optional[str] = ..., calls_refused: _Optional[_Union[CallsRefused, _Mapping]] = ..., content_released: _Optional[_Union[ContentReleased, _Mapping]] = ..., grant_looked_up: _Optional[_Union[GrantLookedUp, _Mapping]] = ..., admin_act: _Optional[_Union[AdminAct, _Mapping]] = ..., inbox_confirmed: _Optional[_Union[InboxConfirmed, _Mapping]] = ...) -> None: ...

class CallsRefused(_message.Message):
    __slots__ = ("reason", "count", "first_time", "digests")
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_FIELD_NUMBER: _ClassVar[int]
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    reason: str
    count: int
    first_time: _timestamp_pb2.Timestamp
    digests: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, reason: _Optional[str] = ..., count: _Optional[int] = ..., first_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., digests: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ContentReleased(_message.Message):
    __slots__ = ("entry_indexes",)
    ENTRY_INDEXES_FIELD_NUMBER: _ClassVar[int]
    entry_indexes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, entry_indexes: _Optional[_Iterable[int]] = ...) -> None: ...

class InboxConfirmed(_message.Message):
    __slots__ = ("span", "confirmation")
    SPAN_FIELD_NUMBER: _ClassVar[int]
    CONFIRMATION_FIELD_NUMBER: _ClassVar[int]
    span: _inbox_pb2.InboxSpan
    confirmation: bytes
    def __init__(self, span: _Optional[_Union[_inbox_pb2.InboxSpan, _Mapping]] = ..., confirmation: _Optional[bytes] = ...) -> None: ...

class GrantLookedUp(_message.Message):
    __slots__ = ("case_digest",)
    CASE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    case_digest: bytes
    def __init__(self, case_digest: _Optional[bytes] = ...) -> None: ...

class AdminAct(_message.Message):
    __slots__ = ("kind", "reason")
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: AdminActKind
    reason: str
    def __init__(self, kind: _Optional[_Union[AdminActKind, str]] = ..., reason: _Optional[str] = ...) -> None: ...
