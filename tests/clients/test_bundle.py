"""Evidence bundles: what they prove to a stranger, and every way in which one is forged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from forewarn.statement.v1 import alert_pb2, directory_pb2
from forewarn_client import bundle
from forewarn_client.bundle import Bundle, Link, VerifiedBundle
from forewarn_client.directory import DirectoryView, listed
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.join import Exchange
from forewarn_client.records import Evidence
from forewarn_client.tlog_proof import TlogProof
from forewarn_client.verifier import Verifier
from tests.world.ledger_builder import TRUST_DOMAIN, Ledger, keyid, party, seed, signing_key

AGENCY = party("civil-ai", "agency")
BANK = party("harbor-bank", "operator")
SECOND = seed("civil-ai second")


def said(ledger: Ledger, *keys: Any, **changed: Any) -> int:
    """Have the agency warn the bank."""
    how: dict[str, Any] = {
        "facts": alert_pb2.AlertFacts(severity="SEVERITY_HIGH"),
        "body": alert_pb2.AlertBody(title="A title", summary="A summary"),
        "recipients": [{"member": "harbor-bank"}],
        "tlp": "TLP_LEVEL_GREEN",
        "audience": ["harbor-bank"],
        "case_state": "ISSUED",
    }
    return ledger.say(AGENCY, "ALERT", *keys, **{**how, **changed})


def registered(ledger: Ledger, key: Any) -> int:
    facts = directory_pb2.KeyRegistrationFacts(member=AGENCY.member, key=signing_key(key))
    return ledger.direct("KEY_REGISTRATION", facts)


def revoked(ledger: Ledger, key: Any) -> int:
    facts = directory_pb2.KeyRevocationFacts(
        member=AGENCY.member, key_id=keyid(key), reason="ENDING_REASON_SUPERSEDED"
    )
    return ledger.direct("KEY_REVOCATION", facts)


def shown(ledger: Ledger, index: int, size: int | None = None) -> Evidence:
    """Show an entry at some size of the ledger."""
    return Evidence.of_record(ledger.record(index, size), ledger.checkpoint(size))


def exchange(ledger: Ledger) -> Exchange:
    return Exchange(
        origin=ledger.origin,
        trust_domain=TRUST_DOMAIN,
        genesis_digest=ledger.genesis_digest,
        log_key=ledger.log_vkey,
        address="localhost:1",
    )


def bundled(ledger: Ledger, index: int) -> Bundle:
    """Put a bundle together as a client does that saw each entry as it came."""
    page = ledger.directory_page()
    view = DirectoryView.of_chain(Verifier(exchange(ledger)), listed(page), ledger.size)
    chain = [each.index for each in view.chain_of(AGENCY.member, index)] if index else []
    made = Bundle(
        chain=tuple(shown(ledger, each, each + 1) for each in chain),
        entry=shown(ledger, index),
    )
    links = tuple(
        Link(old=old, new=new, hashes=ledger.consistency(old, new))
        for old, new in pairwise(made.sizes())
    )
    return replace(made, links=links)


def verified(ledger: Ledger, made: Bundle) -> VerifiedBundle:
    """Verify what a stranger is handed: the file's bytes."""
    return bundle.verify(
        Bundle.parse(made.encode()),
        log_key=ledger.log_vkey,
        genesis_digest=ledger.genesis_digest,
    )


def refused(reason: Flaw, rule: str = "") -> Any:
    return pytest.raises(VerificationError, match=f"^{reason}: .*{rule}")


@pytest.fixture
def ledger() -> Ledger:
    """A ledger with the agency's two keys, the first of them revoked, and other members' noise."""
    made = Ledger()
    made.enrol(party("aurora", "lab"))
    made.enrol(AGENCY)
    made.enrol(BANK, sectors=["financial-services"])
    registered(made, SECOND)
    return made


def test_a_stranger_sees_what_was_said_and_by_whom(ledger: Ledger) -> None:
    index = said(ledger)
    ledger.enrol(party("quay-bank", "operator"))
    made = bundled(ledger, index)
    found = verified(ledger, made)
    assert (found.record.kind, found.record.sender) == ("Alert", "civil-ai")
    assert isinstance(found.record.body, alert_pb2.AlertBody)
    assert found.record.body.title == "A title"
    assert found.exchange.trust_domain == TRUST_DOMAIN
    assert (found.checkpoints, found.joined) == (len(made.chain) + 1, True)
    assert Bundle.parse(made.encode()) == made


def test_the_genesis_entry_and_those_of_the_directory_are_entries_too(ledger: Ledger) -> None:
    for index in (0, 2):
        found = verified(
            ledger,
            Bundle(
                chain=bundled(ledger, index).chain if not index else (shown(ledger, 0),),
                entry=shown(ledger, index),
            ),
        )
        assert found.record.index == index


def test_old_statements_stand_under_the_keys_of_their_day(ledger: Ledger) -> None:
    before = said(ledger)
    revoked(ledger, AGENCY.key)
    after = said(ledger, SECOND)
    for index in (before, after):
        assert verified(ledger, bundled(ledger, index)).record.index == index


