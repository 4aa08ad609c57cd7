from forewarn.statement.v1 import rules_pb2 as _rules_pb2
from forewarn.statement.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KeyAlgorithm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KEY_ALGORITHM_UNSPECIFIED: _ClassVar[KeyAlgorithm]
    KEY_ALGORITHM_ED25519: _ClassVar[KeyAlgorithm]

class AgencyType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AGENCY_TYPE_UNSPECIFIED: _ClassVar[AgencyType]
    AGENCY_TYPE_CIVIL: _ClassVar[AgencyType]
    AGENCY_TYPE_NATIONAL_SECURITY: _ClassVar[AgencyType]

class SizeTier(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIZE_TIER_UNSPECIFIED: _ClassVar[SizeTier]
    SIZE_TIER_SMALL: _ClassVar[SizeTier]
    SIZE_TIER_MEDIUM: _ClassVar[SizeTier]
    SIZE_TIER_LARGE: _ClassVar[SizeTier]

class EndingReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENDING_REASON_UNSPECIFIED: _ClassVar[EndingReason]
    ENDING_REASON_SUPERSEDED: _ClassVar[EndingReason]
    ENDING_REASON_COMPROMISED: _ClassVar[EndingReason]
    ENDING_REASON_CEASED: _ClassVar[EndingReason]
    ENDING_REASON_MISCONDUCT: _ClassVar[EndingReason]
    ENDING_REASON_OTHER: _ClassVar[EndingReason]

class ParticipationChoice(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PARTICIPATION_CHOICE_UNSPECIFIED: _ClassVar[ParticipationChoice]
    PARTICIPATION_CHOICE_IN: _ClassVar[ParticipationChoice]
    PARTICIPATION_CHOICE_OUT: _ClassVar[ParticipationChoice]
KEY_ALGORITHM_UNSPECIFIED: KeyAlgorithm
KEY_ALGORITHM_ED25519: KeyAlgorithm
AGENCY_TYPE_UNSPECIFIED: AgencyType
AGENCY_TYPE_CIVIL: AgencyType
AGENCY_TYPE_NATIONAL_SECURITY: AgencyType
SIZE_TIER_UNSPECIFIED: SizeTier
SIZE_TIER_SMALL: SizeTier
SIZE_TIER_MEDIUM: SizeTier
SIZE_TIER_LARGE: SizeTier
ENDING_REASON_UNSPECIFIED: EndingReason
ENDING_REASON_SUPERSEDED: EndingReason
ENDING_REASON_COMPROMISED: EndingReason
ENDING_REASON_CEASED: EndingReason
ENDING_REASON_MISCONDUCT: EndingReason
ENDING_REASON_OTHER: EndingReason
PARTICIPATION_CHOICE_UNSPECIFIED: ParticipationChoice
PARTICIPATION_CHOICE_IN: ParticipationChoice
PARTICIPATION_CHOICE_OUT: ParticipationChoice

class SigningKey(_message.Message):
    __slots__ = ("algorithm", "spki")
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    SPKI_FIELD_NUMBER: _ClassVar[int]
    algorithm: KeyAlgorithm
    spki: bytes
    def __init__(self, algorithm: _Optional[_Union[KeyAlgorithm, str]] = ..., spki: _Optional[bytes] = ...) -> None: ...

class GenesisFacts(_message.Message):
    __slots__ = ("trust_domain", "registrar", "keys", "quorum", "systems")
    TRUST_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    REGISTRAR_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    SYSTEMS_FIELD_NUMBER: _ClassVar[int]
    trust_domain: str
    registrar: str
    keys: _containers.RepeatedCompositeFieldContainer[SigningKey]
    quorum: int
    systems: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, trust_domain: _Optional[str] = ..., registrar: _Optional[str] = ..., keys: _Optional[_Iterable[_Union[SigningKey, _Mapping]]] = ..., quorum: _Optional[int] = ..., systems: _Optional[_Iterable[str]] = ...) -> None: ...

class MemberProfile(_message.Message):
    __slots__ = ("display_name", "legal_name", "domain", "agency_type", "sectors", "size_tier", "desks", "communities", "clients")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    LEGAL_NAME_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    AGENCY_TYPE_FIELD_NUMBER: _ClassVar[int]
    SECTORS_FIELD_NUMBER: _ClassVar[int]
    SIZE_TIER_FIELD_NUMBER: _ClassVar[int]
    DESKS_FIELD_NUMBER: _ClassVar[int]
    COMMUNITIES_FIELD_NUMBER: _ClassVar[int]
    CLIENTS_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    legal_name: str
    domain: str
    agency_type: AgencyType
    sectors: _containers.RepeatedScalarFieldContainer[str]
    size_tier: SizeTier
    desks: _containers.RepeatedScalarFieldContainer[str]
    communities: _containers.RepeatedScalarFieldContainer[str]
    clients: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, display_name: _Optional[str] = ..., legal_name: _Optional[str] = ..., domain: _Optional[str] = ..., agency_type: _Optional[_Union[AgencyType, str]] = ..., sectors: _Optional[_Iterable[str]] = ..., size_tier: _Optional[_Union[SizeTier, str]] = ..., desks: _Optional[_Iterable[str]] = ..., communities: _Optional[_Iterable[str]] = ..., clients: _Optional[_Iterable[str]] = ...) -> None: ...

