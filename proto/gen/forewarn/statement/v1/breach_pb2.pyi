from forewarn.statement.v1 import rules_pb2 as _rules_pb2
from forewarn.statement.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReportKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPORT_KIND_UNSPECIFIED: _ClassVar[ReportKind]
    REPORT_KIND_INITIAL: _ClassVar[ReportKind]
    REPORT_KIND_SUPPLEMENTAL: _ClassVar[ReportKind]
    REPORT_KIND_INTERMEDIATE: _ClassVar[ReportKind]
    REPORT_KIND_FINAL: _ClassVar[ReportKind]
    REPORT_KIND_RETRACTION: _ClassVar[ReportKind]

class SubmitterCapacity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBMITTER_CAPACITY_UNSPECIFIED: _ClassVar[SubmitterCapacity]
    SUBMITTER_CAPACITY_SELF: _ClassVar[SubmitterCapacity]
    SUBMITTER_CAPACITY_AGENT: _ClassVar[SubmitterCapacity]
    SUBMITTER_CAPACITY_SERVICE_PROVIDER: _ClassVar[SubmitterCapacity]
    SUBMITTER_CAPACITY_PUBLIC: _ClassVar[SubmitterCapacity]

class IncidentType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_TYPE_UNSPECIFIED: _ClassVar[IncidentType]
    INCIDENT_TYPE_INCIDENT: _ClassVar[IncidentType]
    INCIDENT_TYPE_NEAR_MISS: _ClassVar[IncidentType]
    INCIDENT_TYPE_EXERCISE: _ClassVar[IncidentType]
    INCIDENT_TYPE_UNKNOWN: _ClassVar[IncidentType]

class BreachKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BREACH_KIND_UNSPECIFIED: _ClassVar[BreachKind]
    BREACH_KIND_WEIGHTS_EXFILTRATION: _ClassVar[BreachKind]
    BREACH_KIND_SELF_EXFILTRATION: _ClassVar[BreachKind]
    BREACH_KIND_UNAUTHORISED_MODEL_ACCESS: _ClassVar[BreachKind]
    BREACH_KIND_CREDENTIAL_COMPROMISE: _ClassVar[BreachKind]
    BREACH_KIND_THIRD_PARTY_VENDOR_BREACH: _ClassVar[BreachKind]
    BREACH_KIND_GRANT_MISUSE: _ClassVar[BreachKind]
    BREACH_KIND_NAME_OR_ENDPOINT_LEAK: _ClassVar[BreachKind]
    BREACH_KIND_UNIVERSAL_JAILBREAK: _ClassVar[BreachKind]
    BREACH_KIND_PROMPT_INJECTION: _ClassVar[BreachKind]
    BREACH_KIND_MODEL_EVASION: _ClassVar[BreachKind]
    BREACH_KIND_DISTILLATION_ATTACK: _ClassVar[BreachKind]
    BREACH_KIND_TRAINING_DATA_POISONING: _ClassVar[BreachKind]
    BREACH_KIND_SUPPLY_CHAIN: _ClassVar[BreachKind]
    BREACH_KIND_EVALUATION_LEAK: _ClassVar[BreachKind]
    BREACH_KIND_INSIDER: _ClassVar[BreachKind]
    BREACH_KIND_AGENT_BREAKOUT: _ClassVar[BreachKind]
    BREACH_KIND_DOWNSTREAM_INFRASTRUCTURE_INCIDENT: _ClassVar[BreachKind]
    BREACH_KIND_OTHER: _ClassVar[BreachKind]
    BREACH_KIND_UNKNOWN: _ClassVar[BreachKind]

class ClosureReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLOSURE_REASON_UNSPECIFIED: _ClassVar[ClosureReason]
    CLOSURE_REASON_RESOLVED: _ClassVar[ClosureReason]
    CLOSURE_REASON_RETRACTED: _ClassVar[ClosureReason]
    CLOSURE_REASON_REFERRED: _ClassVar[ClosureReason]
