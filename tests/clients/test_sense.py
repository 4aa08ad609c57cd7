"""What can never be right is said before it is signed, and only what the exchange refuses, too."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.statement.v1 import breach_pb2, directory_pb2, grant_pb2, header_pb2
from forewarn_client import sense, times
from gateway.core.errors import Refusal
from gateway.wire import statements
from tests.clients.test_agreement import GRANT, GRANT_BODY, REPORT, REPORT_BODY
from tests.world.ledger_builder import Ledger, seed, signing_key

LEDGER = Ledger()
KINDS = {
    "MODEL_ACCESS_GRANT": (GRANT, GRANT_BODY),
    "BREACH_REPORT": (REPORT, REPORT_BODY),
    "GRANT_ACTIVATION": (None, None),
    "PARTICIPATION": (
        directory_pb2.ParticipationFacts(framework="x", choice="PARTICIPATION_CHOICE_IN"),
        None,
    ),
    "MEMBER_ENROLMENT": (
        directory_pb2.MemberEnrolmentFacts(
            member="harbor-bank",
            kind="MEMBER_KIND_RELAY",
            profile={"display_name": "Harbor Bank"},
            keys=[signing_key(seed("harbor-bank"))],
            systems=["spiffe://exchange.example/relay/harbor-bank/defence"],
        ),
        directory_pb2.MemberEnrolmentBody(),
    ),
}
BANK = "spiffe://exchange.example/operator/harbor-bank/defence"
DIGEST = b"\x01" * 32
Change = Callable[[header_pb2.Header], object]


def grant(**changes: Any) -> Change:
    def change(header: header_pb2.Header) -> None:
        terms: Any = header.model_access_grant
        for name in changes:
            terms.ClearField(name)
        terms.MergeFrom(grant_pb2.ModelAccessGrantFacts(**changes))

    return change


def header(**changes: Any) -> Change:
    return lambda changed: changed.MergeFrom(header_pb2.Header(**changes))


def regimes(changed: header_pb2.Header) -> None:
    changed.breach_report.MergeFrom(breach_pb2.BreachReportFacts(regimes=["US CIRCIA"]))


def recipient(**named: Any) -> Change:
    return header(recipients=[header_pb2.Recipient(**named)])


def profile(**named: Any) -> Change:
    def change(changed: header_pb2.Header) -> None:
        changed.member_enrolment.profile.MergeFrom(directory_pb2.MemberProfile(**named))

    return change


def handle(changed: header_pb2.Header) -> None:
    changed.participation.handle = "gpt-unreleased"


WRONG: list[tuple[str, str, Change]] = [
    ("GRANT_ACTIVATION", "case_digest", header(case_digest=b"short")),
    ("GRANT_ACTIVATION", "refers_to[0]", header(refers_to=[b"short"])),
    ("GRANT_ACTIVATION", "refers_to", header(refers_to=[DIGEST, DIGEST])),
    ("GRANT_ACTIVATION", "recipients", recipient(member="civil-ai")),
    ("GRANT_ACTIVATION", "recipients[1]", recipient(member="Civil AI")),
    ("GRANT_ACTIVATION", "recipients[1]", recipient(sector="energy!")),
    ("GRANT_ACTIVATION", "recipients[1]", recipient(community="a--b")),
    (
        "GRANT_ACTIVATION",
        "recipients[1]",
        recipient(desk={"member": "natsec-ai", "desk": "Desk"}),
    ),
    ("GRANT_ACTIVATION", "community", header(community="Cyber")),
    ("GRANT_ACTIVATION", "on_behalf_of", header(on_behalf_of="aurora")),
    ("GRANT_ACTIVATION", "on_behalf_of", header(on_behalf_of="a b")),
    ("GRANT_ACTIVATION", "protection_regime_date", header(protection_regime_date="2026-02-30")),
    ("GRANT_ACTIVATION", "protection_regime_date", header(protection_regime_date="20260220")),
    (
        "GRANT_ACTIVATION",
        "statement_id",
        header(statement_id="018f0000-0000-4000-8000-000000000000"),
    ),
    ("BREACH_REPORT", "breach_report.regimes", regimes),
    ("PARTICIPATION", "participation.handle", handle),
    ("MEMBER_ENROLMENT", "profile.desks", profile(desks=["Front Desk"])),
    ("MEMBER_ENROLMENT", "profile.communities", profile(communities=["a--b"])),
    ("MEMBER_ENROLMENT", "profile.sectors", profile(sectors=["Energy"])),
    ("MEMBER_ENROLMENT", "profile.clients", profile(clients=["Harbor Bank"])),
    ("MODEL_ACCESS_GRANT", "not_after_time", grant(not_after_time=Timestamp(seconds=1))),
    ("MODEL_ACCESS_GRANT", "cosigners_required", grant(cosigners_required=1)),
    ("MODEL_ACCESS_GRANT", "cosigners", grant(cosigners=["Civil AI"])),
    ("MODEL_ACCESS_GRANT", "max_token_lifetime", grant(max_token_lifetime=Duration(seconds=301))),
    ("MODEL_ACCESS_GRANT", "max_token_lifetime", grant(max_token_lifetime=Duration())),
    ("MODEL_ACCESS_GRANT", "max_staleness", grant(max_staleness=Duration())),
    ("MODEL_ACCESS_GRANT", "lab_signatures", grant(lab_signatures=3)),
    ("MODEL_ACCESS_GRANT", "grantee_systems", grant(grantee_systems=["harbor-bank"])),
    ("MODEL_ACCESS_GRANT", "grantee_systems", grant(grantee_systems=[BANK, BANK])),
    (
        "MODEL_ACCESS_GRANT",
        "grantee_systems",
        grant(grantee_systems=[BANK, BANK.replace("harbor", "quay")]),
    ),
    (
        "MODEL_ACCESS_GRANT",
        "grantee_systems",
        grant(grantee_systems=[BANK.replace("operator", "lab")]),
    ),
]


def payload_of(kind: str, change: Change) -> tuple[header_pb2.Header, bytes]:
    facts, body = KINDS[kind]
    payload = LEDGER.statement(
        kind,
        "aurora",
        facts=facts,
        body=body,
        recipients=[{"member": "civil-ai"}],
        tlp="TLP_LEVEL_AMBER",
    )
    statement = header_pb2.Statement.FromString(payload)
    changed = header_pb2.Header.FromString(statement.header)
    change(changed)
    statement.header = changed.SerializeToString(deterministic=True)
    return changed, statement.SerializeToString(deterministic=True)


@pytest.mark.parametrize(("kind", "field", "change"), WRONG, ids=map(str, range(len(WRONG))))
def test_what_can_never_be_right_is_found_here_and_refused_there(
    kind: str, field: str, change: Change
) -> None:
    changed, payload = payload_of(kind, change)
    made = times.from_timestamp(changed.created_time)
    found = list(sense.nonsense(changed, made))
    assert [error.reason for error in found] == ["FIELD_INVALID"]
    assert found[0].field.endswith(field)
    with pytest.raises(Refusal) as caught:
        statements.parse(payload)
    assert str(caught.value.reason) == "FIELD_INVALID"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_right_is_not_touched(kind: str) -> None:
    changed, payload = payload_of(kind, lambda _: None)
    statements.parse(payload)
    assert list(sense.nonsense(changed, times.from_timestamp(changed.created_time))) == []


def test_what_has_expired_is_not_worth_sending() -> None:
    changed, _ = payload_of("GRANT_ACTIVATION", lambda _: None)
    made = times.from_timestamp(changed.created_time)
    changed.expire_time.CopyFrom(times.timestamp(made + timedelta(seconds=1)))
    assert list(sense.nonsense(changed, made)) == []
    (found,) = sense.nonsense(changed, made + timedelta(seconds=1))
    assert (found.reason, found.field) == ("STATEMENT_EXPIRED", "header.expire_time")
