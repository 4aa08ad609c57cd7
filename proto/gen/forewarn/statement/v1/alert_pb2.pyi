import datetime

from forewarn.statement.v1 import rules_pb2 as _rules_pb2
from forewarn.statement.v1 import values_pb2 as _values_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_INFORMATIONAL: _ClassVar[Severity]
    SEVERITY_LOW: _ClassVar[Severity]
    SEVERITY_MEDIUM: _ClassVar[Severity]
    SEVERITY_HIGH: _ClassVar[Severity]
    SEVERITY_CRITICAL: _ClassVar[Severity]
SEVERITY_UNSPECIFIED: Severity
SEVERITY_INFORMATIONAL: Severity
SEVERITY_LOW: Severity
SEVERITY_MEDIUM: Severity
SEVERITY_HIGH: Severity
SEVERITY_CRITICAL: Severity

class AlertFacts(_message.Message):
    __slots__ = ("severity", "valid_until_time")
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    severity: Severity
    valid_until_time: _timestamp_pb2.Timestamp
    def __init__(self, severity: _Optional[_Union[Severity, str]] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AlertBody(_message.Message):
    __slots__ = ("title", "summary", "affected_products", "affected_sectors", "recommended_actions", "indicators", "references", "attachments")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    AFFECTED_PRODUCTS_FIELD_NUMBER: _ClassVar[int]
    AFFECTED_SECTORS_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDED_ACTIONS_FIELD_NUMBER: _ClassVar[int]
    INDICATORS_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    title: str
    summary: str
    affected_products: _containers.RepeatedScalarFieldContainer[str]
    affected_sectors: _containers.RepeatedScalarFieldContainer[str]
    recommended_actions: _containers.RepeatedScalarFieldContainer[str]
    indicators: _containers.RepeatedCompositeFieldContainer[_values_pb2.Indicator]
    references: _containers.RepeatedCompositeFieldContainer[_values_pb2.Reference]
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, title: _Optional[str] = ..., summary: _Optional[str] = ..., affected_products: _Optional[_Iterable[str]] = ..., affected_sectors: _Optional[_Iterable[str]] = ..., recommended_actions: _Optional[_Iterable[str]] = ..., indicators: _Optional[_Iterable[_Union[_values_pb2.Indicator, _Mapping]]] = ..., references: _Optional[_Iterable[_Union[_values_pb2.Reference, _Mapping]]] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...

class AlertUpdateFacts(_message.Message):
    __slots__ = ("severity", "valid_until_time")
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    severity: Severity
    valid_until_time: _timestamp_pb2.Timestamp
    def __init__(self, severity: _Optional[_Union[Severity, str]] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AlertUpdateBody(_message.Message):
    __slots__ = ("change", "alert")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    change: str
    alert: AlertBody
    def __init__(self, change: _Optional[str] = ..., alert: _Optional[_Union[AlertBody, _Mapping]] = ...) -> None: ...

class AlertCancellationBody(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: str
    def __init__(self, note: _Optional[str] = ...) -> None: ...

class SightingFacts(_message.Message):
    __slots__ = ("seen_time",)
    SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    seen_time: _values_pb2.StatedTime
    def __init__(self, seen_time: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ...) -> None: ...

class SightingBody(_message.Message):
    __slots__ = ("text", "indicators", "attachments")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    INDICATORS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    indicators: _containers.RepeatedCompositeFieldContainer[_values_pb2.Indicator]
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, text: _Optional[str] = ..., indicators: _Optional[_Iterable[_Union[_values_pb2.Indicator, _Mapping]]] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...
