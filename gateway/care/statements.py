"""What members said, verified once more: every signature, under the directory of its day.

* The directory is built from the entries alone, beginning with the pinned genesis, as every client
  does for itself; a statement that is not proven changes nothing in it.
* Each entry has to be a statement of a member that took part, handed in by a system of its own, and
  signed by as many of its keys as it needs; and it stands in the ledger once.
* What fails is a remark: the fold judges no signature, so whoever can write to the stream can have
  such an entry recorded. No client believes it, and nothing can take it out again.

It judges no case and no marking: upgrades of the tables change no verdict of the past.
"""

from __future__ import annotations

from typing import Final

from gateway.admission.genesis import open_genesis
from gateway.care.findings import Damage
from gateway.care.inspection import Inspection
from gateway.core.chain import Draft, SignedHeader
from gateway.core.directory import Directory
from gateway.core.errors import Reason, Refusal
from gateway.core.grants import terms_of
from gateway.ledger.raw import RawStore
from gateway.wire import chain, entries, statements

_TELL_EVERY: Final = 500


def examine(inspection: Inspection, store: RawStore, size: int) -> None:
    """Verify every entry of a log.

    Args:
        inspection: The check of the log.
        store: A store made from its blocks.
        size: How many entries it holds.
    """
    site = inspection.site
    draft: Draft | None = None
    for index, body in store.entries():
        if not site.genesis:
            if site.summarize(body) is None:
                inspection.in_store(Damage.ENTRY_OPAQUE, f"index {index}", "it is no event")
        elif index == 0:
            draft = _begin(inspection, body)
        else:
            _examine(inspection, draft, store, index, body)
        if not index % _TELL_EVERY:
            inspection.tell("verifying the signatures", index, size)


def _begin(inspection: Inspection, body: bytes) -> Draft | None:
    try:
        genesis = open_genesis(entries.envelope_bytes(body))
    except Refusal as refusal:
        detail = f"it is no genesis statement ({refusal.reason})"
        inspection.in_store(Damage.GENESIS_DIFFERS, "index 0", detail)
        return None
    if genesis.digest.hex() != inspection.site.genesis:
        detail = "it is another statement than was pinned"
        inspection.in_store(Damage.GENESIS_DIFFERS, "index 0", detail)
    return Directory.from_genesis(genesis.header).draft()


def _examine(
    inspection: Inspection, draft: Draft | None, store: RawStore, index: int, body: bytes
) -> None:
    where = f"index {index}"
    try:
        envelope = entries.envelope_of(body)
        header = statements.parse(envelope.payload).header
    except Refusal as refusal:
        detail = f"it is no statement ({refusal.reason})"
        inspection.in_store(Damage.ENTRY_OPAQUE, where, detail)
        return
    repeated = store.first_of(index) != index
    if repeated:
        detail = "its id stands in the ledger before"
        inspection.in_store(Damage.STATEMENT_REPEATED, where, detail)
    if draft is None:
        return
    try:
        if header.kind.is_directory:
            # Also where its id stands before: what was passed over there may count here.
            draft.count(chain.signed_header(index, body))
        elif not repeated:
            signed = SignedHeader(
                index=index, header=header, envelope=envelope, system=entries.system_of(body)
            )
            draft.verify(signed)
            _check_enough(signed)
    except Refusal as refusal:
        if not repeated:
            detail = f"{refusal.reason}: {refusal.detail}"
            inspection.in_store(Damage.STATEMENT_UNPROVEN, where, detail)


def _check_enough(signed: SignedHeader) -> None:
    """Refuse a grant that fewer keys of the lab have signed than it says that it needs."""
    terms = terms_of(signed.header)
    if terms is not None and len(signed.envelope.signatures) < terms.lab_signatures:
        raise Refusal(Reason.SIGNATURES_INSUFFICIENT, "more keys of the lab have to sign")
