from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
RULE_FIELD_NUMBER: _ClassVar[int]
rule: _descriptor.FieldDescriptor

class FieldRule(_message.Message):
    __slots__ = ("required", "max_bytes", "max_items")
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_ITEMS_FIELD_NUMBER: _ClassVar[int]
    required: bool
    max_bytes: int
    max_items: int
    def __init__(self, required: _Optional[bool] = ..., max_bytes: _Optional[int] = ..., max_items: _Optional[int] = ...) -> None: ...