def test_without_links_it_says_so(ledger: Ledger) -> None:
    made = bundled(ledger, said(ledger))
    found = verified(ledger, replace(made, links=()))
    assert (found.checkpoints, found.joined) == (len(made.chain) + 1, False)
    one = Bundle(chain=tuple(shown(ledger, each.index) for each in made.chain), entry=made.entry)
    assert verified(ledger, one).joined


def test_a_key_that_was_revoked_by_then_is_refused(ledger: Ledger) -> None:
    revoked(ledger, AGENCY.key)
    index = said(ledger)
    with refused(Flaw.KEY_UNKNOWN):
        verified(ledger, bundled(ledger, index))


def test_a_key_of_somebody_else_is_refused(ledger: Ledger) -> None:
    with refused(Flaw.KEY_UNKNOWN):
        verified(ledger, bundled(ledger, said(ledger, BANK.key)))


def test_a_suspended_sender_is_refused(ledger: Ledger) -> None:
    facts = directory_pb2.MemberSuspensionFacts(
        member=AGENCY.member, reason="ENDING_REASON_MISCONDUCT"
    )
    ledger.direct("MEMBER_SUSPENSION", facts)
    with refused(Flaw.SENDER_INACTIVE):
        verified(ledger, bundled(ledger, said(ledger)))


@pytest.mark.parametrize(
    ("without", "reason", "rule"),
    [
        (0, Flaw.EVIDENCE_MALFORMED, "not in order"),
        (2, Flaw.DIRECTORY_CONTRADICTORY, ""),
        (4, Flaw.KEY_UNKNOWN, ""),
    ],
    ids=["genesis", "enrolment", "key"],
)
def test_a_statement_of_the_directory_that_is_missing_is_refused(
    ledger: Ledger, without: int, reason: Flaw, rule: str
) -> None:
    made = bundled(ledger, said(ledger, SECOND))
    chain = tuple(each for each in made.chain if each.index != without)
    assert len(chain) == len(made.chain) - 1
    with refused(reason, rule):
        verified(ledger, replace(made, chain=chain, links=()))


def directory_of(ledger: Ledger) -> DirectoryView:
    page = listed(ledger.directory_page())
    return DirectoryView.of_chain(Verifier(exchange(ledger)), page, ledger.size)


def compared(ledger: Ledger, made: Bundle, directory: DirectoryView) -> VerifiedBundle:
    return bundle.verify(
        made,
        log_key=ledger.log_vkey,
        genesis_digest=ledger.genesis_digest,
        directory=directory,
    )


def test_a_revocation_that_is_left_out_is_seen_by_whoever_has_the_directory(
    ledger: Ledger,
) -> None:
    before = directory_of(ledger)
    revocation = revoked(ledger, SECOND)
    # No exchange admits it: somebody wrote it past the admission.
    index = said(ledger, SECOND)
    whole = bundled(ledger, index)
    chain = tuple(each for each in whole.chain if each.index != revocation)
    left_out = replace(whole, chain=chain, links=())

    assert not verified(ledger, left_out).directory_known
    assert not compared(ledger, left_out, before).directory_known
    with refused(Flaw.KEY_UNKNOWN, "what the file leaves out"):
        compared(ledger, left_out, directory_of(ledger))


def test_what_holds_holds_by_the_directory_too(ledger: Ledger) -> None:
    made = bundled(ledger, said(ledger, SECOND))
    revoked(ledger, SECOND)
    assert compared(ledger, made, directory_of(ledger)).directory_known
    genesis = bundled(ledger, 0)
    assert compared(ledger, genesis, directory_of(ledger)).directory_known


def test_a_bundle_of_another_ledger_with_the_same_beginning_is_told(ledger: Ledger) -> None:
    other = Ledger()
    other.enrol(AGENCY)
    made = bundled(other, said(other))
    assert other.genesis_digest == ledger.genesis_digest
    said(ledger)
    with refused(Flaw.HISTORY_REWRITTEN):
        compared(ledger, made, directory_of(ledger))


def test_a_sender_whose_enrolment_is_missing_is_unknown(ledger: Ledger) -> None:
    made = bundled(ledger, said(ledger))
    with refused(Flaw.SENDER_UNKNOWN):
        verified(ledger, replace(made, chain=made.chain[:1], links=()))


def test_another_log_and_another_beginning_are_refused(ledger: Ledger) -> None:
    made = bundled(ledger, said(ledger)).encode()
    other = Ledger(log_key=seed("other log"))
    digest = ledger.genesis_digest
    with refused(Flaw.CHECKPOINT_UNSIGNED):
        bundle.verify(Bundle.parse(made), log_key=other.log_vkey, genesis_digest=digest)
    with refused(Flaw.GENESIS_FOREIGN):
        bundle.verify(Bundle.parse(made), log_key=ledger.log_vkey, genesis_digest=bytes(32))


def test_a_genesis_of_ones_own_is_refused(ledger: Ledger) -> None:
    """Who holds the log's key, but no registrar's, makes a ledger with a member of its own."""
    forged = Ledger(registrar_keys=[seed("forger 1"), seed("forger 2")])
    forged.enrol(AGENCY)
    with refused(Flaw.GENESIS_FOREIGN):
        verified(ledger, bundled(forged, said(forged)))