REPORT_KIND_UNSPECIFIED: ReportKind
REPORT_KIND_INITIAL: ReportKind
REPORT_KIND_SUPPLEMENTAL: ReportKind
REPORT_KIND_INTERMEDIATE: ReportKind
REPORT_KIND_FINAL: ReportKind
REPORT_KIND_RETRACTION: ReportKind
SUBMITTER_CAPACITY_UNSPECIFIED: SubmitterCapacity
SUBMITTER_CAPACITY_SELF: SubmitterCapacity
SUBMITTER_CAPACITY_AGENT: SubmitterCapacity
SUBMITTER_CAPACITY_SERVICE_PROVIDER: SubmitterCapacity
SUBMITTER_CAPACITY_PUBLIC: SubmitterCapacity
INCIDENT_TYPE_UNSPECIFIED: IncidentType
INCIDENT_TYPE_INCIDENT: IncidentType
INCIDENT_TYPE_NEAR_MISS: IncidentType
INCIDENT_TYPE_EXERCISE: IncidentType
INCIDENT_TYPE_UNKNOWN: IncidentType
BREACH_KIND_UNSPECIFIED: BreachKind
BREACH_KIND_WEIGHTS_EXFILTRATION: BreachKind
BREACH_KIND_SELF_EXFILTRATION: BreachKind
BREACH_KIND_UNAUTHORISED_MODEL_ACCESS: BreachKind
BREACH_KIND_CREDENTIAL_COMPROMISE: BreachKind
BREACH_KIND_THIRD_PARTY_VENDOR_BREACH: BreachKind
BREACH_KIND_GRANT_MISUSE: BreachKind
BREACH_KIND_NAME_OR_ENDPOINT_LEAK: BreachKind
BREACH_KIND_UNIVERSAL_JAILBREAK: BreachKind
BREACH_KIND_PROMPT_INJECTION: BreachKind
BREACH_KIND_MODEL_EVASION: BreachKind
BREACH_KIND_DISTILLATION_ATTACK: BreachKind
BREACH_KIND_TRAINING_DATA_POISONING: BreachKind
BREACH_KIND_SUPPLY_CHAIN: BreachKind
BREACH_KIND_EVALUATION_LEAK: BreachKind
BREACH_KIND_INSIDER: BreachKind
BREACH_KIND_AGENT_BREAKOUT: BreachKind
BREACH_KIND_DOWNSTREAM_INFRASTRUCTURE_INCIDENT: BreachKind
BREACH_KIND_OTHER: BreachKind
BREACH_KIND_UNKNOWN: BreachKind
CLOSURE_REASON_UNSPECIFIED: ClosureReason
CLOSURE_REASON_RESOLVED: ClosureReason
CLOSURE_REASON_RETRACTED: ClosureReason
CLOSURE_REASON_REFERRED: ClosureReason

class BreachTimes(_message.Message):
    __slots__ = ("aware", "occurred", "detected", "discovered", "reasonable_belief", "determined", "involvement_known", "ransom_paid", "contained", "resolved")
    AWARE_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_FIELD_NUMBER: _ClassVar[int]
    DETECTED_FIELD_NUMBER: _ClassVar[int]
    DISCOVERED_FIELD_NUMBER: _ClassVar[int]
    REASONABLE_BELIEF_FIELD_NUMBER: _ClassVar[int]
    DETERMINED_FIELD_NUMBER: _ClassVar[int]
    INVOLVEMENT_KNOWN_FIELD_NUMBER: _ClassVar[int]
    RANSOM_PAID_FIELD_NUMBER: _ClassVar[int]
    CONTAINED_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    aware: _values_pb2.StatedTime
    occurred: _values_pb2.StatedTime
    detected: _values_pb2.StatedTime
    discovered: _values_pb2.StatedTime
    reasonable_belief: _values_pb2.StatedTime
    determined: _values_pb2.StatedTime
    involvement_known: _values_pb2.StatedTime
    ransom_paid: _values_pb2.StatedTime
    contained: _values_pb2.StatedTime
    resolved: _values_pb2.StatedTime
    def __init__(self, aware: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., occurred: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., detected: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., discovered: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., reasonable_belief: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., determined: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., involvement_known: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., ransom_paid: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., contained: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., resolved: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ...) -> None: ...

