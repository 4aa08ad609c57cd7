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
from gateway.care.findings import Damage, Findings
from gateway.care.site import LogSite, Progress
from gateway.core.chain import Draft, SignedHeader
from gateway.core.directory import Directory
from gateway.core.errors import Reason, Refusal
from gateway.core.grants import terms_of
from gateway.ledger.raw import RawStore
from gateway.wire import entries, statements

_TELL_EVERY: Final = 500


def examine(
    site: LogSite, store: RawStore, size: int, findings: Findings, progress: Progress
) -> None:
    """Verify every entry of a log.

    Args:
        site: The log.
        store: A store made from its blocks.
        size: How many entries it holds.
        findings: Told which do not verify.
        progress: Told how far it is.
    """
    what = f"{site.name}: verifying the signatures"
    draft: Draft | None = None
    for index, body in store.entries():
        where = f"{site.store.name}, index {index}"
        if not site.genesis:
            if site.summarize(body) is None:
                findings.add(Damage.ENTRY_OPAQUE, where, "it is no event")
        elif index == 0:
            draft = _begin(site, body, findings)
        else:
            _examine(draft, store, index, body, where, findings)
        if not index % _TELL_EVERY:
            progress(what, index, size)
    progress(what, size, size)


def _begin(site: LogSite, body: bytes, findings: Findings) -> Draft | None:
    where = f"{site.store.name}, index 0"
    try:
        genesis = open_genesis(entries.envelope_bytes(body))
    except Refusal as refusal:
        detail = f"it is no genesis statement ({refusal.reason})"
        findings.add(Damage.GENESIS_DIFFERS, where, detail)
        return None
    if genesis.digest.hex() != site.genesis:
        findings.add(Damage.GENESIS_DIFFERS, where, "it is another statement than was pinned")
    return Directory.from_genesis(genesis.header).draft()


def _examine(  # noqa: PLR0913 - one entry, and what it is judged by
    draft: Draft | None,
    store: RawStore,
    index: int,
    body: bytes,
    where: str,
    findings: Findings,
) -> None:
    try:
        envelope = entries.envelope_of(body)
        header = statements.parse(envelope.payload).header
    except Refusal as refusal:
        findings.add(Damage.ENTRY_OPAQUE, where, f"it is no statement ({refusal.reason})")
        return
    if store.first_of(index) != index:
        findings.add(Damage.STATEMENT_REPEATED, where, "its id stands in the ledger before")
        return
    if draft is None:
        return
    signed = SignedHeader(
        index=index, header=header, envelope=envelope, system=entries.system_of(body)
    )
    try:
        draft.verify(signed)
        terms = terms_of(header)
        if terms is not None and len(envelope.signatures) < terms.lab_signatures:
            raise Refusal(Reason.SIGNATURES_INSUFFICIENT, "more keys of the lab have to sign")
        if header.kind.is_directory:
            draft.apply(index, header)
    except Refusal as refusal:
        findings.add(Damage.STATEMENT_UNPROVEN, where, f"{refusal.reason}: {refusal.detail}")
