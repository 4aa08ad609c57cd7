"""What the command shows of records, cases, members and answers, as plain values.

* The same values serve JSON and people. Their keys are stable; a key is never renamed or reused.
* Times are RFC 3339 in UTC, digests lower-case hex, kinds as in `PreReleaseNotice`.
* What came from others is not made safe here: `tables` and `output` do that.
"""

from collections.abc import Iterable
from typing import Any, Final

from forewarn_client import render, times
from forewarn_client.cases import Case, CaseSummary
from forewarn_client.membership import MemberRecord
from forewarn_client.outcomes import LeadTime, Submitted
from forewarn_client.records import VerifiedRecord
from forewarn_client.responses import Responses, responses
from forewarn_client.witness_policy import Standing

CASE_DIGITS: Final = 12
"""As many digits of a case's digest as people are shown: enough to name it."""

RECORD_COLUMNS: Final = ("Index", "Received", "From", "Kind", "TLP", "Case", "State", "About")
"""Headings of `record_row`."""

_SHOWN = 10
_SHOWN_APART = {
    *("exchange", "statement_id", "kind", "sender", "recipients", "case_digest", "refers_to"),
    *("created_time", "tlp"),
}


def of_record(record: VerifiedRecord) -> dict[str, Any]:
    """Show a verified record whole, but for the bytes of its attachments."""
    header = render.plain(record.header)
    facts_name = record.header.WhichOneof("facts")
    facts = header.pop(facts_name) if facts_name else {}
    return {
        "index": record.index,
        "digest": record.digest.hex(),
        "kind": record.kind,
        "sender": record.sender,
        "statement_id": record.statement_id,
        "recipients": header.get("recipients", []),
        "tlp": header.get("tlp", ""),
        "case": record.case_digest.hex(),
        "case_state": record.case_state,
        "refers_to": header.get("refers_to", []),
        "created_time": header["created_time"],
        "received_time": times.write_time(record.received_time),
        "submitting_system": record.submitting_system,
        "audience": list(record.audience),
        "profile_version": record.profile_version,
        "signed_by": sorted(record.signed_by),
        "header": {key: value for key, value in header.items() if key not in _SHOWN_APART},
        "facts": facts,
        "body": render.plain(record.body) if record.body is not None else {},
    }


def record_row(record: VerifiedRecord) -> tuple[object, ...]:
    """Show a verified record in one row; see `RECORD_COLUMNS`."""
    view = of_record(record)
    return (
        record.index,
        f"{record.received_time:%Y-%m-%d %H:%M:%S}",
        record.sender,
        record.kind,
        view["tlp"],
        view["case"][:CASE_DIGITS],
        record.case_state,
        subject(record),
    )


def witnesses(standing: Standing | None) -> dict[str, Any] | None:
    """Show what the member's witnesses say about a checkpoint; None where it names none."""
    if standing is None:
        return None
    return {
        "cosigned": list(standing.cosigned),
        "known": standing.known,
        "quorum": standing.met,
    }


def subject(record: VerifiedRecord) -> str:
    """Say in a few words what a record is about: its title, handle, member or text."""
    plain = render.plain(record.body) if record.body is not None else {}
    facts = render.plain(record.facts) if record.facts is not None else {}
    inner = plain.get("alert") or {}
    for table, key in (
        *((plain, "title"), (inner, "title"), (facts, "handle"), (facts, "member")),
        *((facts, "outcome"), (facts, "stage"), (plain, "grounds")),
        *((facts, "case_number"), (facts, "cause"), (plain, "text"), (plain, "note")),
        *((plain, "purpose"), (facts, "framework")),
    ):
        if isinstance(table.get(key), str):
            return str(table[key])
    models = plain.get("models") or []
    return ", ".join(str(model.get("handle", "")) for model in models)


def of_submitted(submitted: Submitted, receipt: str, file: str) -> dict[str, Any]:
    """Show the answer to a statement that was handed in."""
    record = submitted.record
    facts = render.plain(record.facts) if record.facts is not None else {}
    return {
        "index": submitted.index,
        "digest": submitted.digest.hex(),
        "kind": record.kind,
        "statement_id": record.statement_id,
        "recipients": [render.plain(recipient) for recipient in record.header.recipients],
        "case": record.case_digest.hex(),
        "case_state": record.case_state,
        "handle": facts.get("handle", ""),
        "created_time": times.write_time(times.from_timestamp(record.header.created_time)),
        "received_time": times.write_time(record.received_time),
        "receipt": receipt,
        "witnesses": witnesses(submitted.standing),
        "file": file,
        "lead_times": [of_lead_time(item) for item in submitted.lead_times],
    }


