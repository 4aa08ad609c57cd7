from forewarn.exchange.v1 import ledger_pb2 as _ledger_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListDirectoryEntriesRequest(_message.Message):
    __slots__ = ("from_index", "page_size")
    FROM_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    from_index: int
    page_size: int
    def __init__(self, from_index: _Optional[int] = ..., page_size: _Optional[int] = ...) -> None: ...

class ListDirectoryEntriesResponse(_message.Message):
    __slots__ = ("records", "checkpoint", "more")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[_ledger_pb2.Record]
    checkpoint: bytes
    more: bool
    def __init__(self, records: _Optional[_Iterable[_Union[_ledger_pb2.Record, _Mapping]]] = ..., checkpoint: _Optional[bytes] = ..., more: _Optional[bool] = ...) -> None: ...