class BreachReportFacts(_message.Message):
    __slots__ = ("report_kind", "regimes", "incident_type", "breach_kind", "times", "imminent_danger", "contained")
    REPORT_KIND_FIELD_NUMBER: _ClassVar[int]
    REGIMES_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    BREACH_KIND_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    IMMINENT_DANGER_FIELD_NUMBER: _ClassVar[int]
    CONTAINED_FIELD_NUMBER: _ClassVar[int]
    report_kind: ReportKind
    regimes: _containers.RepeatedScalarFieldContainer[str]
    incident_type: IncidentType
    breach_kind: BreachKind
    times: BreachTimes
    imminent_danger: _values_pb2.StatedChoice
    contained: bool
    def __init__(self, report_kind: _Optional[_Union[ReportKind, str]] = ..., regimes: _Optional[_Iterable[str]] = ..., incident_type: _Optional[_Union[IncidentType, str]] = ..., breach_kind: _Optional[_Union[BreachKind, str]] = ..., times: _Optional[_Union[BreachTimes, _Mapping]] = ..., imminent_danger: _Optional[_Union[_values_pb2.StatedChoice, _Mapping]] = ..., contained: _Optional[bool] = ...) -> None: ...

class BreachParties(_message.Message):
    __slots__ = ("entity", "submitter", "capacity", "actor", "contact")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    SUBMITTER_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    entity: str
    submitter: str
    capacity: SubmitterCapacity
    actor: _values_pb2.StatedText
    contact: _values_pb2.Contact
    def __init__(self, entity: _Optional[str] = ..., submitter: _Optional[str] = ..., capacity: _Optional[_Union[SubmitterCapacity, str]] = ..., actor: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ...) -> None: ...

class Awareness(_message.Message):
    __slots__ = ("trigger", "decided_by")
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    trigger: _values_pb2.StatedText
    decided_by: _values_pb2.StatedText
    def __init__(self, trigger: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., decided_by: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ...) -> None: ...

