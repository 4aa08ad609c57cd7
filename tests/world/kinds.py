"""Valid facts of every kind, those of the directory and of grants included."""

from __future__ import annotations

from google.protobuf.message import Message

from forewarn.statement.v1 import directory_pb2, grant_pb2
from gateway.core.statements import Kind
from tests.world import samples
from tests.world.actors import TRUST_DOMAIN, keyid_of, make_key, signing_key

_DESK = f"spiffe://{TRUST_DOMAIN}/agency/civil-ai/desk-a"
_KEY = make_key("somebody")


def facts_of(kind: Kind) -> Message | None:
    """Make valid facts of a kind; None where it has none."""
    if kind in samples.FACTS:
        return samples.FACTS[kind]()
    return _NAMING.get(kind)


_PROFILE = directory_pb2.MemberProfile(display_name="Civil", agency_type="AGENCY_TYPE_CIVIL")
_NAMING: dict[Kind, Message] = {
    Kind.GENESIS: directory_pb2.GenesisFacts(
        trust_domain=TRUST_DOMAIN,
        registrar="exchange-registrar",
        keys=[signing_key(_KEY)],
        quorum=1,
        systems=[f"spiffe://{TRUST_DOMAIN}/registrar/exchange-registrar/desk-a"],
    ),
    Kind.MEMBER_ENROLMENT: directory_pb2.MemberEnrolmentFacts(
        member="civil-ai",
        kind="MEMBER_KIND_AGENCY",
        profile=_PROFILE,
        keys=[signing_key(_KEY)],
        systems=[_DESK],
    ),
    Kind.MEMBER_UPDATE: directory_pb2.MemberUpdateFacts(member="civil-ai", profile=_PROFILE),
    Kind.KEY_REGISTRATION: directory_pb2.KeyRegistrationFacts(
        member="civil-ai", key=signing_key(_KEY)
    ),
    Kind.KEY_REVOCATION: directory_pb2.KeyRevocationFacts(
        member="civil-ai", key_id=keyid_of(_KEY), reason="ENDING_REASON_SUPERSEDED"
    ),
    Kind.SYSTEM_REGISTRATION: directory_pb2.SystemRegistrationFacts(
        member="civil-ai", system=_DESK
    ),
    Kind.SYSTEM_SUSPENSION: directory_pb2.SystemSuspensionFacts(
        member="civil-ai", system=_DESK, reason="ENDING_REASON_CEASED"
    ),
    Kind.MEMBER_SUSPENSION: directory_pb2.MemberSuspensionFacts(
        member="civil-ai", reason="ENDING_REASON_OTHER"
    ),
    Kind.MEMBER_REINSTATEMENT: directory_pb2.MemberReinstatementFacts(member="civil-ai"),
    Kind.MEMBER_SUCCESSION: directory_pb2.MemberSuccessionFacts(
        predecessor="civil-ai", successor="natsec-ai"
    ),
    Kind.MEMBER_DEPARTURE: directory_pb2.MemberDepartureFacts(member="civil-ai"),
    Kind.REGISTRAR_SUCCESSION: directory_pb2.RegistrarSuccessionFacts(
        keys=[signing_key(_KEY)], quorum=1
    ),
    Kind.EARLY_ACCESS_APPLICATION: grant_pb2.EarlyAccessApplicationFacts(grantee_systems=[_DESK]),
    # Signed by two, so that any body may go with it.
    Kind.MODEL_ACCESS_GRANT: samples.terms(_DESK, lab_signatures=2),
    Kind.GRANT_NARROWING: grant_pb2.GrantNarrowingFacts(
        grant=samples.terms(_DESK, lab_signatures=2)
    ),
}
