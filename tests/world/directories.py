"""Directories made directly, from the statements that would have made them."""

from __future__ import annotations

from typing import Any

from gateway.core.directory import Directory
from gateway.core.enrolment import (
    AgencyType,
    GenesisFacts,
    MemberEnrolmentFacts,
    MemberProfile,
    Quorum,
)
from gateway.core.identity import MemberId, MemberKind
from gateway.core.statements import Header, Kind, Tlp
from tests.world import headers
from tests.world.actors import TRUST_DOMAIN

REGISTRAR = MemberId("exchange-registrar")


def genesis(**changes: Any) -> Header:
    """Make the header of a genesis with three keys, two of which have to sign."""
    keys = tuple(headers.public_key(f"registrar {number}") for number in (1, 2, 3))
    stated: dict[str, Any] = {
        "trust_domain": TRUST_DOMAIN,
        "registrar": REGISTRAR,
        "quorum": Quorum(keys=keys, threshold=2),
        "systems": (headers.system_of(REGISTRAR, MemberKind.REGISTRAR),),
    }
    return by_registrar(Kind.GENESIS, GenesisFacts(**(stated | changes)))


def by_registrar(kind: Kind, facts: object) -> Header:
    """Make the header of something that the registrar says."""
    return headers.header(kind, REGISTRAR, tlp=Tlp.CLEAR, facts=facts)


def profile(kind: MemberKind, **changes: Any) -> MemberProfile:
    """Make a profile that fits a kind of member."""
    agency = AgencyType.CIVIL if kind is MemberKind.AGENCY else None
    return MemberProfile(**{"display_name": "Somebody", "agency_type": agency, **changes})


def enrolment(member: str, kind: MemberKind, **changes: Any) -> Header:
    """Make the header of an enrolment; every fact can be changed."""
    stated: dict[str, Any] = {
        "member": MemberId(member),
        "kind": kind,
        "profile": profile(kind),
        "keys": (headers.public_key(f"{member} 1"),),
        "systems": (headers.system_of(member, kind),),
    }
    facts = MemberEnrolmentFacts(**(stated | changes))
    return by_registrar(Kind.MEMBER_ENROLMENT, facts)


def directory(**members: MemberKind) -> Directory:
    """Make a directory of some members, named with `_` where their ids have `-`."""
    enrolled = [enrolment(name.replace("_", "-"), kind) for name, kind in members.items()]
    return Directory.from_genesis(genesis()).extended(
        enumerate(enrolled, 1), size=1 + len(enrolled)
    )
