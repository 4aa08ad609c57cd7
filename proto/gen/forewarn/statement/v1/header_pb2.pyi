import datetime

from forewarn.statement.v1 import alert_pb2 as _alert_pb2
from forewarn.statement.v1 import answers_pb2 as _answers_pb2
from forewarn.statement.v1 import breach_pb2 as _breach_pb2
from forewarn.statement.v1 import coverage_pb2 as _coverage_pb2
from forewarn.statement.v1 import directory_pb2 as _directory_pb2
from forewarn.statement.v1 import grant_pb2 as _grant_pb2
from forewarn.statement.v1 import release_pb2 as _release_pb2
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

class StatementKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATEMENT_KIND_UNSPECIFIED: _ClassVar[StatementKind]
    STATEMENT_KIND_GENESIS: _ClassVar[StatementKind]
    STATEMENT_KIND_MEMBER_ENROLMENT: _ClassVar[StatementKind]
    STATEMENT_KIND_MEMBER_UPDATE: _ClassVar[StatementKind]
    STATEMENT_KIND_KEY_REGISTRATION: _ClassVar[StatementKind]
    STATEMENT_KIND_KEY_REVOCATION: _ClassVar[StatementKind]
    STATEMENT_KIND_SYSTEM_REGISTRATION: _ClassVar[StatementKind]
    STATEMENT_KIND_SYSTEM_SUSPENSION: _ClassVar[StatementKind]
    STATEMENT_KIND_MEMBER_SUSPENSION: _ClassVar[StatementKind]
    STATEMENT_KIND_MEMBER_REINSTATEMENT: _ClassVar[StatementKind]
    STATEMENT_KIND_MEMBER_SUCCESSION: _ClassVar[StatementKind]
    STATEMENT_KIND_MEMBER_DEPARTURE: _ClassVar[StatementKind]
    STATEMENT_KIND_REGISTRAR_SUCCESSION: _ClassVar[StatementKind]
    STATEMENT_KIND_PARTICIPATION: _ClassVar[StatementKind]
    STATEMENT_KIND_ACKNOWLEDGEMENT: _ClassVar[StatementKind]
    STATEMENT_KIND_QUESTION: _ClassVar[StatementKind]
    STATEMENT_KIND_ANSWER: _ClassVar[StatementKind]
    STATEMENT_KIND_DECLINATION: _ClassVar[StatementKind]
    STATEMENT_KIND_FEEDBACK: _ClassVar[StatementKind]
    STATEMENT_KIND_PRE_RELEASE_NOTICE: _ClassVar[StatementKind]
    STATEMENT_KIND_NOTICE_AMENDMENT: _ClassVar[StatementKind]
    STATEMENT_KIND_NOTICE_WITHDRAWAL: _ClassVar[StatementKind]
    STATEMENT_KIND_RELEASE_CONFIRMATION: _ClassVar[StatementKind]
    STATEMENT_KIND_EARLY_ACCESS_APPLICATION: _ClassVar[StatementKind]
    STATEMENT_KIND_MODEL_ACCESS_GRANT: _ClassVar[StatementKind]
    STATEMENT_KIND_GRANT_ACCEPTANCE: _ClassVar[StatementKind]
    STATEMENT_KIND_GRANT_COSIGNATURE: _ClassVar[StatementKind]
    STATEMENT_KIND_GRANT_ACTIVATION: _ClassVar[StatementKind]
    STATEMENT_KIND_GRANT_SUSPENSION: _ClassVar[StatementKind]
    STATEMENT_KIND_GRANT_RESUMPTION: _ClassVar[StatementKind]
    STATEMENT_KIND_GRANT_NARROWING: _ClassVar[StatementKind]
    STATEMENT_KIND_GRANT_REVOCATION: _ClassVar[StatementKind]
    STATEMENT_KIND_GRANT_COMPLETION: _ClassVar[StatementKind]
    STATEMENT_KIND_GRANT_WITHDRAWAL: _ClassVar[StatementKind]
    STATEMENT_KIND_DESTRUCTION_ATTESTATION: _ClassVar[StatementKind]
    STATEMENT_KIND_BREACH_REPORT: _ClassVar[StatementKind]
    STATEMENT_KIND_TRIAGE: _ClassVar[StatementKind]
    STATEMENT_KIND_CASE_CLOSURE: _ClassVar[StatementKind]
    STATEMENT_KIND_ALERT: _ClassVar[StatementKind]
    STATEMENT_KIND_ALERT_UPDATE: _ClassVar[StatementKind]
    STATEMENT_KIND_ALERT_CANCELLATION: _ClassVar[StatementKind]
    STATEMENT_KIND_SIGHTING: _ClassVar[StatementKind]
    STATEMENT_KIND_COVERAGE_REQUEST: _ClassVar[StatementKind]
    STATEMENT_KIND_CASE_PROGRESS: _ClassVar[StatementKind]
    STATEMENT_KIND_COVERAGE_DETERMINATION: _ClassVar[StatementKind]
    STATEMENT_KIND_RECONSIDERATION_REQUEST: _ClassVar[StatementKind]

class TlpLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TLP_LEVEL_UNSPECIFIED: _ClassVar[TlpLevel]
    TLP_LEVEL_CLEAR: _ClassVar[TlpLevel]
    TLP_LEVEL_GREEN: _ClassVar[TlpLevel]
    TLP_LEVEL_AMBER: _ClassVar[TlpLevel]
    TLP_LEVEL_AMBER_STRICT: _ClassVar[TlpLevel]
    TLP_LEVEL_RED: _ClassVar[TlpLevel]

class PapLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAP_LEVEL_UNSPECIFIED: _ClassVar[PapLevel]
    PAP_LEVEL_CLEAR: _ClassVar[PapLevel]
    PAP_LEVEL_GREEN: _ClassVar[PapLevel]
    PAP_LEVEL_AMBER: _ClassVar[PapLevel]
    PAP_LEVEL_RED: _ClassVar[PapLevel]
STATEMENT_KIND_UNSPECIFIED: StatementKind
STATEMENT_KIND_GENESIS: StatementKind
STATEMENT_KIND_MEMBER_ENROLMENT: StatementKind
STATEMENT_KIND_MEMBER_UPDATE: StatementKind
STATEMENT_KIND_KEY_REGISTRATION: StatementKind
STATEMENT_KIND_KEY_REVOCATION: StatementKind
STATEMENT_KIND_SYSTEM_REGISTRATION: StatementKind
STATEMENT_KIND_SYSTEM_SUSPENSION: StatementKind
STATEMENT_KIND_MEMBER_SUSPENSION: StatementKind
STATEMENT_KIND_MEMBER_REINSTATEMENT: StatementKind
STATEMENT_KIND_MEMBER_SUCCESSION: StatementKind
STATEMENT_KIND_MEMBER_DEPARTURE: StatementKind
STATEMENT_KIND_REGISTRAR_SUCCESSION: StatementKind
STATEMENT_KIND_PARTICIPATION: StatementKind
STATEMENT_KIND_ACKNOWLEDGEMENT: StatementKind
STATEMENT_KIND_QUESTION: StatementKind
STATEMENT_KIND_ANSWER: StatementKind
STATEMENT_KIND_DECLINATION: StatementKind
STATEMENT_KIND_FEEDBACK: StatementKind
STATEMENT_KIND_PRE_RELEASE_NOTICE: StatementKind
STATEMENT_KIND_NOTICE_AMENDMENT: StatementKind
STATEMENT_KIND_NOTICE_WITHDRAWAL: StatementKind
STATEMENT_KIND_RELEASE_CONFIRMATION: StatementKind
STATEMENT_KIND_EARLY_ACCESS_APPLICATION: StatementKind
STATEMENT_KIND_MODEL_ACCESS_GRANT: StatementKind
STATEMENT_KIND_GRANT_ACCEPTANCE: StatementKind
STATEMENT_KIND_GRANT_COSIGNATURE: StatementKind
STATEMENT_KIND_GRANT_ACTIVATION: StatementKind
STATEMENT_KIND_GRANT_SUSPENSION: StatementKind
STATEMENT_KIND_GRANT_RESUMPTION: StatementKind
STATEMENT_KIND_GRANT_NARROWING: StatementKind
STATEMENT_KIND_GRANT_REVOCATION: StatementKind
STATEMENT_KIND_GRANT_COMPLETION: StatementKind
STATEMENT_KIND_GRANT_WITHDRAWAL: StatementKind
STATEMENT_KIND_DESTRUCTION_ATTESTATION: StatementKind
STATEMENT_KIND_BREACH_REPORT: StatementKind
STATEMENT_KIND_TRIAGE: StatementKind
STATEMENT_KIND_CASE_CLOSURE: StatementKind
STATEMENT_KIND_ALERT: StatementKind
STATEMENT_KIND_ALERT_UPDATE: StatementKind
STATEMENT_KIND_ALERT_CANCELLATION: StatementKind
STATEMENT_KIND_SIGHTING: StatementKind
STATEMENT_KIND_COVERAGE_REQUEST: StatementKind
STATEMENT_KIND_CASE_PROGRESS: StatementKind
STATEMENT_KIND_COVERAGE_DETERMINATION: StatementKind
STATEMENT_KIND_RECONSIDERATION_REQUEST: StatementKind
TLP_LEVEL_UNSPECIFIED: TlpLevel
TLP_LEVEL_CLEAR: TlpLevel
TLP_LEVEL_GREEN: TlpLevel
TLP_LEVEL_AMBER: TlpLevel
TLP_LEVEL_AMBER_STRICT: TlpLevel
TLP_LEVEL_RED: TlpLevel
PAP_LEVEL_UNSPECIFIED: PapLevel
PAP_LEVEL_CLEAR: PapLevel
PAP_LEVEL_GREEN: PapLevel
PAP_LEVEL_AMBER: PapLevel
PAP_LEVEL_RED: PapLevel

