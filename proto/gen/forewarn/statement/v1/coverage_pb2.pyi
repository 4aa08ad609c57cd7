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

class ProgressStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROGRESS_STAGE_UNSPECIFIED: _ClassVar[ProgressStage]
    PROGRESS_STAGE_UNDER_BENCHMARK: _ClassVar[ProgressStage]
    PROGRESS_STAGE_EVIDENCE_WANTED: _ClassVar[ProgressStage]

class CoverageOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COVERAGE_OUTCOME_UNSPECIFIED: _ClassVar[CoverageOutcome]
    COVERAGE_OUTCOME_COVERED: _ClassVar[CoverageOutcome]
    COVERAGE_OUTCOME_NOT_COVERED: _ClassVar[CoverageOutcome]
    COVERAGE_OUTCOME_NOT_DETERMINED: _ClassVar[CoverageOutcome]

class BasisClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BASIS_CLASS_UNSPECIFIED: _ClassVar[BasisClass]
    BASIS_CLASS_BENCHMARK: _ClassVar[BasisClass]
    BASIS_CLASS_BY_ANALOGY: _ClassVar[BasisClass]
    BASIS_CLASS_DEVELOPER_DECLARED: _ClassVar[BasisClass]

class ReviewResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVIEW_RESULT_UNSPECIFIED: _ClassVar[ReviewResult]
    REVIEW_RESULT_UPHELD: _ClassVar[ReviewResult]
    REVIEW_RESULT_CHANGED: _ClassVar[ReviewResult]
PROGRESS_STAGE_UNSPECIFIED: ProgressStage
PROGRESS_STAGE_UNDER_BENCHMARK: ProgressStage
PROGRESS_STAGE_EVIDENCE_WANTED: ProgressStage
COVERAGE_OUTCOME_UNSPECIFIED: CoverageOutcome
COVERAGE_OUTCOME_COVERED: CoverageOutcome
COVERAGE_OUTCOME_NOT_COVERED: CoverageOutcome
COVERAGE_OUTCOME_NOT_DETERMINED: CoverageOutcome
BASIS_CLASS_UNSPECIFIED: BasisClass
BASIS_CLASS_BENCHMARK: BasisClass
BASIS_CLASS_BY_ANALOGY: BasisClass
BASIS_CLASS_DEVELOPER_DECLARED: BasisClass
REVIEW_RESULT_UNSPECIFIED: ReviewResult
REVIEW_RESULT_UPHELD: ReviewResult
REVIEW_RESULT_CHANGED: ReviewResult

class CoverageRequestFacts(_message.Message):
    __slots__ = ("handle",)
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    handle: str
    def __init__(self, handle: _Optional[str] = ...) -> None: ...

class CoverageRequestBody(_message.Message):
    __slots__ = ("text", "evidence", "attachments", "contact")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    text: str
    evidence: _values_pb2.StatedText
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    contact: _values_pb2.Contact
    def __init__(self, text: _Optional[str] = ..., evidence: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ..., contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ...) -> None: ...

class CaseProgressFacts(_message.Message):
    __slots__ = ("stage",)
    STAGE_FIELD_NUMBER: _ClassVar[int]
    stage: ProgressStage
    def __init__(self, stage: _Optional[_Union[ProgressStage, str]] = ...) -> None: ...

class CaseProgressBody(_message.Message):
    __slots__ = ("note", "contact")
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    note: str
    contact: _values_pb2.Contact
    def __init__(self, note: _Optional[str] = ..., contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ...) -> None: ...

class CoverageDeterminationFacts(_message.Message):
    __slots__ = ("outcome", "basis_class", "decided_by", "decided_time", "valid_until_time", "review")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    BASIS_CLASS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDED_TIME_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    outcome: CoverageOutcome
    basis_class: BasisClass
    decided_by: str
    decided_time: _timestamp_pb2.Timestamp
    valid_until_time: _timestamp_pb2.Timestamp
    review: ReviewResult
    def __init__(self, outcome: _Optional[_Union[CoverageOutcome, str]] = ..., basis_class: _Optional[_Union[BasisClass, str]] = ..., decided_by: _Optional[str] = ..., decided_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., review: _Optional[_Union[ReviewResult, str]] = ...) -> None: ...

class ClassifiedPointer(_message.Message):
    __slots__ = ("custodian", "marking", "contact")
    CUSTODIAN_FIELD_NUMBER: _ClassVar[int]
    MARKING_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    custodian: str
    marking: str
    contact: _values_pb2.Contact
    def __init__(self, custodian: _Optional[str] = ..., marking: _Optional[str] = ..., contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ...) -> None: ...

class CoverageDeterminationBody(_message.Message):
    __slots__ = ("tear_line", "classified_annex")
    TEAR_LINE_FIELD_NUMBER: _ClassVar[int]
    CLASSIFIED_ANNEX_FIELD_NUMBER: _ClassVar[int]
    tear_line: str
    classified_annex: ClassifiedPointer
    def __init__(self, tear_line: _Optional[str] = ..., classified_annex: _Optional[_Union[ClassifiedPointer, _Mapping]] = ...) -> None: ...

class ReconsiderationRequestBody(_message.Message):
    __slots__ = ("grounds", "attachments")
    GROUNDS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    grounds: str
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, grounds: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...