def test_two_ledgers_in_one_bundle_are_refused(ledger: Ledger) -> None:
    made = bundled(ledger, said(ledger))
    forked = Ledger()
    forked.entries = [*ledger.entries[:-1]]
    said(forked, recipients=[{"member": "aurora"}], audience=["aurora"])
    entry = shown(forked, forked.size - 1)
    chain = tuple(shown(ledger, each.index) for each in made.chain)
    with refused(Flaw.HISTORY_REWRITTEN):
        verified(ledger, Bundle(chain=chain, entry=entry))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda links: links[1:],
        lambda links: links[::-1],
        lambda links: (*links[:-1], replace(links[-1], new=links[-1].new + 1)),
        lambda links: (*links[:-1], replace(links[-1], old=links[-1].old + 1)),
        lambda links: (*links[:-1], replace(links[-1], hashes=links[-1].hashes[1:])),
        lambda links: (*links[:-1], replace(links[-1], hashes=links[-1].hashes[::-1])),
        lambda links: (*links[:-1], replace(links[-1], hashes=(bytes(32),))),
    ],
    ids=["missing", "order", "new+1", "old+1", "short", "reversed", "other"],
)
def test_links_that_do_not_hold_are_refused(
    ledger: Ledger, spoil: Callable[[tuple[Link, ...]], tuple[Link, ...]]
) -> None:
    made = bundled(ledger, said(ledger))
    assert len(made.links) > 1
    with pytest.raises(VerificationError) as caught:
        verified(ledger, replace(made, links=spoil(made.links)))
    assert caught.value.reason in {Flaw.EVIDENCE_MALFORMED, Flaw.PROOF_INVALID}


def test_entries_in_another_place_are_refused(ledger: Ledger) -> None:
    made = bundled(ledger, said(ledger))
    swapped = replace(made.entry, checkpoint=made.chain[-1].checkpoint)
    for entry, reason in (
        (replace(made.entry, index=made.entry.index + 1), Flaw.PROOF_INVALID),
        (replace(made.entry, inclusion_proof=made.entry.inclusion_proof[1:]), Flaw.PROOF_INVALID),
        (swapped, Flaw.PROOF_INVALID),
        (replace(made.entry, salt=bytes(32)), Flaw.PROOF_INVALID),
        (replace(made.entry, entry_body=b""), Flaw.PROOF_INVALID),
    ):
        with refused(reason):
            verified(ledger, replace(made, entry=entry, links=()))


def test_no_bit_of_a_bundle_can_be_changed(ledger: Ledger) -> None:
    """Every fifth byte of a whole bundle, one of its bits flipped in turn."""
    good = bundled(ledger, said(ledger)).encode()
    pins = {"log_key": ledger.log_vkey, "genesis_digest": ledger.genesis_digest}
    bundle.verify(Bundle.parse(good), **pins)  # type: ignore[arg-type] # two of two types
    for at in range(0, len(good), 5):
        changed = bytearray(good)
        changed[at] ^= 1 << (at % 8)
        with pytest.raises(VerificationError):
            bundle.verify(Bundle.parse(bytes(changed)), **pins)  # type: ignore[arg-type] # as above


def test_no_bundle_is_cut_short(ledger: Ledger) -> None:
    good = bundled(ledger, said(ledger)).encode()
    for end in range(0, len(good), 3):
        with pytest.raises(VerificationError):
            Bundle.parse(good[:end])


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda good: good.replace(b"@v1", b"@v2", 1), "header-malformed"),
        (lambda good: good + b"\n", "bytes-left"),
        (lambda good: good.replace(b"parts ", b"parts 0", 1), "line-malformed"),
        (lambda good: good.replace(b"\nparts ", b"\nparts 99", 1), ""),
        (lambda good: good.replace(b" links ", b" links 9", 1), "counts-malformed"),
        (lambda good: b"forewarn/evidence-bundle@v1\nparts 0 links 0\n", "counts-malformed"),
        (lambda good: b"forewarn/evidence-bundle@v1\nparts 1 links 0\npart 1\n", "part-short"),
        (lambda good: b"x" * 1000, "line-malformed"),
        (lambda good: bytes(bundle.MAX_BYTES + 1), "bundle-too-large"),
    ],
    ids=["version", "more", "zero", "parts", "links", "none", "short", "line", "large"],
)
def test_every_other_form_is_refused(
    ledger: Ledger, spoil: Callable[[bytes], bytes], rule: str
) -> None:
    good = bundled(ledger, said(ledger)).encode()
    with pytest.raises(VerificationError) as caught:
        Bundle.parse(spoil(good))
    assert caught.value.rule == rule or not rule


def test_a_part_without_its_opening_is_refused(ledger: Ledger) -> None:
    made = bundled(ledger, said(ledger))
    part = TlogProof.of(made.entry).without_opening().encode()
    data = b"forewarn/evidence-bundle@v1\nparts 1 links 0\npart %d\n%b" % (len(part), part)
    with pytest.raises(VerificationError, match="no opening"):
        Bundle.parse(data)