class Technique(_message.Message):
    __slots__ = ("catalogue", "tactic", "technique", "description")
    CATALOGUE_FIELD_NUMBER: _ClassVar[int]
    TACTIC_FIELD_NUMBER: _ClassVar[int]
    TECHNIQUE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    catalogue: str
    tactic: str
    technique: str
    description: str
    def __init__(self, catalogue: _Optional[str] = ..., tactic: _Optional[str] = ..., technique: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class InformationCategory(_message.Message):
    __slots__ = ("category", "count")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    category: str
    count: _values_pb2.StatedCount
    def __init__(self, category: _Optional[str] = ..., count: _Optional[_Union[_values_pb2.StatedCount, _Mapping]] = ...) -> None: ...

class Ransom(_message.Message):
    __slots__ = ("demanded", "paid", "amount", "instructions")
    DEMANDED_FIELD_NUMBER: _ClassVar[int]
    PAID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTIONS_FIELD_NUMBER: _ClassVar[int]
    demanded: _values_pb2.StatedChoice
    paid: _values_pb2.StatedChoice
    amount: _values_pb2.StatedText
    instructions: _values_pb2.StatedText
    def __init__(self, demanded: _Optional[_Union[_values_pb2.StatedChoice, _Mapping]] = ..., paid: _Optional[_Union[_values_pb2.StatedChoice, _Mapping]] = ..., amount: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., instructions: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ...) -> None: ...

class Notified(_message.Message):
    __slots__ = ("who", "when", "reference")
    WHO_FIELD_NUMBER: _ClassVar[int]
    WHEN_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    who: str
    when: _values_pb2.StatedTime
    reference: str
    def __init__(self, who: _Optional[str] = ..., when: _Optional[_Union[_values_pb2.StatedTime, _Mapping]] = ..., reference: _Optional[str] = ...) -> None: ...

class BreachReportBody(_message.Message):
    __slots__ = ("title", "parties", "awareness", "qualifies_because", "statement", "internal_use", "affected_systems", "information", "impact", "vulnerabilities", "defences", "techniques", "indicators", "response", "law_enforcement", "notified", "root_cause", "chain_of_events", "ransom", "references", "attachments")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PARTIES_FIELD_NUMBER: _ClassVar[int]
    AWARENESS_FIELD_NUMBER: _ClassVar[int]
    QUALIFIES_BECAUSE_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    INTERNAL_USE_FIELD_NUMBER: _ClassVar[int]
    AFFECTED_SYSTEMS_FIELD_NUMBER: _ClassVar[int]
    INFORMATION_FIELD_NUMBER: _ClassVar[int]
    IMPACT_FIELD_NUMBER: _ClassVar[int]
    VULNERABILITIES_FIELD_NUMBER: _ClassVar[int]
    DEFENCES_FIELD_NUMBER: _ClassVar[int]
    TECHNIQUES_FIELD_NUMBER: _ClassVar[int]
    INDICATORS_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    LAW_ENFORCEMENT_FIELD_NUMBER: _ClassVar[int]
    NOTIFIED_FIELD_NUMBER: _ClassVar[int]
    ROOT_CAUSE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_OF_EVENTS_FIELD_NUMBER: _ClassVar[int]
    RANSOM_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    title: str
    parties: BreachParties
    awareness: Awareness
    qualifies_because: _values_pb2.StatedText
    statement: _values_pb2.StatedText
    internal_use: _values_pb2.StatedChoice
    affected_systems: _values_pb2.StatedText
    information: _containers.RepeatedCompositeFieldContainer[InformationCategory]
    impact: _values_pb2.StatedText
    vulnerabilities: _containers.RepeatedScalarFieldContainer[str]
    defences: _values_pb2.StatedText
    techniques: _containers.RepeatedCompositeFieldContainer[Technique]
    indicators: _containers.RepeatedCompositeFieldContainer[_values_pb2.Indicator]
    response: _values_pb2.StatedText
    law_enforcement: _values_pb2.StatedText
    notified: _containers.RepeatedCompositeFieldContainer[Notified]
    root_cause: _values_pb2.StatedText
    chain_of_events: _values_pb2.StatedText
    ransom: Ransom
    references: _containers.RepeatedCompositeFieldContainer[_values_pb2.Reference]
    attachments: _containers.RepeatedCompositeFieldContainer[_values_pb2.Attachment]
    def __init__(self, title: _Optional[str] = ..., parties: _Optional[_Union[BreachParties, _Mapping]] = ..., awareness: _Optional[_Union[Awareness, _Mapping]] = ..., qualifies_because: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., statement: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., internal_use: _Optional[_Union[_values_pb2.StatedChoice, _Mapping]] = ..., affected_systems: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., information: _Optional[_Iterable[_Union[InformationCategory, _Mapping]]] = ..., impact: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., vulnerabilities: _Optional[_Iterable[str]] = ..., defences: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., techniques: _Optional[_Iterable[_Union[Technique, _Mapping]]] = ..., indicators: _Optional[_Iterable[_Union[_values_pb2.Indicator, _Mapping]]] = ..., response: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., law_enforcement: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., notified: _Optional[_Iterable[_Union[Notified, _Mapping]]] = ..., root_cause: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., chain_of_events: _Optional[_Union[_values_pb2.StatedText, _Mapping]] = ..., ransom: _Optional[_Union[Ransom, _Mapping]] = ..., references: _Optional[_Iterable[_Union[_values_pb2.Reference, _Mapping]]] = ..., attachments: _Optional[_Iterable[_Union[_values_pb2.Attachment, _Mapping]]] = ...) -> None: ...

class TriageFacts(_message.Message):
    __slots__ = ("case_number", "lead_desk")
    CASE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    LEAD_DESK_FIELD_NUMBER: _ClassVar[int]
    case_number: str
    lead_desk: str
    def __init__(self, case_number: _Optional[str] = ..., lead_desk: _Optional[str] = ...) -> None: ...

class TriageBody(_message.Message):
    __slots__ = ("note", "contact")
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    note: str
    contact: _values_pb2.Contact
    def __init__(self, note: _Optional[str] = ..., contact: _Optional[_Union[_values_pb2.Contact, _Mapping]] = ...) -> None: ...

class CaseClosureFacts(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: ClosureReason
    def __init__(self, reason: _Optional[_Union[ClosureReason, str]] = ...) -> None: ...

class CaseClosureBody(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: str
    def __init__(self, note: _Optional[str] = ...) -> None: ...