def of_lead_time(lead: LeadTime) -> dict[str, Any]:
    """Show what a lead-time profile says."""
    return {
        "profile": lead.profile,
        "named": lead.named,
        "anchor": lead.anchor,
        "anchor_time": times.write_time(lead.anchor_time) if lead.anchor_time else None,
        "lead_days": lead.lead_days if lead.anchor_time else None,
        "min_lead_days": lead.min_lead_days,
        "short_by_days": lead.short_by_days,
        "max_access_days": lead.max_access_days,
        "access_from_time": (
            times.write_time(lead.access_from_time) if lead.access_from_time else None
        ),
        "says": lead_sentence(lead),
    }


def lead_sentence(lead: LeadTime) -> str:
    """Say in one line what a lead-time profile says; it never blocks anything."""
    name = lead.profile.partition("@")[0]
    anchor = lead.anchor.replace("_", " ")
    if lead.anchor_time is None:
        says = f"counts back from {anchor}, which the notice does not plan"
    elif lead.lead_days < 0:
        says = f"{_days(-lead.lead_days)} after {anchor}"
    else:
        says = f"{_days(lead.lead_days)} before {anchor}"
    if lead.anchor_time is not None and lead.min_lead_days:
        short = lead.short_by_days
        says += (
            f", {short} short of {lead.min_lead_days}"
            if short
            else (f", in time for {lead.min_lead_days}")
        )
    elif lead.max_access_days:
        says += f", at most {_days(lead.max_access_days)} of government access"
    named = " (named by the notice)" if lead.named else ""
    return f"{name}{named}: {says} \N{EM DASH} information only, nothing is blocked"


def of_case(case: CaseSummary) -> dict[str, Any]:
    """Show a case of a listing."""
    return {
        "case": case.digest.hex(),
        "protocol": case.protocol,
        "state": case.state,
        "opened_index": case.opened_index,
        "last_index": case.last_index,
    }


def of_whole_case(case: Case, viewer: str) -> dict[str, Any]:
    """Show a case with its entries, and who has answered which of them."""
    awaited = {each.record.index: each for each in responses(case, viewer)}
    return {
        "case": case.digest.hex(),
        "protocol": case.protocol,
        "state": case.state,
        "parties": list(case.parties),
        "entries": [
            of_record(record) | _of_responses(awaited.get(record.index)) for record in case.records
        ],
    }


def _of_responses(found: Responses | None) -> dict[str, Any]:
    answers = found.answers if found is not None else ()
    return {
        "answered_by": [
            {"member": answer.sender, "kind": answer.kind, "index": answer.index}
            for answer in answers
        ],
        "waiting_for": list(found.waiting_for) if found is not None else [],
    }


def response_line(found: Responses) -> str:
    """Say in one line who has answered a statement, and who has not yet."""
    said = [f"{answer.sender} by {answer.kind} at {answer.index}" for answer in found.answers]
    parts = [f"answered by {', '.join(_few(said))}"] if said else []
    if found.waiting_for:
        parts.append(f"no answer yet from {', '.join(_few(list(found.waiting_for)))}")
    return f"{found.record.kind} at {found.record.index}: {'; '.join(parts)}" if parts else ""


def _few(names: list[str]) -> list[str]:
    more = len(names) - _SHOWN
    return names if more <= 0 else [*names[:_SHOWN], f"{more} more"]


def of_member(member: MemberRecord, size: int) -> dict[str, Any]:
    """Show a member as the directory of a size has it."""
    return {
        "member": member.member,
        "kind": member.kind,
        "active": member.active_at(size),
        "profile": render.plain(member.profile),
        "systems": sorted(member.systems_at(size)),
        "key_ids": sorted(member.keys_at(size)),
        "enrolled_index": member.span.after,
        "ended_index": member.span.until,
        "successor": member.successor,
        "choices": [
            {
                "framework": choice.framework,
                "handle": choice.handle,
                "choice": "in" if choice.taking_part else "out",
                "index": choice.index,
            }
            for choice in member.choices
        ],
    }


def groups(profile: dict[str, Any]) -> str:
    """List a member's sectors, communities and agency type in one text."""
    words: Iterable[str] = [
        *([profile["agency_type"]] if "agency_type" in profile else []),
        *profile.get("sectors", []),
        *profile.get("communities", []),
    ]
    return ", ".join(words)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
