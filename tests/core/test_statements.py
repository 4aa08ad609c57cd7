"""A header refuses what can never be right; whether it fits caller and time it says on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId
from gateway.core.statements import (
    MAX_CLOCK_SKEW,
    Group,
    GroupRecipient,
    Header,
    Kind,
    check_handle,
    check_slug,
    check_uuid7,
    parse_member,
)
from tests.world import headers
from tests.world.actors import ORIGIN
from tests.world.samples import HANDLE, NOON

NOTICE = headers.header(Kind.PRE_RELEASE_NOTICE, "aurora", recipients=headers.to("civil-ai"))


def field_of(refused: Refusal) -> str:
    assert refused.reason is Reason.FIELD_INVALID
    (violation,) = refused.violations
    return violation.field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"statement_id": "0193A7C2-0000-7000-8000-000000000001"}, "header.statement_id"),
        ({"statement_id": "0193a7c2-0000-4000-8000-000000000001"}, "header.statement_id"),
        ({"statement_id": "0193a7c2-0000-7000-c000-000000000001"}, "header.statement_id"),
        ({"statement_id": "{0193a7c2-0000-7000-8000-00000000001}"}, "header.statement_id"),
        ({"statement_id": ""}, "header.statement_id"),
        ({"case": bytes(31)}, "header.case_digest"),
        ({"case": b""}, "header.case_digest"),
        ({"refers_to": (bytes(32), bytes(33))}, "header.refers_to"),
        ({"refers_to": (bytes(32), bytes(32))}, "header.refers_to"),
        ({"recipients": headers.to("civil-ai", "civil-ai")}, "header.recipients"),
        ({"community": "Not a slug"}, "header.community"),
        ({"protection_regime_date": "2026-02-30"}, "header.protection_regime_date"),
        ({"protection_regime_date": "20261121"}, "header.protection_regime_date"),
        ({"protection_regime_date": "٢٠٢٦-11-21"}, "header.protection_regime_date"),
        ({"on_behalf_of": MemberId("aurora")}, "header.on_behalf_of"),
    ],
)
def test_what_can_never_be_right(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as caught:
        replace(NOTICE, **changes)
    assert field_of(caught.value) == field
    for value in changes.values():
        assert repr(value) not in str(caught.value)


def test_what_may_be_there() -> None:
    replace(
        NOTICE,
        case=bytes(32),
        refers_to=(bytes(32), b"\x01" * 32),
        community="fin-sharing",
        protection_regime_date="2026-11-21",
        on_behalf_of=MemberId("borealis"),
    )


def reason_of(
    header: Header, *, sender: str = "aurora", late: timedelta | None = None
) -> Reason | None:
    try:
        header.check_addressing(ORIGIN, MemberId(sender))
        header.check_times(NOON + (late or timedelta()))
    except Refusal as refused:
        return refused.reason
    return None


def test_it_is_meant_for_one_exchange_and_said_by_the_caller() -> None:
    assert reason_of(NOTICE) is None
    foreign = replace(NOTICE, exchange="elsewhere.example/ledger")
    assert reason_of(foreign) is Reason.EXCHANGE_FOREIGN
    assert reason_of(NOTICE, sender="borealis") is Reason.SENDER_MISMATCH


@pytest.mark.parametrize("moment", [timedelta(microseconds=1), timedelta(days=3650)])
def test_it_is_at_most_five_minutes_ahead(moment: timedelta) -> None:
    assert timedelta(minutes=5) == MAX_CLOCK_SKEW
    assert reason_of(replace(NOTICE, created_time=NOON + MAX_CLOCK_SKEW)) is None
    ahead = replace(NOTICE, created_time=NOON + MAX_CLOCK_SKEW + moment)
    assert reason_of(ahead) is Reason.CREATED_IN_FUTURE
    assert reason_of(replace(NOTICE, created_time=NOON - timedelta(days=3650))) is None


def test_it_expires() -> None:
    header = replace(NOTICE, expire_time=NOON + timedelta(minutes=1))
    assert reason_of(header) is None
    assert reason_of(header, late=timedelta(minutes=1, microseconds=-1)) is None
    assert reason_of(header, late=timedelta(minutes=1)) is Reason.STATEMENT_EXPIRED


@pytest.mark.parametrize("slug", ["energy", "us-eo-14409", "eu-gpai-code-9.3", "4"])
def test_slugs(slug: str) -> None:
    assert check_slug("here", slug) == slug


@pytest.mark.parametrize("text", ["", "Energy", "a--b", "-a", "a-", "a.", "a b", "a\n", "ä", "a_b"])
def test_no_slugs(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_slug("here", text)
    assert field_of(caught.value) == "here"
    with pytest.raises(Refusal):
        GroupRecipient(group=Group.SECTOR, name=text)


def test_a_group_of_no_kind() -> None:
    with pytest.raises(Refusal) as caught:
        GroupRecipient(group=Group.KIND, name="bank")
    assert field_of(caught.value) == "header.recipients"
    assert GroupRecipient(group=Group.KIND, name="operator").name == "operator"


@pytest.mark.parametrize(
    "handle",
    ["", "gpt-5", HANDLE + "a", HANDLE[:-1], HANDLE.upper(), "h-" + "1" * 26, HANDLE + "\n"],
)
def test_a_name_is_no_handle(handle: str) -> None:
    assert check_handle("here", HANDLE) == HANDLE
    with pytest.raises(Refusal) as caught:
        check_handle("here", handle)
    assert field_of(caught.value) == "here"
    # A name that leaks into the field does not leak into the answer.
    assert not handle or handle not in str(caught.value)


@pytest.mark.parametrize("check", [check_slug, check_handle, check_uuid7, parse_member])
@given(text=st.text(max_size=40))
def test_any_text_is_given_back_or_refused(check: Callable[[str, str], str], text: str) -> None:
    try:
        given_back = check("here", text)
    except Refusal as refused:
        field = field_of(refused)
    else:
        assert given_back == text
        return
    assert field == "here"


@given(st.uuids())
def test_uuids(value: Any) -> None:
    text = str(value)
    seventh = f"{text[:14]}7{text[15:19]}8{text[20:]}"
    assert check_uuid7("here", seventh) == seventh
    for wrong in (
        seventh[:14] + "4" + seventh[15:],
        f"{{{seventh}}}",
        seventh.replace("-", ""),
        f"urn:uuid:{seventh}",
    ):
        with pytest.raises(Refusal):
            check_uuid7("here", wrong)


def test_directory_kinds_are_the_first_numbers() -> None:
    assert {kind for kind in Kind if kind.is_directory} == {kind for kind in Kind if kind < 64}
