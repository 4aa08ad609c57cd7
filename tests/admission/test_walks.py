"""The protocols, walked from end to end over both ledgers: every row once, as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from forewarn.statement.v1 import coverage_pb2, grant_pb2, release_pb2
from gateway.core.errors import Reason
from gateway.core.statements import Kind
from gateway.core.tables import OPENINGS, TABLES
from tests.world import samples
from tests.world.actors import Actor, To, sector
from tests.world.memory_ledger import MemoryLedger
from tests.world.store_ledger import StoreLedger
from tests.world.world import Recorded, World


@pytest.fixture(params=["memory", "store"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    ledger = MemoryLedger() if request.param == "memory" else StoreLedger(tmp_path)
    with World(ledger) as made:
        yield made


class Walk:
    """One case, step by step."""

    def __init__(self, world: World, opener: Recorded) -> None:
        self.world = world
        self.case = opener

    def step(self, sender: Actor, kind: Kind, state: str, *to: To, **fields: object) -> Recorded:
        """Say something in the case, and find it in the state that follows."""
        draft = self.world.reply(self.case, sender, kind, *to, **fields)  # type: ignore[arg-type]  # header fields
        recorded = self.world.submit(draft)
        assert recorded.body.case_state == state
        assert self.world.state(self.case) == state
        assert recorded.summary.case_digest == self.case.digest
        return recorded


def amendment(days: int) -> release_pb2.NoticeAmendmentFacts:
    return release_pb2.NoticeAmendmentFacts(
        planned=samples.planned(public_release=samples.NOON + timedelta(days=days)),
        release_mode="RELEASE_MODE_LIMITED",
    )


def test_release(world: World) -> None:
    lab, agency = world.aurora, world.civil
    notice = world.submit(lab.notice(agency, days=62))
    assert (notice.body.case_state, list(notice.body.audience)) == ("NOTIFIED", ["civil-ai"])
    walk = Walk(world, notice)
    walk.step(agency, Kind.QUESTION, "QUESTIONS_OPEN")
    walk.step(lab, Kind.ANSWER, "ACKNOWLEDGED")
    walk.step(lab, Kind.NOTICE_AMENDMENT, "ACKNOWLEDGED", facts=amendment(62))
    moved = walk.step(lab, Kind.NOTICE_AMENDMENT, "NOTIFIED", facts=amendment(69))
    walk.step(agency, Kind.ACKNOWLEDGEMENT, "ACKNOWLEDGED")
    # What an amendment amends is the newest word, not the first.
    with world.refused(Reason.REFERENCE_INVALID, "header.refers_to"):
        old = (notice.digest,)
        facts = amendment(70)
        world.submit(world.reply(notice, lab, Kind.NOTICE_AMENDMENT, facts=facts, refers_to=old))
    assert moved.header.refers_to
    walk.step(agency, Kind.QUESTION, "QUESTIONS_OPEN")
    walk.step(lab, Kind.RELEASE_CONFIRMATION, "RELEASED")
    withdrawn = Walk(world, world.submit(lab.notice(agency)))
    withdrawn.step(lab, Kind.NOTICE_WITHDRAWAL, "WITHDRAWN")


def test_release_without_a_word_from_anybody(world: World) -> None:
    walk = Walk(world, world.submit(world.aurora.notice(world.civil)))
    world.submit(world.registrar.suspend(world.civil))
    walk.step(world.aurora, Kind.RELEASE_CONFIRMATION, "RELEASED")


def test_coverage(world: World) -> None:
    lab, agency = world.aurora, world.civil
    notice = world.submit(lab.notice(agency, world.natsec))
    asked = world.submit(lab.request_coverage(notice.digest, agency))
    assert (asked.body.case_state, list(asked.body.audience)) == ("REQUESTED", ["civil-ai"])
    walk = Walk(world, asked)
    walk.step(agency, Kind.ACKNOWLEDGEMENT, "REQUESTED")
    walk.step(agency, Kind.CASE_PROGRESS, "UNDER_REVIEW")
    walk.step(agency, Kind.QUESTION, "UNDER_REVIEW")
    walk.step(lab, Kind.ANSWER, "UNDER_REVIEW")
    wanted = coverage_pb2.CaseProgressFacts(stage="PROGRESS_STAGE_EVIDENCE_WANTED")
    walk.step(agency, Kind.CASE_PROGRESS, "UNDER_REVIEW", facts=wanted)
    first = walk.step(agency, Kind.COVERAGE_DETERMINATION, "DETERMINED")
    with world.refused(Reason.CASE_WRONG_STATE):
        world.submit(world.reply(asked, agency, Kind.COVERAGE_DETERMINATION))
    walk.step(lab, Kind.RECONSIDERATION_REQUEST, "RECONSIDERATION")
    with world.refused(Reason.FIELD_INVALID, "header.facts.review"):
        world.submit(world.reply(asked, agency, Kind.COVERAGE_DETERMINATION))
    changed = samples.determination("NOT_COVERED", review="REVIEW_RESULT_CHANGED")
    second = walk.step(agency, Kind.COVERAGE_DETERMINATION, "DETERMINED", facts=changed)
    assert list(second.header.refers_to) == [first.digest]
    # What may be reconsidered is the newest determination, not the first.
    with world.refused(Reason.REFERENCE_INVALID, "header.refers_to"):
        old = (first.digest,)
        world.submit(world.reply(asked, lab, Kind.RECONSIDERATION_REQUEST, refers_to=old))
    walk.step(lab, Kind.RECONSIDERATION_REQUEST, "RECONSIDERATION")
    upheld = samples.determination("NOT_COVERED", review="REVIEW_RESULT_UPHELD")
    walk.step(agency, Kind.COVERAGE_DETERMINATION, "DETERMINED", facts=upheld)
    walk.step(lab, Kind.FEEDBACK, "DETERMINED")
    assert world.state(notice) == "NOTIFIED"


def test_coverage_that_is_declined(world: World) -> None:
    lab, agency = world.aurora, world.natsec
    notice = world.submit(lab.notice(agency))
    walk = Walk(world, world.submit(lab.request_coverage(notice.digest, agency)))
    walk.step(agency, Kind.DECLINATION, "DECLINED")
    with world.refused(Reason.CASE_WRONG_STATE):
        world.submit(world.reply(walk.case, agency, Kind.COVERAGE_DETERMINATION))
    # Silence and a no block nothing: the lab releases, and asks another time where it likes.
    Walk(world, notice).step(lab, Kind.RELEASE_CONFIRMATION, "RELEASED")
    world.submit(lab.request_coverage(notice.digest, agency))


def test_a_coverage_request_is_about_a_notice_that_the_agency_has(world: World) -> None:
    lab, agency = world.aurora, world.civil
    notice = world.submit(lab.notice(agency))
    elsewhere = world.submit(lab.notice(world.natsec))
    others = world.submit(world.borealis.notice(agency))
    report = world.submit(lab.report(agency))
    for digest in (elsewhere.digest, report.digest, others.digest, bytes(32)):
        with world.refused(Reason.REFERENCE_INVALID, "header.refers_to"):
            world.submit(lab.request_coverage(digest, agency))
    with world.refused(Reason.REFERENCE_INVALID, "header.refers_to"):
        world.submit(lab.say(Kind.COVERAGE_REQUEST, agency))
    other = coverage_pb2.CoverageRequestFacts(handle="h-" + "z" * 26)
    with world.refused(Reason.FIELD_INVALID, "header.facts.handle"):
        world.submit(lab.request_coverage(notice.digest, agency, facts=other))
    both = world.submit(lab.notice(agency, world.natsec))
    asked = lab.say(Kind.COVERAGE_REQUEST, agency, world.natsec, refers_to=(both.digest,))
    with world.refused(Reason.FIELD_INVALID, "header.recipients"):
        world.submit(asked)
    with world.refused(Reason.RECIPIENT_KIND_NOT_PERMITTED):
        world.submit(lab.request_coverage(notice.digest, world.harbor))
    for stranger in (world.civil, world.harbor):
        with world.refused(Reason.SENDER_NOT_PERMITTED):
            world.submit(stranger.request_coverage(notice.digest, agency, refers_to=()))


def test_grant(world: World) -> None:
    lab, bank, agency = world.aurora, world.harbor, world.civil
    offer = world.submit(lab.offer(bank, agency))
    assert list(offer.body.audience) == ["civil-ai", "harbor-bank"]
    walk = Walk(world, offer)
    terms = samples.terms(str(bank.system), cosigners=["civil-ai"], cosigners_required=1)
    terms.version = 2
    walk.step(lab, Kind.MODEL_ACCESS_GRANT, "OFFERED", facts=terms)
    walk.step(bank, Kind.ACKNOWLEDGEMENT, "OFFERED")
    walk.step(agency, Kind.QUESTION, "OFFERED")
    walk.step(lab, Kind.ANSWER, "OFFERED")
    walk.step(bank, Kind.GRANT_ACCEPTANCE, "ACCEPTED")
    with world.refused(Reason.COSIGNATURES_MISSING):
        world.submit(world.reply(offer, lab, Kind.GRANT_ACTIVATION))
    walk.step(agency, Kind.GRANT_COSIGNATURE, "ACCEPTED")
    walk.step(lab, Kind.GRANT_ACTIVATION, "ACTIVE")
    walk.step(agency, Kind.GRANT_SUSPENSION, "SUSPENDED")
    walk.step(lab, Kind.GRANT_RESUMPTION, "ACTIVE")
    walk.step(bank, Kind.GRANT_SUSPENSION, "SUSPENDED")
    terms.version = 3
    terms.not_after_time.CopyFrom(samples.timestamp(samples.NOON + timedelta(days=7)))
    narrowed = grant_pb2.GrantNarrowingFacts(grant=terms)
    walk.step(lab, Kind.GRANT_NARROWING, "SUSPENDED", facts=narrowed)
    walk.step(lab, Kind.GRANT_RESUMPTION, "ACTIVE")
    walk.step(lab, Kind.GRANT_SUSPENSION, "SUSPENDED")
    walk.step(lab, Kind.GRANT_REVOCATION, "REVOKED")
    walk.step(bank, Kind.DESTRUCTION_ATTESTATION, "DESTRUCTION_ATTESTED")


def test_grant_on_application(world: World) -> None:
    lab, bank = world.aurora, world.harbor
    applied = world.submit(bank.apply_for_access(lab))
    assert applied.body.case_state == "REQUESTED"
    walk = Walk(world, applied)
    terms = samples.terms(str(bank.system))
    walk.step(lab, Kind.MODEL_ACCESS_GRANT, "OFFERED", facts=terms)
    walk.step(bank, Kind.GRANT_ACCEPTANCE, "ACCEPTED")
    walk.step(lab, Kind.GRANT_ACTIVATION, "ACTIVE")
    walk.step(bank, Kind.GRANT_COMPLETION, "COMPLETED")
    walk.step(bank, Kind.DESTRUCTION_ATTESTATION, "DESTRUCTION_ATTESTED")


@pytest.mark.parametrize("kind", [Kind.DECLINATION, Kind.GRANT_WITHDRAWAL])
def test_grant_that_comes_to_nothing(world: World, kind: Kind) -> None:
    for sender in (world.aurora, world.harbor):
        offered = Walk(world, world.submit(world.aurora.offer(world.harbor)))
        offered.step(sender, kind, "TERMINATED")
        applied = Walk(world, world.submit(world.harbor.apply_for_access(world.aurora)))
        applied.step(sender, kind, "TERMINATED")


def test_grant_that_expires(world: World) -> None:
    walk = Walk(world, world.submit(world.aurora.offer(world.harbor)))
    walk.step(world.harbor, Kind.GRANT_ACCEPTANCE, "ACCEPTED")
    walk.step(world.aurora, Kind.GRANT_ACTIVATION, "ACTIVE")
    attested = world.reply(walk.case, world.harbor, Kind.DESTRUCTION_ATTESTATION)
    with world.refused(Reason.CASE_WRONG_STATE):
        world.submit(attested)
    world.pass_time(timedelta(days=30, seconds=1))
    walk.step(world.harbor, Kind.DESTRUCTION_ATTESTATION, "DESTRUCTION_ATTESTED")


def test_breach(world: World) -> None:
    bank, civil, natsec = world.harbor, world.civil, world.natsec
    opened = world.submit(bank.report(civil, natsec))
    assert list(opened.body.audience) == ["civil-ai", "natsec-ai"]
    walk = Walk(world, opened)

    def report(stage: str, state: str, *, contained: bool = False) -> None:
        facts = samples.report_facts(stage)
        facts.contained = contained
        walk.step(bank, Kind.BREACH_REPORT, state, facts=facts)

    walk.step(civil, Kind.TRIAGE, "TRIAGED")
    walk.step(natsec, Kind.TRIAGE, "TRIAGED")
    for agency in (civil, natsec):
        walk.step(agency, Kind.ACKNOWLEDGEMENT, "TRIAGED", bank)
    walk.step(civil, Kind.QUESTION, "TRIAGED", bank)
    walk.step(bank, Kind.ANSWER, "TRIAGED", civil)
    report("INTERMEDIATE", "TRIAGED")
    report("SUPPLEMENTAL", "CONTAINED", contained=True)
    report("SUPPLEMENTAL", "CONTAINED")
    report("FINAL", "FINAL")
    walk.step(civil, Kind.FEEDBACK, "FINAL", bank)
    walk.step(natsec, Kind.CASE_CLOSURE, "CLOSED")
    report("RETRACTION", "RETRACTED")
    walk.step(civil, Kind.CASE_CLOSURE, "CLOSED")


def test_alert(world: World) -> None:
    agency, harbor, quay = world.civil, world.harbor, world.quay
    alert = world.submit(agency.alert(sector("financial-services")))
    assert list(alert.body.audience) == ["harbor-bank", "quay-bank"]
    walk = Walk(world, alert)
    walk.step(harbor, Kind.ACKNOWLEDGEMENT, "ISSUED", agency)
    walk.step(agency, Kind.ALERT_UPDATE, "ISSUED")
    walk.step(quay, Kind.SIGHTING, "ISSUED", agency)
    walk.step(quay, Kind.QUESTION, "ISSUED", agency)
    walk.step(agency, Kind.ANSWER, "ISSUED", quay)
    walk.step(agency, Kind.QUESTION, "ISSUED", quay)
    walk.step(quay, Kind.ANSWER, "ISSUED", agency)
    walk.step(
        agency, Kind.ALERT_CANCELLATION, "CANCELLED", sector("financial-services"), tlp="GREEN"
    )
    walk.step(quay, Kind.ACKNOWLEDGEMENT, "CANCELLED", agency)


def test_every_kind_of_every_table_is_walked() -> None:
    walks = (
        *(test_release, test_coverage, test_grant, test_grant_on_application),
        *(test_breach, test_alert),
    )
    said: set[int] = set()
    for walk in walks:
        with World() as world:
            walk(world)
            entries = [world.read(index).summary for index in range(world.size)]
            said |= {summary.kind for summary in entries if summary.case_digest}
    others = {Kind.NOTICE_WITHDRAWAL, Kind.DECLINATION, Kind.GRANT_WITHDRAWAL}
    assert said | others == {row.kind for rows in TABLES.values() for row in rows} | set(OPENINGS)
