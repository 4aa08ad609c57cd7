"""What the gateway admits, the client takes: no statement can stop its recipients' readers.

The gateway may refuse more (it knows rules that the messages do not state), never less.
"""

from typing import Any

from google.protobuf.message import Message
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forewarn.statement.v1 import alert_pb2, breach_pb2, grant_pb2, header_pb2, release_pb2
from forewarn_client import cases, kinds, strict
from gateway.core.errors import Refusal
from gateway.core.tables import OPENINGS
from gateway.wire import statements
from gateway.wire import strict as gateway_strict
from tests.world.ledger_builder import START, Ledger, party

LEDGER = Ledger()
UNKNOWN: dict[str, Any] = {"absent": {"kind": "ABSENCE_KIND_UNKNOWN"}}
RECIPIENT: dict[str, Any] = {"recipients": [{"member": "civil-ai"}], "tlp": "TLP_LEVEL_AMBER"}
GRANT = grant_pb2.ModelAccessGrantFacts(
    grant_id="018f0000-0000-7000-8000-000000000000",
    version=1,
    grantee_systems=[party("harbor-bank", "operator").system],
    not_before_time=START,
    not_after_time={"seconds": 4_000_000_000},
    max_token_lifetime={"seconds": 300},
    max_staleness={"seconds": 60},
    staleness_action="STALENESS_ACTION_DENY",
    lab_signatures=1,
)
GRANT_BODY = grant_pb2.ModelAccessGrantBody(
    models=[
        grant_pb2.GrantedModel(
            handle="h-" + "a" * 26,
            endpoint="https://models.aurora.example",
            stage="MODEL_STAGE_DEVELOPMENT",
            variant="MODEL_VARIANT_DEPLOYED",
            affordances=["AFFORDANCE_SAMPLING"],
        )
    ],
    access_level="ACCESS_LEVEL_AL1",
    actions=["inference"],
    purpose_code="defensive-security",
    limits={"requests_per_minute": 1},
    obligations={"log_visibility": "LOG_VISIBILITY_LAB_FULL"},
)
NOTICE = release_pb2.PreReleaseNoticeFacts(
    notice_type="NOTICE_TYPE_NEW_MODEL",
    release_mode="RELEASE_MODE_API",
    handle="h-" + "a" * 26,
    planned={"public_release": {"time": START, "precision": "PRECISION_DAY"}},
)
NOTICE_BODY = release_pb2.PreReleaseNoticeBody(
    evaluation_summary=UNKNOWN, elicitation=UNKNOWN, planned_safeguards=UNKNOWN, lineage=UNKNOWN
)
REPORT = breach_pb2.BreachReportFacts(
    report_kind="REPORT_KIND_INITIAL",
    regimes=["voluntary"],
    incident_type="INCIDENT_TYPE_INCIDENT",
    breach_kind="BREACH_KIND_INSIDER",
    times={"aware": UNKNOWN, "occurred": UNKNOWN},
)
REPORT_BODY = breach_pb2.BreachReportBody(
    title="t",
    parties={"entity": "e", "submitter": "s", "capacity": "SUBMITTER_CAPACITY_SELF"},
    awareness={"trigger": UNKNOWN, "decided_by": UNKNOWN},
    qualifies_because=UNKNOWN,
    statement={"known": "s"},
    internal_use={"known": False},
)
ALERT = alert_pb2.AlertFacts(severity="SEVERITY_HIGH", valid_until_time=START)
ALERT_BODY = alert_pb2.AlertBody(title="t", summary="s", affected_sectors=["energy"])

PARTS: list[tuple[str, Message | None, Message | None]] = [
    ("MODEL_ACCESS_GRANT", GRANT, GRANT_BODY),
    ("PRE_RELEASE_NOTICE", NOTICE, NOTICE_BODY),
    ("BREACH_REPORT", REPORT, REPORT_BODY),
    ("ALERT", ALERT, ALERT_BODY),
    ("GRANT_ACTIVATION", None, None),
]


