"""Who may call what: nothing without a row, and no row without an RPC."""

from __future__ import annotations

from google.protobuf.descriptor import FileDescriptor

from forewarn.exchange.v1 import (
    audit_service_pb2,
    delivery_service_pb2,
    directory_service_pb2,
    exchange_service_pb2,
    log_service_pb2,
)
from gateway.core.identity import MemberKind
from gateway.edge.audit import AuditService
from gateway.edge.deliveries import DeliveryService
from gateway.edge.directory import DirectoryService
from gateway.edge.exchange import ExchangeService
from gateway.edge.guard import _snake
from gateway.edge.log import LogService
from gateway.edge.policy import PARTIES, POLICY

SERVICES = {
    "ExchangeService": (exchange_service_pb2.DESCRIPTOR, ExchangeService),
    "DirectoryService": (directory_service_pb2.DESCRIPTOR, DirectoryService),
    "AuditService": (audit_service_pb2.DESCRIPTOR, AuditService),
    "DeliveryService": (delivery_service_pb2.DESCRIPTOR, DeliveryService),
    "LogService": (log_service_pb2.DESCRIPTOR, LogService),
}


def rpcs(file: FileDescriptor) -> set[str]:
    return {m.full_name for service in file.services_by_name.values() for m in service.methods}


def test_every_rpc_has_a_row_and_every_row_an_rpc() -> None:
    found = set().union(*(rpcs(file) for file, _ in SERVICES.values()))

    assert found == set(POLICY)


def test_every_rpc_has_its_method() -> None:
    for name, (file, implementation) in SERVICES.items():
        for method in file.services_by_name[name].methods:
            assert callable(getattr(implementation, _snake(method.name)))


def test_every_row_names_somebody_and_only_known_kinds() -> None:
    assert all(kinds and kinds <= set(MemberKind) for kinds in POLICY.values())


def test_a_witness_is_party_to_nothing() -> None:
    assert MemberKind.WITNESS not in PARTIES
