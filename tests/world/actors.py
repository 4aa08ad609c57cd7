"""Members as tests use them: each holds its keys, and says things in the words of the domain.

* Whatever a member says comes as a `Draft`, which can still be spoiled before it is handed in.
* Keys are made from names, so that a failure repeats itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf.message import Message

from forewarn.exchange.v1 import envelope_pb2
from forewarn.statement.v1 import directory_pb2, grant_pb2, header_pb2
from gateway.core import envelope as dsse
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.statements import Kind
from tests.world import samples

TRUST_DOMAIN = "exchange.example"
ORIGIN = f"{TRUST_DOMAIN}/ledger"


def make_key(name: str) -> Ed25519PrivateKey:
    """Make the signing key that belongs to a name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def spki_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def keyid_of(key: Ed25519PrivateKey) -> str:
    return hashlib.sha256(spki_of(key)).hexdigest()


def signing_key(key: Ed25519PrivateKey) -> directory_pb2.SigningKey:
    return directory_pb2.SigningKey(algorithm="KEY_ALGORITHM_ED25519", spki=spki_of(key))


def seal(payload: bytes, keys: list[Ed25519PrivateKey]) -> bytes:
    """Sign a payload with some keys, and put it into an envelope."""
    signed = dsse.pae(dsse.PAYLOAD_TYPE, payload)
    return envelope_pb2.Envelope(
        payload=payload,
        payload_type=dsse.PAYLOAD_TYPE,
        signatures=[
            envelope_pb2.EnvelopeSignature(sig=key.sign(signed), keyid=keyid_of(key))
            for key in keys
        ],
    ).SerializeToString(deterministic=True)


@dataclass(slots=True, kw_only=True)
class Pen:
    """What everyone writes with: the clock, and the next statement's id."""

    now: datetime = samples.NOON
    written: int = 0

    def next_id(self) -> str:
        """Give a new UUIDv7."""
        self.written += 1
        return f"0193a7c2-0000-7000-8000-{self.written:012x}"


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """A statement that is not handed in yet."""

    actor: Actor
    header: header_pb2.Header
    body: bytes

    @property
    def payload(self) -> bytes:
        return header_pb2.Statement(
            header=self.header.SerializeToString(deterministic=True), body=self.body
        ).SerializeToString(deterministic=True)

    @property
    def digest(self) -> bytes:
        return dsse.digest(self.payload)

    @property
    def envelope(self) -> bytes:
        """Signed with as many of the actor's keys as it is told to."""
        return seal(self.payload, self.actor.keys[: self.actor.signs_with])


