"""What partners of the exchange install: the library behind the `forewarn` command.

    async with Lab.connect("homes/aurora") as lab:
        (done,) = await lab.notify(document, ["civil-ai"])
        done.receipt.save(lab.home.receipts)

* `Lab`, `Agency`, `Operator` and `Registrar` say what such members may say; each method makes one
  kind of statement from a document, signs it, hands it in and verifies the answer.
* Everything that comes back is verified against the keys pinned in the member's `Home`: signature,
  directory, inclusion and checkpoint. `VerificationError` means that something did not hold.
* `forewarn_client.blocking` offers the same members to programs without asyncio.
* `verify_receipt` checks a saved receipt without any connection.

A name is loaded when it is first asked for: the command prints its help without the network code.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from forewarn_client.agency import Agency
    from forewarn_client.audit import AuditEvent, AuditRecord
    from forewarn_client.authoring import AuthoringError, Document, Draft, compose, read_document
    from forewarn_client.bulk import Handed
    from forewarn_client.cases import Case, CaseSummary
    from forewarn_client.directory import DirectoryView, Misfit
    from forewarn_client.enrolment import EnrolmentRequest
    from forewarn_client.errors import (
        Flaw,
        ForewarnError,
        HistoryError,
        HomeError,
        InboxError,
        RefusedError,
        RequestError,
        UnavailableError,
        VerificationError,
        Violation,
    )
    from forewarn_client.filters import Box, Filter
    from forewarn_client.home import Home
    from forewarn_client.inboxes.confirming import InboxConfirmed
    from forewarn_client.inboxes.deliveries import Deliveries, RecipientFacts
    from forewarn_client.join import Exchange, JoinFile
    from forewarn_client.lab import Lab
    from forewarn_client.member import Member
    from forewarn_client.membership import MemberRecord
    from forewarn_client.operator import Operator
    from forewarn_client.outcomes import Delivery, LeadTime, Page, Submitted
    from forewarn_client.patience import Patience
    from forewarn_client.receipt import Receipt, VerifiedReceipt, verify_receipt
    from forewarn_client.records import Evidence, VerifiedRecord
    from forewarn_client.registrar import Genesis, Registrar, genesis
    from forewarn_client.signing import Signer, sign
    from forewarn_client.verifier import Verifier

__all__ = [
    "Agency",
    "AuditEvent",
    "AuditRecord",
    "AuthoringError",
    "Box",
    "Case",
    "CaseSummary",
    "Deliveries",
    "Delivery",
    "DirectoryView",
    "Document",
    "Draft",
    "EnrolmentRequest",
    "Evidence",
    "Exchange",
    "Filter",
    "Flaw",
    "ForewarnError",
    "Genesis",
    "Handed",
    "HistoryError",
    "Home",
    "HomeError",
    "InboxConfirmed",
    "InboxError",
    "JoinFile",
    "Lab",
    "LeadTime",
    "Member",
    "MemberRecord",
    "Misfit",
    "Operator",
    "Page",
    "Patience",
    "Receipt",
    "RecipientFacts",
    "RefusedError",
    "Registrar",
    "RequestError",
    "Signer",
    "Submitted",
    "UnavailableError",
    "VerificationError",
    "VerifiedReceipt",
    "VerifiedRecord",
    "Verifier",
    "Violation",
    "compose",
    "genesis",
    "read_document",
    "sign",
    "verify_receipt",
]

_MODULES: Final = {
    "Agency": "agency",
    "AuditEvent": "audit",
    "AuditRecord": "audit",
    "AuthoringError": "authoring",
    "Box": "filters",
    "Case": "cases",
    "CaseSummary": "cases",
    "Deliveries": "inboxes.deliveries",
    "Delivery": "outcomes",
    "DirectoryView": "directory",
    "Document": "authoring",
    "Draft": "authoring",
    "EnrolmentRequest": "enrolment",
    "Evidence": "records",
    "Exchange": "join",
    "Filter": "filters",
    "Flaw": "errors",
    "ForewarnError": "errors",
    "Genesis": "registrar",
    "Home": "home",
    "Handed": "bulk",
    "HistoryError": "errors",
    "HomeError": "errors",
    "InboxConfirmed": "inboxes.confirming",
    "InboxError": "errors",
    "JoinFile": "join",
    "Lab": "lab",
    "LeadTime": "outcomes",
    "Member": "member",
    "MemberRecord": "membership",
    "Misfit": "directory",
    "Operator": "operator",
    "Page": "outcomes",
    "Patience": "patience",
    "Receipt": "receipt",
    "RecipientFacts": "inboxes.deliveries",
    "RefusedError": "errors",
    "Registrar": "registrar",
    "RequestError": "errors",
    "Signer": "signing",
    "Submitted": "outcomes",
    "UnavailableError": "errors",
    "VerificationError": "errors",
    "VerifiedReceipt": "receipt",
    "VerifiedRecord": "records",
    "Verifier": "verifier",
    "Violation": "errors",
    "compose": "authoring",
    "genesis": "registrar",
    "read_document": "authoring",
    "sign": "signing",
    "verify_receipt": "receipt",
}


def __getattr__(name: str) -> object:
    """Load what a name stands for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
