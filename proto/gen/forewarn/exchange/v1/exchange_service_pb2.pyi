import datetime

from forewarn.exchange.v1 import ledger_pb2 as _ledger_pb2
from forewarn.statement.v1 import header_pb2 as _header_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Box(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BOX_UNSPECIFIED: _ClassVar[Box]
    BOX_RECEIVED: _ClassVar[Box]
    BOX_SENT: _ClassVar[Box]
    BOX_ALL: _ClassVar[Box]
BOX_UNSPECIFIED: Box
BOX_RECEIVED: Box
BOX_SENT: Box
BOX_ALL: Box

class SubmitRequest(_message.Message):
    __slots__ = ("envelope",)
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    envelope: bytes
    def __init__(self, envelope: _Optional[bytes] = ...) -> None: ...

class SubmitResponse(_message.Message):
    __slots__ = ("digest", "entry_body", "receipt", "lead_times")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENTRY_BODY_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    LEAD_TIMES_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    entry_body: bytes
    receipt: _ledger_pb2.Receipt
    lead_times: _containers.RepeatedCompositeFieldContainer[LeadTime]
    def __init__(self, digest: _Optional[bytes] = ..., entry_body: _Optional[bytes] = ..., receipt: _Optional[_Union[_ledger_pb2.Receipt, _Mapping]] = ..., lead_times: _Optional[_Iterable[_Union[LeadTime, _Mapping]]] = ...) -> None: ...

class SubmitStreamRequest(_message.Message):
    __slots__ = ("tag", "envelope")
    TAG_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    tag: int
    envelope: bytes
    def __init__(self, tag: _Optional[int] = ..., envelope: _Optional[bytes] = ...) -> None: ...

class SubmitStreamResponse(_message.Message):
    __slots__ = ("tag", "recorded", "refused")
    TAG_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    tag: int
    recorded: SubmitResponse
    refused: bytes
    def __init__(self, tag: _Optional[int] = ..., recorded: _Optional[_Union[SubmitResponse, _Mapping]] = ..., refused: _Optional[bytes] = ...) -> None: ...

class LeadTime(_message.Message):
    __slots__ = ("profile", "named", "anchor", "anchor_time", "min_lead_days", "max_access_days", "lead_days", "short_by_days", "access_from_time")
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    NAMED_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_TIME_FIELD_NUMBER: _ClassVar[int]
    MIN_LEAD_DAYS_FIELD_NUMBER: _ClassVar[int]
    MAX_ACCESS_DAYS_FIELD_NUMBER: _ClassVar[int]
    LEAD_DAYS_FIELD_NUMBER: _ClassVar[int]
    SHORT_BY_DAYS_FIELD_NUMBER: _ClassVar[int]
    ACCESS_FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    profile: str
    named: bool
    anchor: str
    anchor_time: _timestamp_pb2.Timestamp
    min_lead_days: int
    max_access_days: int
    lead_days: int
    short_by_days: int
    access_from_time: _timestamp_pb2.Timestamp
    def __init__(self, profile: _Optional[str] = ..., named: _Optional[bool] = ..., anchor: _Optional[str] = ..., anchor_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., min_lead_days: _Optional[int] = ..., max_access_days: _Optional[int] = ..., lead_days: _Optional[int] = ..., short_by_days: _Optional[int] = ..., access_from_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetEntryRequest(_message.Message):
    __slots__ = ("index", "digest")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    index: int
    digest: bytes
    def __init__(self, index: _Optional[int] = ..., digest: _Optional[bytes] = ...) -> None: ...

class GetEntryResponse(_message.Message):
    __slots__ = ("record", "checkpoint")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    record: _ledger_pb2.Record
    checkpoint: bytes
    def __init__(self, record: _Optional[_Union[_ledger_pb2.Record, _Mapping]] = ..., checkpoint: _Optional[bytes] = ...) -> None: ...

class EntryFilter(_message.Message):
    __slots__ = ("box", "kinds", "sender", "case_digest")
    BOX_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CASE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    box: Box
    kinds: _containers.RepeatedScalarFieldContainer[_header_pb2.StatementKind]
    sender: str
    case_digest: bytes
    def __init__(self, box: _Optional[_Union[Box, str]] = ..., kinds: _Optional[_Iterable[_Union[_header_pb2.StatementKind, str]]] = ..., sender: _Optional[str] = ..., case_digest: _Optional[bytes] = ...) -> None: ...

class ListEntriesRequest(_message.Message):
    __slots__ = ("filter", "page_size", "cursor")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    filter: EntryFilter
    page_size: int
    cursor: str
    def __init__(self, filter: _Optional[_Union[EntryFilter, _Mapping]] = ..., page_size: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListEntriesResponse(_message.Message):
    __slots__ = ("records", "checkpoint", "cursor", "more")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[_ledger_pb2.Record]
    checkpoint: bytes
    cursor: str
    more: bool
    def __init__(self, records: _Optional[_Iterable[_Union[_ledger_pb2.Record, _Mapping]]] = ..., checkpoint: _Optional[bytes] = ..., cursor: _Optional[str] = ..., more: _Optional[bool] = ...) -> None: ...

class FollowRequest(_message.Message):
    __slots__ = ("filter", "cursor")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    filter: EntryFilter
    cursor: str
    def __init__(self, filter: _Optional[_Union[EntryFilter, _Mapping]] = ..., cursor: _Optional[str] = ...) -> None: ...

class FollowResponse(_message.Message):
    __slots__ = ("records", "checkpoint", "cursor")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[_ledger_pb2.Record]
    checkpoint: bytes
    cursor: str
    def __init__(self, records: _Optional[_Iterable[_Union[_ledger_pb2.Record, _Mapping]]] = ..., checkpoint: _Optional[bytes] = ..., cursor: _Optional[str] = ...) -> None: ...

class CaseView(_message.Message):
    __slots__ = ("case_digest", "protocol", "state", "opened_index", "last_index")
    CASE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OPENED_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    case_digest: bytes
    protocol: str
    state: str
    opened_index: int
    last_index: int
    def __init__(self, case_digest: _Optional[bytes] = ..., protocol: _Optional[str] = ..., state: _Optional[str] = ..., opened_index: _Optional[int] = ..., last_index: _Optional[int] = ...) -> None: ...

class GetCaseRequest(_message.Message):
    __slots__ = ("case_digest", "from_index")
    CASE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    FROM_INDEX_FIELD_NUMBER: _ClassVar[int]
    case_digest: bytes
    from_index: int
    def __init__(self, case_digest: _Optional[bytes] = ..., from_index: _Optional[int] = ...) -> None: ...

class GetCaseResponse(_message.Message):
    __slots__ = ("case_view", "records", "checkpoint", "more")
    CASE_VIEW_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    case_view: CaseView
    records: _containers.RepeatedCompositeFieldContainer[_ledger_pb2.Record]
    checkpoint: bytes
    more: bool
    def __init__(self, case_view: _Optional[_Union[CaseView, _Mapping]] = ..., records: _Optional[_Iterable[_Union[_ledger_pb2.Record, _Mapping]]] = ..., checkpoint: _Optional[bytes] = ..., more: _Optional[bool] = ...) -> None: ...

class ListCasesRequest(_message.Message):
    __slots__ = ("protocol", "page_size", "cursor")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    protocol: str
    page_size: int
    cursor: str
    def __init__(self, protocol: _Optional[str] = ..., page_size: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListCasesResponse(_message.Message):
    __slots__ = ("cases", "cursor", "more")
    CASES_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    cases: _containers.RepeatedCompositeFieldContainer[CaseView]
    cursor: str
    more: bool
    def __init__(self, cases: _Optional[_Iterable[_Union[CaseView, _Mapping]]] = ..., cursor: _Optional[str] = ..., more: _Optional[bool] = ...) -> None: ...
