"""Who may call what: one row for every RPC, and nothing without a row.

* A row names the kinds of members whose systems may make the call. What they may then say or see
  is decided further in: by admission, and by `released` on every way out.
* An RPC without a row has no handler, so nobody reaches it.
* Health is not in the table: mutual TLS is all that it asks for, and it tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.core.identity import MemberKind

EVERYONE: Final = frozenset(MemberKind)

PARTIES: Final = EVERYONE - {MemberKind.WITNESS}
"""Those who can be party to a case: a witness cosigns the log and receives nothing."""

POLICY: Final[Mapping[str, frozenset[MemberKind]]] = MappingProxyType(
    {
        # A witness too may suspend a system or revoke a key of its own.
        "forewarn.exchange.v1.ExchangeService.Submit": EVERYONE,
        "forewarn.exchange.v1.ExchangeService.SubmitStream": EVERYONE,
        # TLP:CLEAR and the directory are for every member.
        "forewarn.exchange.v1.ExchangeService.GetEntry": EVERYONE,
        "forewarn.exchange.v1.ExchangeService.ListEntries": PARTIES,
        "forewarn.exchange.v1.ExchangeService.Follow": PARTIES,
        "forewarn.exchange.v1.ExchangeService.GetCase": PARTIES,
        "forewarn.exchange.v1.ExchangeService.ListCases": PARTIES,
        # Whoever receives can confirm; whoever sends can ask.
        "forewarn.exchange.v1.DeliveryService.ConfirmInbox": PARTIES,
        "forewarn.exchange.v1.DeliveryService.ListDeliveries": PARTIES,
        "forewarn.exchange.v1.DirectoryService.ListDirectoryEntries": EVERYONE,
        # Every member has systems of its own; what concerns others is left out further in.
        "forewarn.exchange.v1.AuditService.ListAuditEvents": EVERYONE,
        "forewarn.exchange.v1.AuditService.GetAuditEvent": EVERYONE,
        # Hashes of a tree, which tell nothing of what it holds.
        "forewarn.exchange.v1.AuditService.GetAuditConsistencyProof": EVERYONE,
        "forewarn.exchange.v1.LogService.GetCheckpoint": EVERYONE,
        "forewarn.exchange.v1.LogService.GetInclusionProof": EVERYONE,
        "forewarn.exchange.v1.LogService.GetConsistencyProof": EVERYONE,
    }
)
