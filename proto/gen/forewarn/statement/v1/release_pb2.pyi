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

class NoticeType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_TYPE_UNSPECIFIED: _ClassVar[NoticeType]
    NOTICE_TYPE_NEW_MODEL: _ClassVar[NoticeType]
    NOTICE_TYPE_MAJOR_UPDATE: _ClassVar[NoticeType]
    NOTICE_TYPE_ACCESS_WIDENING: _ClassVar[NoticeType]
    NOTICE_TYPE_OPEN_WEIGHTS_RELEASE: _ClassVar[NoticeType]

class ReleaseMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELEASE_MODE_UNSPECIFIED: _ClassVar[ReleaseMode]
    RELEASE_MODE_API: _ClassVar[ReleaseMode]
    RELEASE_MODE_LIMITED: _ClassVar[ReleaseMode]
    RELEASE_MODE_OPEN_WEIGHTS: _ClassVar[ReleaseMode]

class CapabilityDomain(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CAPABILITY_DOMAIN_UNSPECIFIED: _ClassVar[CapabilityDomain]
    CAPABILITY_DOMAIN_CYBER: _ClassVar[CapabilityDomain]
    CAPABILITY_DOMAIN_CBRN: _ClassVar[CapabilityDomain]
    CAPABILITY_DOMAIN_AUTONOMY: _ClassVar[CapabilityDomain]
    CAPABILITY_DOMAIN_AI_RESEARCH: _ClassVar[CapabilityDomain]

class Confidence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFIDENCE_UNSPECIFIED: _ClassVar[Confidence]
    CONFIDENCE_LOW: _ClassVar[Confidence]
    CONFIDENCE_MODERATE: _ClassVar[Confidence]
    CONFIDENCE_HIGH: _ClassVar[Confidence]

class WithdrawalType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WITHDRAWAL_TYPE_UNSPECIFIED: _ClassVar[WithdrawalType]
    WITHDRAWAL_TYPE_CANCELLED: _ClassVar[WithdrawalType]
    WITHDRAWAL_TYPE_WITHDRAWN: _ClassVar[WithdrawalType]
NOTICE_TYPE_UNSPECIFIED: NoticeType
NOTICE_TYPE_NEW_MODEL: NoticeType
NOTICE_TYPE_MAJOR_UPDATE: NoticeType
NOTICE_TYPE_ACCESS_WIDENING: NoticeType
NOTICE_TYPE_OPEN_WEIGHTS_RELEASE: NoticeType
RELEASE_MODE_UNSPECIFIED: ReleaseMode
RELEASE_MODE_API: ReleaseMode
RELEASE_MODE_LIMITED: ReleaseMode
RELEASE_MODE_OPEN_WEIGHTS: ReleaseMode
CAPABILITY_DOMAIN_UNSPECIFIED: CapabilityDomain
CAPABILITY_DOMAIN_CYBER: CapabilityDomain
CAPABILITY_DOMAIN_CBRN: CapabilityDomain
CAPABILITY_DOMAIN_AUTONOMY: CapabilityDomain
CAPABILITY_DOMAIN_AI_RESEARCH: CapabilityDomain
CONFIDENCE_UNSPECIFIED: Confidence
CONFIDENCE_LOW: Confidence
CONFIDENCE_MODERATE: Confidence
CONFIDENCE_HIGH: Confidence
WITHDRAWAL_TYPE_UNSPECIFIED: WithdrawalType
WITHDRAWAL_TYPE_CANCELLED: WithdrawalType
WITHDRAWAL_TYPE_WITHDRAWN: WithdrawalType

class PlannedTimes(_message.Message):
    __slots__ = ("government_access", "trusted_partner_access", "public_release")
    GOVERNMENT_ACCESS_FIELD_NUMBER: _ClassVar[int]
    TRUSTED_PARTNER_ACCESS_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_RELEASE_FIELD_NUMBER: _ClassVar[int]
    government_access: _values_pb2.PreciseTime
    trusted_partner_access: _values_pb2.PreciseTime
    public_release: _values_pb2.PreciseTime
    def __init__(self, government_access: _Optional[_Union[_values_pb2.PreciseTime, _Mapping]] = ..., trusted_partner_access: _Optional[_Union[_values_pb2.PreciseTime, _Mapping]] = ..., public_release: _Optional[_Union[_values_pb2.PreciseTime, _Mapping]] = ...) -> None: ...

class PreReleaseNoticeFacts(_message.Message):
    __slots__ = ("notice_type", "release_mode", "handle", "planned", "determination_requested", "export_controlled")
    NOTICE_TYPE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_MODE_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    PLANNED_FIELD_NUMBER: _ClassVar[int]
    DETERMINATION_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    EXPORT_CONTROLLED_FIELD_NUMBER: _ClassVar[int]
    notice_type: NoticeType
    release_mode: ReleaseMode
    handle: str
    planned: PlannedTimes
    determination_requested: bool
    export_controlled: bool
    def __init__(self, notice_type: _Optional[_Union[NoticeType, str]] = ..., release_mode: _Optional[_Union[ReleaseMode, str]] = ..., handle: _Optional[str] = ..., planned: _Optional[_Union[PlannedTimes, _Mapping]] = ..., determination_requested: _Optional[bool] = ..., export_controlled: _Optional[bool] = ...) -> None: ...

class CapabilityClaim(_message.Message):
    __slots__ = ("domain", "claim", "confidence")
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    domain: CapabilityDomain
    claim: str
    confidence: Confidence
    def __init__(self, domain: _Optional[_Union[CapabilityDomain, str]] = ..., claim: _Optional[str] = ..., confidence: _Optional[_Union[Confidence, str]] = ...) -> None: ...

class PreReleaseNoticeBody(_message.Message):
    __slots__ = ("capability_claims", "evaluation_summary", "elicitation", "planned_safeguards", "surfaces", "regions", "lineage", "contact", "attachments")
    CAPABILITY_CLAIMS_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_SUMMARY_FIELD_NUMBER: _ClassVar[int]
    ELICITATION_FIELD_NUMBER: _ClassVar[int]
    PLANNED_SAFEGUARDS_FIELD_NUMBER: _ClassVar[int]
    SURFACES_FIELD_NUMBER: _ClassVar[int]
    REGIONS_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    capability_claims: _containers.RepeatedCompositeFieldContainer[CapabilityClaim]
    evaluation_summary: _values_pb2.StatedText
    elicitation: _values_pb2.StatedText
    planned_safeguards: _values_pb2.StatedText
    surfaces: _containers.RepeatedScalarFieldContainer[str]
    regions: _containers.RepeatedScalarFieldContainer[str]
    lineage: _values_pb2.StatedText
    contact: _values_pb2.Contact
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, capability_claims: _Optional[_Iterable[_Union[CapabilityClaim, _Mapping]]] = ..., evaluation_summary: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., elicitation: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., planned_safeguards: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., surfaces: _Optional[_Iterable[str]] = ..., regions: _Optional[_Iterable[str]] = ..., lineage: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...

class NoticeAmendmentFacts(_message.Message):
    __slots__ = ("planned", "release_mode")
    PLANNED_FIELD_NUMBER: _ClassVar[int]
    RELEASE_MODE_FIELD_NUMBER: _ClassVar[int]
    planned: PlannedTimes
    release_mode: ReleaseMode
    def __init__(self, planned: _Optional[_Union[PlannedTimes, _Mapping]] = ..., release_mode: _Optional[_Union[ReleaseMode, str]] = ...) -> None: ...

class NoticeAmendmentBody(_message.Message):
    __slots__ = ("text", "attachments")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, text: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...

class NoticeWithdrawalFacts(_message.Message):
    __slots__ = ("withdrawal_type",)
    WITHDRAWAL_TYPE_FIELD_NUMBER: _ClassVar[int]
    withdrawal_type: WithdrawalType
    def __init__(self, withdrawal_type: _Optional[_Union[WithdrawalType, str]] = ...) -> None: ...

class NoticeWithdrawalBody(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: str
    def __init__(self, note: _Optional[str] = ...) -> None: ...

class ReleaseConfirmationFacts(_message.Message):
    __slots__ = ("released_time", "release_mode")
    RELEASED_TIME_FIELD_NUMBER: _ClassVar[int]
    RELEASE_MODE_FIELD_NUMBER: _ClassVar[int]
    released_time: _timestamp_pb2.Timestamp
    release_mode: ReleaseMode
    def __init__(self, released_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., release_mode: _Optional[_Union[ReleaseMode, str]] = ...) -> None: ...

class ReleaseConfirmationBody(_message.Message):
    __slots__ = ("public_name", "references", "note")
    PUBLIC_NAME_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    public_name: str
    references: _containers.RepeatedCompositeFieldContainer[_values_pb2.Reference]
    note: str
    def __init__(self, public_name: _Optional[str] = ..., references: _Optional[_Iterable[_Union[_values_pb2.Reference, _Mapping]]] = ..., note: _Optional[str] = ...) -> None: ...
