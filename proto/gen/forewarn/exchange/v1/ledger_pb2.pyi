import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EntryBody(_message.Message):
    __slots__ = ("envelope", "submitting_system", "received_time", "audience", "profile_version", "case_state")
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    SUBMITTING_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_TIME_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_VERSION_FIELD_NUMBER: _ClassVar[int]
    CASE_STATE_FIELD_NUMBER: _ClassVar[int]
    envelope: bytes
    submitting_system: str
    received_time: _timestamp_pb2.Timestamp
    audience: _containers.RepeatedScalarFieldContainer[str]
    profile_version: str
    case_state: str
    def __init__(self, envelope: _Optional[bytes] = ..., submitting_system: _Optional[str] = ..., received_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., audience: _Optional[_Iterable[str]] = ..., profile_version: _Optional[str] = ..., case_state: _Optional[str] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("body", "salt", "judged_at", "reads", "writes")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    JUDGED_AT_FIELD_NUMBER: _ClassVar[int]
    READS_FIELD_NUMBER: _ClassVar[int]
    WRITES_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    salt: bytes
    judged_at: int
    reads: _containers.RepeatedScalarFieldContainer[str]
    writes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, body: _Optional[bytes] = ..., salt: _Optional[bytes] = ..., judged_at: _Optional[int] = ..., reads: _Optional[_Iterable[str]] = ..., writes: _Optional[_Iterable[str]] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("version", "entries", "node", "sealed_time")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    SEALED_TIME_FIELD_NUMBER: _ClassVar[int]
    version: int
    entries: _containers.RepeatedScalarFieldContainer[bytes]
    node: str
    sealed_time: _timestamp_pb2.Timestamp
    def __init__(self, version: _Optional[int] = ..., entries: _Optional[_Iterable[bytes]] = ..., node: _Optional[str] = ..., sealed_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("index", "salt", "inclusion_proof", "checkpoint")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROOF_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    index: int
    salt: bytes
    inclusion_proof: _containers.RepeatedScalarFieldContainer[bytes]
    checkpoint: bytes
    def __init__(self, index: _Optional[int] = ..., salt: _Optional[bytes] = ..., inclusion_proof: _Optional[_Iterable[bytes]] = ..., checkpoint: _Optional[bytes] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("entry_body", "index", "salt", "inclusion_proof")
    ENTRY_BODY_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROOF_FIELD_NUMBER: _ClassVar[int]
    entry_body: bytes
    index: int
    salt: bytes
    inclusion_proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, entry_body: _Optional[bytes] = ..., index: _Optional[int] = ..., salt: _Optional[bytes] = ..., inclusion_proof: _Optional[_Iterable[bytes]] = ...) -> None: ...