class Statement(_message.Message):
    __slots__ = ("header", "body")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    body: bytes
    def __init__(self, header: _Optional[bytes] = ..., body: _Optional[bytes] = ...) -> None: ...

class Recipient(_message.Message):
    __slots__ = ("member", "desk", "sector", "kind", "community")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    DESK_FIELD_NUMBER: _ClassVar[int]
    SECTOR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    COMMUNITY_FIELD_NUMBER: _ClassVar[int]
    member: str
    desk: Desk
    sector: str
    kind: _values_pb2.MemberKind
    community: str
    def __init__(self, member: _Optional[str] = ..., desk: _Optional[_Union[Desk, _Mapping]] = ..., sector: _Optional[str] = ..., kind: _Optional[_Union[_values_pb2.MemberKind, str]] = ..., community: _Optional[str] = ...) -> None: ...

class Desk(_message.Message):
    __slots__ = ("member", "desk")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    DESK_FIELD_NUMBER: _ClassVar[int]
    member: str
    desk: str
    def __init__(self, member: _Optional[str] = ..., desk: _Optional[str] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("exchange", "statement_id", "kind", "sender", "on_behalf_of", "recipients", "case_digest", "refers_to", "created_time", "expire_time", "embargo_until_time", "tlp", "community", "pap", "cui", "market_sensitive", "protection_regime", "protection_regime_date", "profile", "genesis", "member_enrolment", "member_update", "key_registration", "key_revocation", "system_registration", "system_suspension", "member_suspension", "member_reinstatement", "member_succession", "member_departure", "registrar_succession", "participation", "declination", "pre_release_notice", "notice_amendment", "notice_withdrawal", "release_confirmation", "early_access_application", "model_access_grant", "grant_suspension", "grant_narrowing", "grant_revocation", "destruction_attestation", "breach_report", "triage", "case_closure", "alert", "alert_update", "sighting", "coverage_request", "case_progress", "coverage_determination")
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    CASE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    REFERS_TO_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    EMBARGO_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    TLP_FIELD_NUMBER: _ClassVar[int]
    COMMUNITY_FIELD_NUMBER: _ClassVar[int]
    PAP_FIELD_NUMBER: _ClassVar[int]
    CUI_FIELD_NUMBER: _ClassVar[int]
    MARKET_SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    PROTECTION_REGIME_FIELD_NUMBER: _ClassVar[int]
    PROTECTION_REGIME_DATE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    GENESIS_FIELD_NUMBER: _ClassVar[int]
    MEMBER_ENROLMENT_FIELD_NUMBER: _ClassVar[int]
    MEMBER_UPDATE_FIELD_NUMBER: _ClassVar[int]
    KEY_REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    KEY_REVOCATION_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_SUSPENSION_FIELD_NUMBER: _ClassVar[int]
    MEMBER_SUSPENSION_FIELD_NUMBER: _ClassVar[int]
    MEMBER_REINSTATEMENT_FIELD_NUMBER: _ClassVar[int]
    MEMBER_SUCCESSION_FIELD_NUMBER: _ClassVar[int]
    MEMBER_DEPARTURE_FIELD_NUMBER: _ClassVar[int]
    REGISTRAR_SUCCESSION_FIELD_NUMBER: _ClassVar[int]
    PARTICIPATION_FIELD_NUMBER: _ClassVar[int]
    DECLINATION_FIELD_NUMBER: _ClassVar[int]
    PRE_RELEASE_NOTICE_FIELD_NUMBER: _ClassVar[int]
    NOTICE_AMENDMENT_FIELD_NUMBER: _ClassVar[int]
    NOTICE_WITHDRAWAL_FIELD_NUMBER: _ClassVar[int]
    RELEASE_CONFIRMATION_FIELD_NUMBER: _ClassVar[int]
    EARLY_ACCESS_APPLICATION_FIELD_NUMBER: _ClassVar[int]
    MODEL_ACCESS_GRANT_FIELD_NUMBER: _ClassVar[int]
    GRANT_SUSPENSION_FIELD_NUMBER: _ClassVar[int]
    GRANT_NARROWING_FIELD_NUMBER: _ClassVar[int]
    GRANT_REVOCATION_FIELD_NUMBER: _ClassVar[int]
    DESTRUCTION_ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    BREACH_REPORT_FIELD_NUMBER: _ClassVar[int]
    TRIAGE_FIELD_NUMBER: _ClassVar[int]
    CASE_CLOSURE_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    ALERT_UPDATE_FIELD_NUMBER: _ClassVar[int]
    SIGHTING_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    CASE_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_DETERMINATION_FIELD_NUMBER: _ClassVar[int]
    exchange: str
    statement_id: str
    kind: StatementKind
    sender: str
    on_behalf_of: str
    recipients: _containers.RepeatedCompositeFieldContainer[Recipient]
    case_digest: bytes
    refers_to: _containers.RepeatedScalarFieldContainer[bytes]
    created_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    embargo_until_time: _timestamp_pb2.Timestamp
    tlp: TlpLevel
    community: str
    pap: PapLevel
    cui: str
    market_sensitive: bool
    protection_regime: str
    protection_regime_date: str
    profile: str
    genesis: _directory_pb2.GenesisFacts
    member_enrolment: _directory_pb2.MemberEnrolmentFacts
    member_update: _directory_pb2.MemberUpdateFacts
    key_registration: _directory_pb2.KeyRegistrationFacts
    key_revocation: _directory_pb2.KeyRevocationFacts
    system_registration: _directory_pb2.SystemRegistrationFacts
    system_suspension: _directory_pb2.SystemSuspensionFacts
    member_suspension: _directory_pb2.MemberSuspensionFacts
    member_reinstatement: _directory_pb2.MemberReinstatementFacts
    member_succession: _directory_pb2.MemberSuccessionFacts
    member_departure: _directory_pb2.MemberDepartureFacts
    registrar_succession: _directory_pb2.RegistrarSuccessionFacts
    participation: _directory_pb2.ParticipationFacts
    declination: _answers_pb2.DeclinationFacts
    pre_release_notice: _release_pb2.PreReleaseNoticeFacts
    notice_amendment: _release_pb2.NoticeAmendmentFacts
    notice_withdrawal: _release_pb2.NoticeWithdrawalFacts
    release_confirmation: _release_pb2.ReleaseConfirmationFacts
    early_access_application: _grant_pb2.EarlyAccessApplicationFacts
    model_access_grant: _grant_pb2.ModelAccessGrantFacts
    grant_suspension: _grant_pb2.GrantSuspensionFacts
    grant_narrowing: _grant_pb2.GrantNarrowingFacts
    grant_revocation: _grant_pb2.GrantRevocationFacts
    destruction_attestation: _grant_pb2.DestructionAttestationFacts
    breach_report: _breach_pb2.BreachReportFacts
    triage: _breach_pb2.TriageFacts
    case_closure: _breach_pb2.CaseClosureFacts
    alert: _alert_pb2.AlertFacts
    alert_update: _alert_pb2.AlertUpdateFacts
    sighting: _alert_pb2.SightingFacts
    coverage_request: _coverage_pb2.CoverageRequestFacts
    case_progress: _coverage_pb2.CaseProgressFacts
    coverage_determination: _coverage_pb2.CoverageDeterminationFacts
    def __init__(self, exchange: _Optional[str] = ..., statement_id: _Optional[str] = ..., kind: _Optional[_Union[StatementKind, str]] = ..., sender: _Optional[str] = ..., on_behalf_of: _Optional[str] = ..., recipients: _Optional[_Iterable[_Union[Recipient, _Mapping]]] = ..., case_digest: _Optional[bytes] = ..., refers_to: _Optional[_Iterable[bytes]] = ..., created_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., embargo_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., tlp: _Optional[_Union[TlpLevel, str]] = ..., community: _Optional[str] = ..., pap: _Optional[_Union[PapLevel, str]] = ..., cui: _Optional[str] = ..., market_sensitive: _Optional[bool] = ..., protection_regime: _Optional[str] = ..., protection_regime_date: _Optional[str] = ..., profile: _Optional[str] = ..., genesis: _Optional[_Union[_directory_pb2.GenesisFacts, _Mapping]] = ..., member_enrolment: _Optional[_Union[_directory_pb2.MemberEnrolmentFacts, _Mapping]] = ..., member_update: _Optional[_Union[_directory_pb2.MemberUpdateFacts, _Mapping]] = ..., key_registration: _Optional[_Union[_directory_pb2.KeyRegistrationFacts, _Mapping]] = ..., key_revocation: _Optional[_Union[_directory_pb2.KeyRevocationFacts, _Mapping]] = ..., system_registration: _Optional[_Union[_directory_pb2.SystemRegistrationFacts, _Mapping]] = ..., system_suspension: _Optional[_Union[_directory_pb2.SystemSuspensionFacts, _Mapping]] = ..., member_suspension: _Optional[_Union[_directory_pb2.MemberSuspensionFacts, _Mapping]] = ..., member_reinstatement: _Optional[_Union[_directory_pb2.MemberReinstatementFacts, _Mapping]] = ..., member_succession: _Optional[_Union[_directory_pb2.MemberSuccessionFacts, _Mapping]] = ..., member_departure: _Optional[_Union[_directory_pb2.MemberDepartureFacts, _Mapping]] = ..., registrar_succession: _Optional[_Union[_directory_pb2.RegistrarSuccessionFacts, _Mapping]] = ..., participation: _Optional[_Union[_directory_pb2.ParticipationFacts, _Mapping]] = ..., declination: _Optional[_Union[_answers_pb2.DeclinationFacts, _Mapping]] = ..., pre_release_notice: _Optional[_Union[_release_pb2.PreReleaseNoticeFacts, _Mapping]] = ..., notice_amendment: _Optional[_Union[_release_pb2.NoticeAmendmentFacts, _Mapping]] = ..., notice_withdrawal: _Optional[_Union[_release_pb2.NoticeWithdrawalFacts, _Mapping]] = ..., release_confirmation: _Optional[_Union[_release_pb2.ReleaseConfirmationFacts, _Mapping]] = ..., early_access_application: _Optional[_Union[_grant_pb2.EarlyAccessApplicationFacts, _Mapping]] = ..., model_access_grant: _Optional[_Union[_grant_pb2.ModelAccessGrantFacts, _Mapping]] = ..., grant_suspension: _Optional[_Union[_grant_pb2.GrantSuspensionFacts, _Mapping]] = ..., grant_narrowing: _Optional[_Union[_grant_pb2.GrantNarrowingFacts, _Mapping]] = ..., grant_revocation: _Optional[_Union[_grant_pb2.GrantRevocationFacts, _Mapping]] = ..., destruction_attestation: _Optional[_Union[_grant_pb2.DestructionAttestationFacts, _Mapping]] = ..., breach_report: _Optional[_Union[_breach_pb2.BreachReportFacts, _Mapping]] = ..., triage: _Optional[_Union[_breach_pb2.TriageFacts, _Mapping]] = ..., case_closure: _Optional[_Union[_breach_pb2.CaseClosureFacts, _Mapping]] = ..., alert: _Optional[_Union[_alert_pb2.AlertFacts, _Mapping]] = ..., alert_update: _Optional[_Union[_alert_pb2.AlertUpdateFacts, _Mapping]] = ..., sighting: _Optional[_Union[_alert_pb2.SightingFacts, _Mapping]] = ..., coverage_request: _Optional[_Union[_coverage_pb2.CoverageRequestFacts, _Mapping]] = ..., case_progress: _Optional[_Union[_coverage_pb2.CaseProgressFacts, _Mapping]] = ..., coverage_determination: _Optional[_Union[_coverage_pb2.CoverageDeterminationFacts, _Mapping]] = ...) -> None: ...
