import datetime

from forewarn.statement.v1 import rules_pb2 as _rules_pb2
from forewarn.statement.v1 import values_pb2 as _values_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StalenessAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STALENESS_ACTION_UNSPECIFIED: _ClassVar[StalenessAction]
    STALENESS_ACTION_DENY: _ClassVar[StalenessAction]

class ModelVariant(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_VARIANT_UNSPECIFIED: _ClassVar[ModelVariant]
    MODEL_VARIANT_DEPLOYED: _ClassVar[ModelVariant]
    MODEL_VARIANT_HELPFUL_ONLY: _ClassVar[ModelVariant]
    MODEL_VARIANT_SAFEGUARDS_OFF: _ClassVar[ModelVariant]
    MODEL_VARIANT_FINE_TUNE_API: _ClassVar[ModelVariant]
    MODEL_VARIANT_BASE: _ClassVar[ModelVariant]

class Affordance(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AFFORDANCE_UNSPECIFIED: _ClassVar[Affordance]
    AFFORDANCE_SAMPLING: _ClassVar[Affordance]
    AFFORDANCE_LOGPROBS: _ClassVar[Affordance]
    AFFORDANCE_CHAIN_OF_THOUGHT: _ClassVar[Affordance]
    AFFORDANCE_TOOLS: _ClassVar[Affordance]
    AFFORDANCE_FINE_TUNING: _ClassVar[Affordance]
    AFFORDANCE_ACTIVATIONS: _ClassVar[Affordance]
    AFFORDANCE_GRADIENTS: _ClassVar[Affordance]

class AccessLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCESS_LEVEL_UNSPECIFIED: _ClassVar[AccessLevel]
    ACCESS_LEVEL_AL1: _ClassVar[AccessLevel]
    ACCESS_LEVEL_AL2: _ClassVar[AccessLevel]
    ACCESS_LEVEL_AL3: _ClassVar[AccessLevel]

class ModelStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_STAGE_UNSPECIFIED: _ClassVar[ModelStage]
    MODEL_STAGE_DEVELOPMENT: _ClassVar[ModelStage]
    MODEL_STAGE_RELEASE_CANDIDATE: _ClassVar[ModelStage]
    MODEL_STAGE_RELEASED: _ClassVar[ModelStage]

class LogVisibility(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOG_VISIBILITY_UNSPECIFIED: _ClassVar[LogVisibility]
    LOG_VISIBILITY_LAB_BLIND: _ClassVar[LogVisibility]
    LOG_VISIBILITY_LAB_METADATA_ONLY: _ClassVar[LogVisibility]
    LOG_VISIBILITY_LAB_FULL: _ClassVar[LogVisibility]

class EndingCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENDING_CAUSE_UNSPECIFIED: _ClassVar[EndingCause]
    ENDING_CAUSE_PURPOSE_ENDED: _ClassVar[EndingCause]
    ENDING_CAUSE_SECURITY_INCIDENT: _ClassVar[EndingCause]
    ENDING_CAUSE_TERMS_VIOLATED: _ClassVar[EndingCause]
    ENDING_CAUSE_MODEL_UNSAFE: _ClassVar[EndingCause]
    ENDING_CAUSE_REQUEST: _ClassVar[EndingCause]
    ENDING_CAUSE_OTHER: _ClassVar[EndingCause]
STALENESS_ACTION_UNSPECIFIED: StalenessAction
STALENESS_ACTION_DENY: StalenessAction
MODEL_VARIANT_UNSPECIFIED: ModelVariant
MODEL_VARIANT_DEPLOYED: ModelVariant
MODEL_VARIANT_HELPFUL_ONLY: ModelVariant
MODEL_VARIANT_SAFEGUARDS_OFF: ModelVariant
MODEL_VARIANT_FINE_TUNE_API: ModelVariant
MODEL_VARIANT_BASE: ModelVariant
AFFORDANCE_UNSPECIFIED: Affordance
AFFORDANCE_SAMPLING: Affordance
AFFORDANCE_LOGPROBS: Affordance
AFFORDANCE_CHAIN_OF_THOUGHT: Affordance
AFFORDANCE_TOOLS: Affordance
AFFORDANCE_FINE_TUNING: Affordance
AFFORDANCE_ACTIVATIONS: Affordance
AFFORDANCE_GRADIENTS: Affordance
ACCESS_LEVEL_UNSPECIFIED: AccessLevel
ACCESS_LEVEL_AL1: AccessLevel
ACCESS_LEVEL_AL2: AccessLevel
ACCESS_LEVEL_AL3: AccessLevel
MODEL_STAGE_UNSPECIFIED: ModelStage
MODEL_STAGE_DEVELOPMENT: ModelStage
MODEL_STAGE_RELEASE_CANDIDATE: ModelStage
MODEL_STAGE_RELEASED: ModelStage
LOG_VISIBILITY_UNSPECIFIED: LogVisibility
LOG_VISIBILITY_LAB_BLIND: LogVisibility
LOG_VISIBILITY_LAB_METADATA_ONLY: LogVisibility
LOG_VISIBILITY_LAB_FULL: LogVisibility
ENDING_CAUSE_UNSPECIFIED: EndingCause
ENDING_CAUSE_PURPOSE_ENDED: EndingCause
ENDING_CAUSE_SECURITY_INCIDENT: EndingCause
ENDING_CAUSE_TERMS_VIOLATED: EndingCause
ENDING_CAUSE_MODEL_UNSAFE: EndingCause
ENDING_CAUSE_REQUEST: EndingCause
ENDING_CAUSE_OTHER: EndingCause

class EarlyAccessApplicationFacts(_message.Message):
    __slots__ = ("grantee_systems",)
    GRANTEE_SYSTEMS_FIELD_NUMBER: _ClassVar[int]
    grantee_systems: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, grantee_systems: _Optional[_Iterable[str]] = ...) -> None: ...

class EarlyAccessApplicationBody(_message.Message):
    __slots__ = ("purpose", "asset_scope", "contact", "attachments")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    ASSET_SCOPE_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    asset_scope: str
    contact: _values_pb2.Contact
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, purpose: _Optional[str] = ..., asset_scope: _Optional[str] = ..., contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...

class ModelAccessGrantFacts(_message.Message):
    __slots__ = ("grant_id", "version", "grantee_systems", "not_before_time", "not_after_time", "offer_expire_time", "claim_by_time", "cosigners", "cosigners_required", "max_token_lifetime", "max_staleness", "staleness_action", "lab_signatures")
    GRANT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    GRANTEE_SYSTEMS_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_TIME_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_TIME_FIELD_NUMBER: _ClassVar[int]
    OFFER_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    CLAIM_BY_TIME_FIELD_NUMBER: _ClassVar[int]
    COSIGNERS_FIELD_NUMBER: _ClassVar[int]
    COSIGNERS_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKEN_LIFETIME_FIELD_NUMBER: _ClassVar[int]
    MAX_STALENESS_FIELD_NUMBER: _ClassVar[int]
    STALENESS_ACTION_FIELD_NUMBER: _ClassVar[int]
    LAB_SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    grant_id: str
    version: int
    grantee_systems: _containers.RepeatedScalarFieldContainer[str]
    not_before_time: _timestamp_pb2.Timestamp
    not_after_time: _timestamp_pb2.Timestamp
    offer_expire_time: _timestamp_pb2.Timestamp
    claim_by_time: _timestamp_pb2.Timestamp
    cosigners: _containers.RepeatedScalarFieldContainer[str]
    cosigners_required: int
    max_token_lifetime: _duration_pb2.Duration
    max_staleness: _duration_pb2.Duration
    staleness_action: StalenessAction
    lab_signatures: int
    def __init__(self, grant_id: _Optional[str] = ..., version: _Optional[int] = ..., grantee_systems: _Optional[_Iterable[str]] = ..., not_before_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., not_after_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., offer_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., claim_by_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cosigners: _Optional[_Iterable[str]] = ..., cosigners_required: _Optional[int] = ..., max_token_lifetime: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_staleness: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., staleness_action: _Optional[_Union[StalenessAction, str]] = ..., lab_signatures: _Optional[int] = ...) -> None: ...

class GrantedModel(_message.Message):
    __slots__ = ("handle", "endpoint", "stage", "variant", "affordances")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    AFFORDANCES_FIELD_NUMBER: _ClassVar[int]
    handle: str
    endpoint: str
    stage: ModelStage
    variant: ModelVariant
    affordances: _containers.RepeatedScalarFieldContainer[Affordance]
    def __init__(self, handle: _Optional[str] = ..., endpoint: _Optional[str] = ..., stage: _Optional[_Union[ModelStage, str]] = ..., variant: _Optional[_Union[ModelVariant, str]] = ..., affordances: _Optional[_Iterable[_Union[Affordance, str]]] = ...) -> None: ...

class UsageLimits(_message.Message):
    __slots__ = ("requests_per_minute", "tokens_per_minute", "parallel_requests", "tokens_per_request", "stream_seconds", "token_budget", "budget_period")
    REQUESTS_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    TOKENS_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_PER_REQUEST_FIELD_NUMBER: _ClassVar[int]
    STREAM_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_BUDGET_FIELD_NUMBER: _ClassVar[int]
    BUDGET_PERIOD_FIELD_NUMBER: _ClassVar[int]
    requests_per_minute: int
    tokens_per_minute: int
    parallel_requests: int
    tokens_per_request: int
    stream_seconds: int
    token_budget: int
    budget_period: _duration_pb2.Duration
    def __init__(self, requests_per_minute: _Optional[int] = ..., tokens_per_minute: _Optional[int] = ..., parallel_requests: _Optional[int] = ..., tokens_per_request: _Optional[int] = ..., stream_seconds: _Optional[int] = ..., token_budget: _Optional[int] = ..., budget_period: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GrantObligations(_message.Message):
    __slots__ = ("report_findings", "no_disclosure", "no_training", "retention", "log_visibility")
    REPORT_FINDINGS_FIELD_NUMBER: _ClassVar[int]
    NO_DISCLOSURE_FIELD_NUMBER: _ClassVar[int]
    NO_TRAINING_FIELD_NUMBER: _ClassVar[int]
    RETENTION_FIELD_NUMBER: _ClassVar[int]
    LOG_VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    report_findings: bool
    no_disclosure: bool
    no_training: bool
    retention: _duration_pb2.Duration
    log_visibility: LogVisibility
    def __init__(self, report_findings: _Optional[bool] = ..., no_disclosure: _Optional[bool] = ..., no_training: _Optional[bool] = ..., retention: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., log_visibility: _Optional[_Union[LogVisibility, str]] = ...) -> None: ...

class ModelAccessGrantBody(_message.Message):
    __slots__ = ("authority_basis", "models", "access_level", "actions", "purpose_code", "purpose", "prohibited_purposes", "asset_scope", "limits", "obligations", "person_attributes", "terms_sha256", "attachments")
    AUTHORITY_BASIS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ACCESS_LEVEL_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_CODE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PROHIBITED_PURPOSES_FIELD_NUMBER: _ClassVar[int]
    ASSET_SCOPE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    OBLIGATIONS_FIELD_NUMBER: _ClassVar[int]
    PERSON_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    TERMS_SHA256_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    authority_basis: str
    models: _containers.RepeatedCompositeFieldContainer[GrantedModel]
    access_level: AccessLevel
    actions: _containers.RepeatedScalarFieldContainer[str]
    purpose_code: str
    purpose: str
    prohibited_purposes: _containers.RepeatedScalarFieldContainer[str]
    asset_scope: str
    limits: UsageLimits
    obligations: GrantObligations
    person_attributes: _containers.RepeatedScalarFieldContainer[str]
    terms_sha256: bytes
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, authority_basis: _Optional[str] = ..., models: _Optional[_Iterable[_Union[GrantedModel, _Mapping]]] = ..., access_level: _Optional[_Union[AccessLevel, str]] = ..., actions: _Optional[_Iterable[str]] = ..., purpose_code: _Optional[str] = ..., purpose: _Optional[str] = ..., prohibited_purposes: _Optional[_Iterable[str]] = ..., asset_scope: _Optional[str] = ..., limits: _Optional[_Union[UsageLimits, _Mapping]] = ..., obligations: _Optional[_Union[GrantObligations, _Mapping]] = ..., person_attributes: _Optional[_Iterable[str]] = ..., terms_sha256: _Optional[bytes] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...

class GrantAcceptanceBody(_message.Message):
    __slots__ = ("note", "contact")
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    note: str
    contact: _values_pb2.Contact
    def __init__(self, note: _Optional[str] = ..., contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ...) -> None: ...

class GrantSuspensionFacts(_message.Message):
    __slots__ = ("cause",)
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    cause: EndingCause
    def __init__(self, cause: _Optional[_Union[EndingCause, str]] = ...) -> None: ...

class GrantSuspensionBody(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: str
    def __init__(self, note: _Optional[str] = ...) -> None: ...

class GrantResumptionBody(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: str
    def __init__(self, note: _Optional[str] = ...) -> None: ...

class GrantNarrowingFacts(_message.Message):
    __slots__ = ("grant",)
    GRANT_FIELD_NUMBER: _ClassVar[int]
    grant: ModelAccessGrantFacts
    def __init__(self, grant: _Optional[_Union[ModelAccessGrantFacts, _Mapping]] = ...) -> None: ...

class GrantNarrowingBody(_message.Message):
    __slots__ = ("grant", "note")
    GRANT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    grant: ModelAccessGrantBody
    note: str
    def __init__(self, grant: _Optional[_Union[ModelAccessGrantBody, _Mapping]] = ..., note: _Optional[str] = ...) -> None: ...

class GrantRevocationFacts(_message.Message):
    __slots__ = ("cause",)
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    cause: EndingCause
    def __init__(self, cause: _Optional[_Union[EndingCause, str]] = ...) -> None: ...

class GrantRevocationBody(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: str
    def __init__(self, note: _Optional[str] = ...) -> None: ...

class GrantCompletionBody(_message.Message):
    __slots__ = ("note", "attachments")
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    note: str
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, note: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...

class GrantWithdrawalBody(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: str
    def __init__(self, note: _Optional[str] = ...) -> None: ...

class DestructionAttestationFacts(_message.Message):
    __slots__ = ("destroyed_time",)
    DESTROYED_TIME_FIELD_NUMBER: _ClassVar[int]
    destroyed_time: _timestamp_pb2.Timestamp
    def __init__(self, destroyed_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DestructionAttestationBody(_message.Message):
    __slots__ = ("text", "attested_by", "attachments")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ATTESTED_BY_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    attested_by: str
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, text: _Optional[str] = ..., attested_by: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...
