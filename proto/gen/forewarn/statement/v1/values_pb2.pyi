import datetime

from forewarn.statement.v1 import rules_pb2 as _rules_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AbsenceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ABSENCE_KIND_UNSPECIFIED: _ClassVar[AbsenceKind]
    ABSENCE_KIND_UNKNOWN: _ClassVar[AbsenceKind]
    ABSENCE_KIND_WITHHELD: _ClassVar[AbsenceKind]

class Precision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRECISION_UNSPECIFIED: _ClassVar[Precision]
    PRECISION_INSTANT: _ClassVar[Precision]
    PRECISION_DAY: _ClassVar[Precision]
    PRECISION_WEEK: _ClassVar[Precision]
    PRECISION_MONTH: _ClassVar[Precision]
    PRECISION_QUARTER: _ClassVar[Precision]
    PRECISION_YEAR: _ClassVar[Precision]

class MemberKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEMBER_KIND_UNSPECIFIED: _ClassVar[MemberKind]
    MEMBER_KIND_LAB: _ClassVar[MemberKind]
    MEMBER_KIND_AGENCY: _ClassVar[MemberKind]
    MEMBER_KIND_OPERATOR: _ClassVar[MemberKind]
    MEMBER_KIND_RELAY: _ClassVar[MemberKind]
    MEMBER_KIND_WITNESS: _ClassVar[MemberKind]
    MEMBER_KIND_REGISTRAR: _ClassVar[MemberKind]
ABSENCE_KIND_UNSPECIFIED: AbsenceKind
ABSENCE_KIND_UNKNOWN: AbsenceKind
ABSENCE_KIND_WITHHELD: AbsenceKind
PRECISION_UNSPECIFIED: Precision
PRECISION_INSTANT: Precision
PRECISION_DAY: Precision
PRECISION_WEEK: Precision
PRECISION_MONTH: Precision
PRECISION_QUARTER: Precision
PRECISION_YEAR: Precision
MEMBER_KIND_UNSPECIFIED: MemberKind
MEMBER_KIND_LAB: MemberKind
MEMBER_KIND_AGENCY: MemberKind
MEMBER_KIND_OPERATOR: MemberKind
MEMBER_KIND_RELAY: MemberKind
MEMBER_KIND_WITNESS: MemberKind
MEMBER_KIND_REGISTRAR: MemberKind

class Absence(_message.Message):
    __slots__ = ("kind", "reason")
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: AbsenceKind
    reason: str
    def __init__(self, kind: _Optional[_Union[AbsenceKind, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class StatedText(_message.Message):
    __slots__ = ("known", "absent")
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    known: str
    absent: Absence
    def __init__(self, known: _Optional[str] = ..., absent: _Optional[_Union[Absence, _Mapping]] = ...) -> None: ...

class StatedCount(_message.Message):
    __slots__ = ("known", "absent")
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    known: int
    absent: Absence
    def __init__(self, known: _Optional[int] = ..., absent: _Optional[_Union[Absence, _Mapping]] = ...) -> None: ...

class StatedChoice(_message.Message):
    __slots__ = ("known", "absent")
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    known: bool
    absent: Absence
    def __init__(self, known: _Optional[bool] = ..., absent: _Optional[_Union[Absence, _Mapping]] = ...) -> None: ...

class PreciseTime(_message.Message):
    __slots__ = ("time", "precision")
    TIME_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    precision: Precision
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., precision: _Optional[_Union[Precision, str]] = ...) -> None: ...

class StatedTime(_message.Message):
    __slots__ = ("known", "absent")
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    known: PreciseTime
    absent: Absence
    def __init__(self, known: _Optional[_Union[PreciseTime, _Mapping]] = ..., absent: _Optional[_Union[Absence, _Mapping]] = ...) -> None: ...

class Attachment(_message.Message):
    __slots__ = ("file_name", "media_type", "size", "sha256", "data")
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    file_name: str
    media_type: str
    size: int
    sha256: bytes
    data: bytes
    def __init__(self, file_name: _Optional[str] = ..., media_type: _Optional[str] = ..., size: _Optional[int] = ..., sha256: _Optional[bytes] = ..., data: _Optional[bytes] = ...) -> None: ...

class Contact(_message.Message):
    __slots__ = ("name", "email", "phone")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    name: str
    email: str
    phone: str
    def __init__(self, name: _Optional[str] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ...) -> None: ...

class Reference(_message.Message):
    __slots__ = ("title", "url")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    title: str
    url: str
    def __init__(self, title: _Optional[str] = ..., url: _Optional[str] = ...) -> None: ...

class Indicator(_message.Message):
    __slots__ = ("stix_pattern", "description")
    STIX_PATTERN_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    stix_pattern: str
    description: str
    def __init__(self, stix_pattern: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...
