from forewarn.exchange.v1 import audit_service_pb2 as _audit_service_pb2
from forewarn.exchange.v1 import inbox_pb2 as _inbox_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConfirmInboxRequest(_message.Message):
    __slots__ = ("span", "confirmations")
    SPAN_FIELD_NUMBER: _ClassVar[int]
    CONFIRMATIONS_FIELD_NUMBER: _ClassVar[int]
    span: _inbox_pb2.InboxSpan
    confirmations: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, span: _Optional[_Union[_inbox_pb2.InboxSpan, _Mapping]] = ..., confirmations: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ConfirmInboxResponse(_message.Message):
    __slots__ = ("record", "checkpoint")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    record: _audit_service_pb2.AuditRecord
    checkpoint: bytes
    def __init__(self, record: _Optional[_Union[_audit_service_pb2.AuditRecord, _Mapping]] = ..., checkpoint: _Optional[bytes] = ...) -> None: ...

class ListDeliveriesRequest(_message.Message):
    __slots__ = ("digest", "page_size", "after_recipient")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    AFTER_RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    page_size: int
    after_recipient: str
    def __init__(self, digest: _Optional[bytes] = ..., page_size: _Optional[int] = ..., after_recipient: _Optional[str] = ...) -> None: ...

class ListDeliveriesResponse(_message.Message):
    __slots__ = ("deliveries", "checkpoint", "more")
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[Delivery]
    checkpoint: bytes
    more: bool
    def __init__(self, deliveries: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ..., checkpoint: _Optional[bytes] = ..., more: _Optional[bool] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("recipient", "released", "received")
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    recipient: str
    released: _audit_service_pb2.AuditRecord
    received: ConfirmedDelivery
    def __init__(self, recipient: _Optional[str] = ..., released: _Optional[_Union[_audit_service_pb2.AuditRecord, _Mapping]] = ..., received: _Optional[_Union[ConfirmedDelivery, _Mapping]] = ...) -> None: ...

class ConfirmedDelivery(_message.Message):
    __slots__ = ("record", "position", "inclusion_proof")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROOF_FIELD_NUMBER: _ClassVar[int]
    record: _audit_service_pb2.AuditRecord
    position: int
    inclusion_proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, record: _Optional[_Union[_audit_service_pb2.AuditRecord, _Mapping]] = ..., position: _Optional[int] = ..., inclusion_proof: _Optional[_Iterable[bytes]] = ...) -> None: ...
