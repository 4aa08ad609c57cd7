import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InboxSpan(_message.Message):
    __slots__ = ("from_size", "to_size", "count", "root")
    FROM_SIZE_FIELD_NUMBER: _ClassVar[int]
    TO_SIZE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    from_size: int
    to_size: int
    count: int
    root: bytes
    def __init__(self, from_size: _Optional[int] = ..., to_size: _Optional[int] = ..., count: _Optional[int] = ..., root: _Optional[bytes] = ...) -> None: ...

class InboxConfirmation(_message.Message):
    __slots__ = ("exchange", "recipient", "sender", "span", "created_time")
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_FIELD_NUMBER: _ClassVar[int]
    exchange: str
    recipient: str
    sender: str
    span: InboxSpan
    created_time: _timestamp_pb2.Timestamp
    def __init__(self, exchange: _Optional[str] = ..., recipient: _Optional[str] = ..., sender: _Optional[str] = ..., span: _Optional[_Union[InboxSpan, _Mapping]] = ..., created_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