@dataclass(slots=True, kw_only=True, eq=False)
class Actor:
    """A member with its keys and the system that it calls from."""

    id: str
    kind: MemberKind
    pen: Pen
    keys: list[Ed25519PrivateKey] = field(default_factory=list)
    signs_with: int = 1
    desk: str = "desk-a"
    profile: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.keys:
            self.keys = [make_key(f"{self.id} {number}") for number in (1, 2)]

    def __str__(self) -> str:
        return self.id

    @property
    def member(self) -> MemberId:
        return MemberId(self.id)

    @property
    def system(self) -> SystemId:
        return self.named(self.desk)

    def named(self, desk: str, trust_domain: str = TRUST_DOMAIN) -> SystemId:
        """Name any system under this member's path."""
        return SystemId(trust_domain=trust_domain, kind=self.kind, member=self.member, system=desk)

    def say(
        self,
        kind: Kind,
        *to: To,
        case: bytes = b"",
        refers_to: tuple[bytes, ...] = (),
        facts: Message | None = None,
        body: Message | None = None,
        tlp: str = "",
        **fields: Any,
    ) -> Draft:
        """Write a statement of any kind; facts and body are the samples unless given."""
        level = tlp or ("CLEAR" if kind.is_directory else "AMBER")
        header = header_pb2.Header(
            exchange=ORIGIN,
            statement_id=self.pen.next_id(),
            kind=f"STATEMENT_KIND_{kind.name}",
            sender=self.id,
            recipients=[recipient(each) for each in to],
            case_digest=case,
            refers_to=refers_to,
            created_time=samples.timestamp(self.pen.now),
            tlp=f"TLP_LEVEL_{level}",
        )
        if facts is None and kind in samples.FACTS:
            facts = samples.FACTS[kind]()
        if facts is not None:
            name = header_pb2.Header.DESCRIPTOR.fields_by_number[kind.value].name
            getattr(header, name).CopyFrom(facts)
        if body is None and kind in samples.BODIES:
            body = samples.BODIES[kind]()
        header.MergeFrom(header_pb2.Header(**fields))
        data = body.SerializeToString(deterministic=True) if body is not None else b""
        return Draft(actor=self, header=header, body=data)

    def notice(self, *to: To, days: int = 62, **fields: Any) -> Draft:
        """Announce a public release so many days ahead."""
        facts = samples.notice_facts()
        released = self.pen.now + timedelta(days=days)
        facts.planned.CopyFrom(samples.planned(public_release=released))
        return self.say(Kind.PRE_RELEASE_NOTICE, *to, facts=facts, **fields)

    def request_coverage(self, notice: bytes, agency: Actor, **fields: Any) -> Draft:
        """Ask whether the model of a notice is covered."""
        fields.setdefault("refers_to", (notice,))
        return self.say(Kind.COVERAGE_REQUEST, agency, **fields)

    def offer(
        self, grantee: Actor, *cosigners: Actor, body: Message | None = None, **changes: Any
    ) -> Draft:
        """Offer access to a grantee, in a case of its own; every cosigner has to sign."""
        changes.setdefault("cosigners", [cosigner.id for cosigner in cosigners])
        changes.setdefault("cosigners_required", len(cosigners))
        facts = samples.terms(str(grantee.system), **changes)
        return self.say(Kind.MODEL_ACCESS_GRANT, grantee, *cosigners, facts=facts, body=body)

    def apply_for_access(self, lab: Actor, **fields: Any) -> Draft:
        """Ask a lab for early access."""
        facts = grant_pb2.EarlyAccessApplicationFacts(grantee_systems=[str(self.system)])
        return self.say(Kind.EARLY_ACCESS_APPLICATION, lab, facts=facts, **fields)

    def report(
        self, *to: To, stage: str = "INITIAL", contained: bool = False, **fields: Any
    ) -> Draft:
        """Report a breach."""
        facts = samples.report_facts(stage)
        facts.contained = contained
        return self.say(Kind.BREACH_REPORT, *to, facts=facts, **fields)

    def alert(self, *to: To, tlp: str = "GREEN", **fields: Any) -> Draft:
        """Warn."""
        return self.say(Kind.ALERT, *to, tlp=tlp, **fields)

    def enrol(self, member: Actor, **changes: Any) -> Draft:
        """Enrol a member, as the registrar does."""
        stated: dict[str, Any] = {
            "member": member.id,
            "kind": f"MEMBER_KIND_{member.kind.name}",
            "profile": directory_pb2.MemberProfile(display_name=member.id, **member.profile),
            "keys": [signing_key(key) for key in member.keys],
            "systems": [str(member.system)],
        }
        return self.say(
            Kind.MEMBER_ENROLMENT, facts=directory_pb2.MemberEnrolmentFacts(**(stated | changes))
        )

    def suspend(self, member: Actor) -> Draft:
        """Suspend a member, as the registrar does."""
        facts = directory_pb2.MemberSuspensionFacts(
            member=member.id, reason="ENDING_REASON_MISCONDUCT"
        )
        return self.say(Kind.MEMBER_SUSPENSION, facts=facts)

    def reinstate(self, member: Actor) -> Draft:
        """Reinstate a suspended member, as the registrar does."""
        facts = directory_pb2.MemberReinstatementFacts(member=member.id)
        return self.say(Kind.MEMBER_REINSTATEMENT, facts=facts)

    def let_go(self, member: Actor) -> Draft:
        """Record that a member has left, as the registrar does."""
        facts = directory_pb2.MemberDepartureFacts(member=member.id)
        return self.say(Kind.MEMBER_DEPARTURE, facts=facts)

    def revoke_key(self, member: Actor, key: Ed25519PrivateKey) -> Draft:
        """Revoke a key, as the registrar or the member itself does."""
        facts = directory_pb2.KeyRevocationFacts(
            member=member.id, key_id=keyid_of(key), reason="ENDING_REASON_COMPROMISED"
        )
        return self.say(Kind.KEY_REVOCATION, facts=facts)

    def suspend_system(self, member: Actor, system: SystemId) -> Draft:
        """Suspend a system, as the registrar or the member itself does."""
        facts = directory_pb2.SystemSuspensionFacts(
            member=member.id, system=str(system), reason="ENDING_REASON_CEASED"
        )
        return self.say(Kind.SYSTEM_SUSPENSION, facts=facts)


To: TypeAlias = Actor | header_pb2.Recipient


def recipient(to: To) -> header_pb2.Recipient:
    return to if isinstance(to, header_pb2.Recipient) else header_pb2.Recipient(member=to.id)


def sector(slug: str) -> header_pb2.Recipient:
    return header_pb2.Recipient(sector=slug)


def community(slug: str) -> header_pb2.Recipient:
    return header_pb2.Recipient(community=slug)


def everyone(kind: MemberKind) -> header_pb2.Recipient:
    return header_pb2.Recipient(kind=f"MEMBER_KIND_{kind.name}")


def desk_of(actor: Actor, desk: str) -> header_pb2.Recipient:
    return header_pb2.Recipient(desk=header_pb2.Desk(member=actor.id, desk=desk))
