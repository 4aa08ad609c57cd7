"""What is sent: breach reports of 1 KiB, and alerts to every operator, signed beforehand.

* Each is a statement of its own: its id, its time and its signature are its own.
* Signing is the sender's work, on the sender's machine, so no figure includes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import uuid6

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import header_pb2
from tests.world import live, samples
from tests.world.ledger_builder import ORIGIN, Party, digest, envelope, party

STATEMENT_BYTES: Final = 1024
"""Of a statement in its envelope, give or take a few."""

AGENCY: Final = party("civil-ai", "agency", "notice")


def operators(count: int) -> list[Party]:
    """Name operators, each with one system."""
    return [party(f"bank-{number:03}", "operator", "security") for number in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A signed report.

    Attributes:
        sender: Who says it.
        statement_id: Its id.
        digest: Its digest.
        envelope: It, signed.
    """

    sender: Party
    statement_id: str
    digest: bytes
    envelope: bytes


class Reports:
    """Writes one operator's reports to the agency, TLP:AMBER, 1 KiB in their envelopes."""

    def __init__(self, who: Party) -> None:
        self._who = who
        self._header = header_pb2.Header(
            exchange=ORIGIN,
            kind="STATEMENT_KIND_BREACH_REPORT",
            sender=who.member,
            recipients=[header_pb2.Recipient(member=AGENCY.member)],
            tlp="TLP_LEVEL_AMBER",
            breach_report=samples.report_facts(),
        )
        body = samples.report_body()
        body.statement.known = "x"
        self._body = body.SerializeToString(deterministic=True)
        room = STATEMENT_BYTES - len(self.sign(datetime.now(UTC)).envelope)
        # Lengths of fields around it grow with it, by two bytes each.
        body.statement.known = "x" * (room - 4)
        self._body = body.SerializeToString(deterministic=True)

    def write(self) -> bytes:
        """Sign one more, as a serialized SubmitRequest."""
        envelope = self.sign(datetime.now(UTC)).envelope
        return pb.SubmitRequest(envelope=envelope).SerializeToString()

    def write_tagged(self, tag: int) -> bytes:
        """Sign one more, as a serialized SubmitStreamRequest."""
        envelope = self.sign(datetime.now(UTC)).envelope
        return pb.SubmitStreamRequest(tag=tag, envelope=envelope).SerializeToString()

    def sign(self, created: datetime) -> Report:
        """Sign one more.

        Args:
            created: When it is said to have been made, UTC.
        """
        self._header.statement_id = str(uuid6.uuid7())
        self._header.created_time.FromDatetime(created.replace(tzinfo=None))
        payload = header_pb2.Statement(
            header=self._header.SerializeToString(deterministic=True), body=self._body
        ).SerializeToString(deterministic=True)
        return Report(
            sender=self._who,
            statement_id=self._header.statement_id,
            digest=digest(payload),
            envelope=envelope(payload, self._who.key),
        )


def alert() -> bytes:
    """Sign an alert of the agency to all operators, as a serialized SubmitRequest."""
    everyone = [header_pb2.Recipient(kind="MEMBER_KIND_OPERATOR")]
    statement = live.alert(AGENCY, summary="Look at this. " * 36, recipients=everyone)
    return pb.SubmitRequest(envelope=statement.envelope).SerializeToString()
