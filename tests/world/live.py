"""A real exchange for tests: the gateway's own commands, its nats-server, mutual TLS, raw stubs.

Members here share no code with the client library: protobuf, cryptography and grpc are all they
use. The registrar's keys and the members' keys never leave the test process.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import uuid6
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from certs.authority import SERVER_AUTH, Authority
from certs.files import write_pair
from forewarn.exchange.v1 import (
    audit_service_pb2_grpc,
    delivery_service_pb2_grpc,
    directory_service_pb2_grpc,
    exchange_service_pb2_grpc,
    log_service_pb2_grpc,
)
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import (
    alert_pb2,
    answers_pb2,
    directory_pb2,
    header_pb2,
    release_pb2,
    values_pb2,
)
from tests.world.ledger_builder import (
    ORIGIN,
    TRUST_DOMAIN,
    Party,
    digest,
    envelope,
    party,
    seed,
    signing_key,
)

GATEWAY = Path(sys.executable).with_name("forewarn-gateway")
# Only a failure ever waits so long, on any machine.
READY_SECONDS = 60.0
CALL_SECONDS = 60.0

REGISTRAR = party("exchange-registrar", "registrar")
REGISTRAR_KEYS = [seed("registrar 1"), seed("registrar 2")]
AURORA = party("aurora", "lab", "release-desk")
CIVIL = party("civil-ai", "agency", "notice")
NATSEC = party("natsec-ai", "agency", "notice")
HARBOR = party("harbor-bank", "operator", "security")
QUAY = party("quay-bank", "operator", "security")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A signed statement, and its digest."""

    envelope: bytes
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What an error answer said; two are equal that differ in their place in the audit log only."""

    code: grpc.StatusCode
    message: str
    reason: str
    fields: tuple[str, ...]
    retry: bool
    raw: bytes
    audit: str = ""
    audit_index: int | None = field(default=None, compare=False)


class Desk:
    """One system of a member, connected."""

    def __init__(self, channel: grpc.Channel) -> None:
        # The generated types know asyncio's channels only.
        untyped: Any = channel
        self.exchange: Any = exchange_service_pb2_grpc.ExchangeServiceStub(untyped)
        self.directory: Any = directory_service_pb2_grpc.DirectoryServiceStub(untyped)
        self.log: Any = log_service_pb2_grpc.LogServiceStub(untyped)
        self.audit: Any = audit_service_pb2_grpc.AuditServiceStub(untyped)
        self.deliveries: Any = delivery_service_pb2_grpc.DeliveryServiceStub(untyped)
        self.health: Any = health_pb2_grpc.HealthStub(channel)

    def submit(self, statement: Statement) -> pb.SubmitResponse:
        request = pb.SubmitRequest(envelope=statement.envelope)
        answer: pb.SubmitResponse = self.exchange.Submit(request, timeout=CALL_SECONDS)
        return answer

    def status(self) -> health_pb2.HealthCheckResponse.ServingStatus:
        answer = self.health.Check(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS)
        status: health_pb2.HealthCheckResponse.ServingStatus = answer.status
        return status


@dataclass(slots=True, kw_only=True)
class Live:
    """An exchange in a folder, running or not."""

    folder: Path
    authority: Authority
    process: subprocess.Popen[str] | None = None
    address: str = ""

    @classmethod
    def make(cls, folder: Path) -> Live:
        """Make certificates and a genesis; nothing runs yet."""
        authority = Authority.create(folder / "ca", trust_domain=TRUST_DOMAIN)
        pair = authority.leaf([], dns=["localhost"], ips=["127.0.0.1", "::1"], usages=[SERVER_AUTH])
        write_pair(folder / "gateway.crt", folder / "gateway.key", pair)
        (folder / "genesis.dsse").write_bytes(genesis().envelope)
        return cls(folder=folder, authority=authority)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def init_command(self) -> list[str]:
        return [
            *("init", "--state", str(self.state), "--genesis", str(self.folder / "genesis.dsse")),
            *("--listen", "127.0.0.1:0", "--client-ca", str(self.folder / "ca" / "ca.pem")),
            *("--tls-cert", str(self.folder / "gateway.crt")),
            *("--tls-key", str(self.folder / "gateway.key")),
        ]

    def init(self) -> dict[str, str]:
        done = run(*self.init_command, "--json")
        assert done.returncode == 0, done.stderr
        printed: dict[str, str] = json.loads(done.stdout)
        return printed

    def publish(self, public: str = "") -> None:
        """Have both logs served to everybody from the next start on, on a free port."""
        config = self.state / "gateway.toml"
        before, table, after = config.read_text().partition("[log_http]")
        after = after.replace('address = ""', 'address = "127.0.0.1:0"', 1)
        after = after.replace('public = ""', f'public = "{public}"', 1)
        config.write_text(before + table + after)

    @property
    def log_address(self) -> str:
        """Where the running gateway serves its logs."""
        return (self.state / "run" / "log-listen").read_text().strip()

    def serve(self, *arguments: str) -> None:
        """Start the gateway and wait until it says that it serves."""
        self.start(*arguments)
        assert self.process is not None
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.kill()
            raise AssertionError((self.folder / "gateway.log").read_text())
        self.address = json.loads(line)["serving"]

    def start(self, *arguments: str) -> None:
        with (self.folder / "gateway.log").open("a") as log:
            self.process = subprocess.Popen(
                [GATEWAY, "serve", "--state", self.state, "--json", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> int:
        assert self.process is not None
        os.kill(self.process.pid, by)
        status = self.process.wait(timeout=READY_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return status

    @contextmanager
    def channel(self, pair: tuple[bytes, bytes] | None) -> Iterator[grpc.Channel]:
        """Connect with a certificate, or with none."""
        chain, key = pair or (None, None)
        credentials = grpc.ssl_channel_credentials(self.authority.bundle, key, chain)
        with grpc.secure_channel(self.address, credentials) as channel:
            yield channel

    @contextmanager
    def desk(self, who: Party) -> Iterator[Desk]:
        """Connect as a member's system."""
        with self.channel(self.authority.leaf([who.system])) as channel:
            yield Desk(channel)

    def enrol(self, *parties: Party) -> None:
        with self.desk(REGISTRAR) as registrar:
            for each in parties:
                registrar.submit(enrolment(each))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `forewarn-gateway`."""
    return subprocess.run(
        [GATEWAY, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def refused(error: grpc.RpcError) -> Refused:
    """Read an error answer."""
    call: Any = error
    return refused_status(rpc_status.from_call(call), call.code(), call.details())


def refused_status(status: Any, code: grpc.StatusCode, message: str) -> Refused:
    """Read an error answer from its details."""
    found: dict[type[Message], Any] = {}
    for detail in status.details if status is not None else ():
        for kind in (
            error_details_pb2.ErrorInfo,
            error_details_pb2.BadRequest,
            error_details_pb2.RetryInfo,
        ):
            unpacked = kind()
            if detail.Unpack(unpacked):
                found[kind] = unpacked
    info = found.get(error_details_pb2.ErrorInfo)
    said = dict(info.metadata) if info is not None else {}
    index = said.pop("audit_index", None)
    if info is not None and index is not None:
        del info.metadata["audit_index"]
        assert status.details[0].Is(info.DESCRIPTOR)
        status.details[0].Pack(info)
    fields = found.get(error_details_pb2.BadRequest)
    return Refused(
        code=code,
        message=message,
        reason=info.reason if info is not None else "",
        fields=tuple(each.field for each in fields.field_violations) if fields else (),
        retry=error_details_pb2.RetryInfo in found,
        raw=status.SerializeToString(deterministic=True) if status is not None else b"",
        audit=said.get("audit", ""),
        audit_index=int(index) if index is not None else None,
    )


def statement(kind: str, who: Party, **parts: Any) -> Statement:
    """Sign a statement; `facts`, `body`, `keys` and any field of the header."""
    facts, body = parts.pop("facts", None), parts.pop("body", None)
    keys = parts.pop("keys", [who.key])
    stated = {
        "exchange": ORIGIN,
        "statement_id": str(uuid6.uuid7()),
        "kind": f"STATEMENT_KIND_{kind}",
        "sender": who.member,
        "created_time": datetime.now(UTC),
        "tlp": "TLP_LEVEL_CLEAR",
        **parts,
    }
    header = header_pb2.Header(**stated)
    if facts is not None:
        getattr(header, kind.lower()).CopyFrom(facts)
    payload = header_pb2.Statement(
        header=header.SerializeToString(deterministic=True),
        body=body.SerializeToString(deterministic=True) if body is not None else b"",
    ).SerializeToString(deterministic=True)
    return Statement(envelope=envelope(payload, *keys), digest=digest(payload))


def genesis(origin: str = ORIGIN) -> Statement:
    facts = directory_pb2.GenesisFacts(
        trust_domain=TRUST_DOMAIN,
        registrar=REGISTRAR.member,
        keys=[signing_key(key) for key in REGISTRAR_KEYS],
        quorum=2,
        systems=[REGISTRAR.system],
    )
    return statement("GENESIS", REGISTRAR, keys=REGISTRAR_KEYS, facts=facts, exchange=origin)


def enrolment(who: Party) -> Statement:
    profile = directory_pb2.MemberProfile(display_name=who.member)
    if who.kind == "agency":
        profile.agency_type = directory_pb2.AGENCY_TYPE_CIVIL
    if who.kind == "operator":
        profile.sectors.append("financial-services")
    facts = directory_pb2.MemberEnrolmentFacts(
        member=who.member,
        kind=f"MEMBER_KIND_{who.kind.upper()}",
        profile=profile,
        keys=[signing_key(who.key)],
        systems=[who.system],
    )
    body = directory_pb2.MemberEnrolmentBody()
    return statement("MEMBER_ENROLMENT", REGISTRAR, keys=REGISTRAR_KEYS, facts=facts, body=body)


def suspension(who: Party) -> Statement:
    facts = directory_pb2.MemberSuspensionFacts(
        member=who.member, reason=directory_pb2.ENDING_REASON_OTHER
    )
    return statement("MEMBER_SUSPENSION", REGISTRAR, keys=REGISTRAR_KEYS, facts=facts)


def notice(*recipients: Party, days: int = 62, **parts: Any) -> Statement:
    """A lab's notice of a release."""
    unknown = values_pb2.StatedText(known="not stated in this test")
    planned = release_pb2.PlannedTimes(
        public_release=values_pb2.PreciseTime(
            time=datetime.now(UTC).replace(microsecond=0) + timedelta(days=days),
            precision=values_pb2.PRECISION_DAY,
        )
    )
    facts = release_pb2.PreReleaseNoticeFacts(
        notice_type=release_pb2.NOTICE_TYPE_NEW_MODEL,
        release_mode=release_pb2.RELEASE_MODE_API,
        handle="h-" + "a" * 26,
        planned=planned,
    )
    body = release_pb2.PreReleaseNoticeBody(
        evaluation_summary=unknown,
        elicitation=unknown,
        planned_safeguards=unknown,
        lineage=unknown,
    )
    stated: dict[str, Any] = {
        "tlp": "TLP_LEVEL_AMBER",
        "recipients": [header_pb2.Recipient(member=each.member) for each in recipients],
        "profile": "us-draft-2026-05",
        "facts": facts,
        "body": body,
    }
    return statement("PRE_RELEASE_NOTICE", AURORA, **{**stated, **parts})