class MemberEnrolmentFacts(_message.Message):
    __slots__ = ("member", "kind", "profile", "keys", "systems")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    SYSTEMS_FIELD_NUMBER: _ClassVar[int]
    member: str
    kind: _values_pb2.MemberKind
    profile: MemberProfile
    keys: _containers.RepeatedCompositeFieldContainer[SigningKey]
    systems: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, member: _Optional[str] = ..., kind: _Optional[_Union[_values_pb2.MemberKind, str]] = ..., profile: _Optional[_Union[MemberProfile, _Mapping]] = ..., keys: _Optional[_Iterable[_Union[SigningKey, _Mapping]]] = ..., systems: _Optional[_Iterable[str]] = ...) -> None: ...

class MemberEnrolmentBody(_message.Message):
    __slots__ = ("contact",)
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    contact: _values_pb2.Contact
    def __init__(self, contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ...) -> None: ...

class MemberUpdateFacts(_message.Message):
    __slots__ = ("member", "profile")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    member: str
    profile: MemberProfile
    def __init__(self, member: _Optional[str] = ..., profile: _Optional[_Union[MemberProfile, _Mapping]] = ...) -> None: ...

class KeyRegistrationFacts(_message.Message):
    __slots__ = ("member", "key")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    member: str
    key: SigningKey
    def __init__(self, member: _Optional[str] = ..., key: _Optional[_Union[SigningKey, _Mapping]] = ...) -> None: ...

class KeyRevocationFacts(_message.Message):
    __slots__ = ("member", "key_id", "reason")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    member: str
    key_id: str
    reason: EndingReason
    def __init__(self, member: _Optional[str] = ..., key_id: _Optional[str] = ..., reason: _Optional[_Union[EndingReason, str]] = ...) -> None: ...

class SystemRegistrationFacts(_message.Message):
    __slots__ = ("member", "system")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    member: str
    system: str
    def __init__(self, member: _Optional[str] = ..., system: _Optional[str] = ...) -> None: ...

class SystemSuspensionFacts(_message.Message):
    __slots__ = ("member", "system", "reason")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    member: str
    system: str
    reason: EndingReason
    def __init__(self, member: _Optional[str] = ..., system: _Optional[str] = ..., reason: _Optional[_Union[EndingReason, str]] = ...) -> None: ...

class MemberSuspensionFacts(_message.Message):
    __slots__ = ("member", "reason")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    member: str
    reason: EndingReason
    def __init__(self, member: _Optional[str] = ..., reason: _Optional[_Union[EndingReason, str]] = ...) -> None: ...

class MemberReinstatementFacts(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: str
    def __init__(self, member: _Optional[str] = ...) -> None: ...

class MemberSuccessionFacts(_message.Message):
    __slots__ = ("predecessor", "successor")
    PREDECESSOR_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    predecessor: str
    successor: str
    def __init__(self, predecessor: _Optional[str] = ..., successor: _Optional[str] = ...) -> None: ...

class MemberDepartureFacts(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: str
    def __init__(self, member: _Optional[str] = ...) -> None: ...

class RegistrarSuccessionFacts(_message.Message):
    __slots__ = ("keys", "quorum")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[SigningKey]
    quorum: int
    def __init__(self, keys: _Optional[_Iterable[_Union[SigningKey, _Mapping]]] = ..., quorum: _Optional[int] = ...) -> None: ...

class ParticipationFacts(_message.Message):
    __slots__ = ("framework", "handle", "choice")
    FRAMEWORK_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    framework: str
    handle: str
    choice: ParticipationChoice
    def __init__(self, framework: _Optional[str] = ..., handle: _Optional[str] = ..., choice: _Optional[_Union[ParticipationChoice, str]] = ...) -> None: ...