def made(kind: str, facts: Message | None, body: Message | None) -> bytes:
    return LEDGER.statement(kind, "aurora", facts=facts, body=body, **RECIPIENT)


PAYLOADS = [made(*parts) for parts in PARTS]


def admitted(payload: bytes) -> bool:
    try:
        statements.parse(payload)
    except Refusal:
        return False
    return True


def check(payload: bytes) -> None:
    if admitted(payload):
        kinds.parse_statement(payload)


def test_the_statements_themselves_are_admitted() -> None:
    for payload in PAYLOADS:
        assert admitted(payload)
        check(payload)


@given(st.sampled_from(PAYLOADS), st.data())
def test_with_any_bytes_changed(payload: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(payload) - 1))
    put = data.draw(st.binary(max_size=4))
    drop = data.draw(st.integers(0, 4))
    check(payload[:at] + put + payload[at + drop :])


def change(message: Message, data: st.DataObject) -> None:
    """Change one field of a message, or of one of those in it."""
    descriptors: list[Any] = list(message.DESCRIPTOR.fields)
    field = data.draw(st.sampled_from(descriptors))
    if data.draw(st.integers(0, 3)) == 0:
        message.ClearField(field.name)
    elif field.is_repeated:
        change_items(getattr(message, field.name), data)
    elif field.message_type is not None:
        inside = getattr(message, field.name)
        inside.SetInParent()
        if data.draw(st.booleans()):
            change(inside, data)
    else:
        change_scalar(message, field.name, data)


def change_items(items: Any, data: st.DataObject) -> None:
    if items and isinstance(items[0], Message) and data.draw(st.booleans()):
        change(items[0], data)
    else:
        items.extend(list(items) * data.draw(st.sampled_from([1, 15, 63, 64])))


def change_scalar(message: Message, name: str, data: st.DataObject) -> None:
    value = getattr(message, name)
    if isinstance(value, bool):
        setattr(message, name, not value)
    elif isinstance(value, int):
        setattr(message, name, data.draw(st.sampled_from([0, 1, 2, 9, 99, 301])))
    else:
        size = data.draw(st.sampled_from([0, 1, 28, 32, 33, 64, 65, 256, 257, 1024, 1025, 4097]))
        setattr(message, name, "x" * size if isinstance(value, str) else b"x" * size)


@given(st.sampled_from(PAYLOADS), st.booleans(), st.data())
@settings(max_examples=300)
def test_with_any_field_changed(payload: bytes, in_body: bool, data: st.DataObject) -> None:
    statement = header_pb2.Statement.FromString(payload)
    header = header_pb2.Header.FromString(statement.header)
    body_type = kinds.of_number(header.kind).body
    if in_body:
        assume(body_type is not None)
        assert body_type is not None
        body = body_type.FromString(statement.body)
        change(body, data)
        statement.body = body.SerializeToString(deterministic=True)
    else:
        change(header, data)
        statement.header = header.SerializeToString(deterministic=True)
    check(statement.SerializeToString(deterministic=True))


@given(st.sampled_from(PARTS), st.data())
def test_the_rules_refuse_the_same_fields(
    parts: tuple[str, Message | None, Message | None], data: st.DataObject
) -> None:
    """What the rules of the messages decide, both decide alike; the gateway checks more."""
    _, _, body = parts
    assume(body is not None)
    assert body is not None
    changed = type(body)()
    changed.CopyFrom(body)
    change(changed, data)
    encoded = changed.SerializeToString(deterministic=True)
    try:
        strict.parse(type(body), encoded, "body")
        reason = ""
    except strict.StrictError as error:
        reason = error.reason
    try:
        gateway_strict.parse(type(body), encoded, "body")
        other = ""
    except Refusal as refusal:
        other = str(refusal.reason)
    assert reason == other


def test_both_know_which_statements_open_a_case() -> None:
    openings = {
        "".join(word.capitalize() for word in kind.name.split("_")): opening.protocol
        for kind, opening in OPENINGS.items()
    }
    assert openings == cases.OPENERS
