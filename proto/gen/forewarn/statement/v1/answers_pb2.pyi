from forewarn.statement.v1 import rules_pb2 as _rules_pb2
from forewarn.statement.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeclinationReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECLINATION_REASON_UNSPECIFIED: _ClassVar[DeclinationReason]
    DECLINATION_REASON_OUT_OF_SCOPE: _ClassVar[DeclinationReason]
    DECLINATION_REASON_NO_CAPACITY: _ClassVar[DeclinationReason]
    DECLINATION_REASON_TERMS: _ClassVar[DeclinationReason]
    DECLINATION_REASON_OTHER: _ClassVar[DeclinationReason]
DECLINATION_REASON_UNSPECIFIED: DeclinationReason
DECLINATION_REASON_OUT_OF_SCOPE: DeclinationReason
DECLINATION_REASON_NO_CAPACITY: DeclinationReason
DECLINATION_REASON_TERMS: DeclinationReason
DECLINATION_REASON_OTHER: DeclinationReason

class AcknowledgementBody(_message.Message):
    __slots__ = ("reference", "note", "contact")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    reference: str
    note: str
    contact: _values_pb2.Contact
    def __init__(self, reference: _Optional[str] = ..., note: _Optional[str] = ..., contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ...) -> None: ...

class QuestionBody(_message.Message):
    __slots__ = ("text", "attachments")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, text: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...

class AnswerBody(_message.Message):
    __slots__ = ("text", "attachments")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, text: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...

class DeclinationFacts(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: DeclinationReason
    def __init__(self, reason: _Optional[_Union[DeclinationReason, str]] = ...) -> None: ...

class DeclinationBody(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: str
    def __init__(self, note: _Optional[str] = ...) -> None: ...

class FeedbackBody(_message.Message):
    __slots__ = ("text", "attachments")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, text: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...