def alert(
    who: Party, *recipients: Party, summary: str = "Look at this.", **parts: Any
) -> Statement:
    """An agency's alert."""
    attachments = parts.pop("attachments", ())
    stated: dict[str, Any] = {
        "tlp": "TLP_LEVEL_GREEN",
        "recipients": [header_pb2.Recipient(member=each.member) for each in recipients],
        "facts": alert_pb2.AlertFacts(severity=alert_pb2.SEVERITY_HIGH),
        "body": alert_pb2.AlertBody(title="Test", summary=summary, attachments=attachments),
    }
    return statement("ALERT", who, **{**stated, **parts})


def alert_update(
    who: Party, case: bytes, replaces: bytes, *recipients: Party, **parts: Any
) -> Statement:
    """An alerter's update of its alert."""
    stated = alert_pb2.AlertBody(
        title="Test", summary="Look again.", attachments=parts.pop("attachments", ())
    )
    return statement(
        "ALERT_UPDATE",
        who,
        tlp="TLP_LEVEL_GREEN",
        recipients=[header_pb2.Recipient(member=each.member) for each in recipients],
        case_digest=case,
        refers_to=[replaces],
        facts=alert_pb2.AlertUpdateFacts(severity=alert_pb2.SEVERITY_HIGH),
        body=alert_pb2.AlertUpdateBody(change="More is known.", alert=stated),
        **parts,
    )


def acknowledgement(who: Party, case: bytes, *recipients: Party, **parts: Any) -> Statement:
    """A party's acknowledgement in a case."""
    stated: dict[str, Any] = {
        "tlp": "TLP_LEVEL_AMBER",
        "recipients": [header_pb2.Recipient(member=each.member) for each in recipients],
        "case_digest": case,
        "refers_to": [case],
        "body": answers_pb2.AcknowledgementBody(reference="R-1"),
    }
    return statement("ACKNOWLEDGEMENT", who, **{**stated, **parts})
