"""The registrar: a quorum of keys that begins the ledger and keeps its directory.

* Its keys are made and kept away from the gateway's host. `genesis` signs the statement that a
  ledger begins with; members pin its digest.
* Every statement of the registrar is signed by as many of its keys as its quorum asks for.

It decides nothing about releases, grants, reports or alerts, and reads no more than any member.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from forewarn_client import authoring, files, signing
from forewarn_client.authoring import Draft
from forewarn_client.enrolment import EnrolmentRequest
from forewarn_client.errors import RequestError
from forewarn_client.member import Member, Source
from forewarn_client.outcomes import Submitted
from forewarn_client.signing import Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """The signed statement that a ledger begins with.

    Attributes:
        envelope: A serialized `Envelope`.
        digest: Digest of the statement, which members pin.
    """

    envelope: bytes
    digest: bytes

    def save(self, path: Path) -> None:
        """Write the envelope to a file, for whoever runs the gateway.

        Args:
            path: As in `genesis.dsse`.

        Raises:
            HomeError: It cannot be written.
        """
        files.write(path, self.envelope, mode=0o644)


def genesis(  # noqa: PLR0913 - what a genesis statement holds, each by its name
    *,
    origin: str,
    trust_domain: str,
    registrar: str,
    signers: Sequence[Signer],
    quorum: int,
    systems: Sequence[str],
    now: datetime,
) -> Genesis:
    """Make and sign the statement that a ledger begins with.

    Args:
        origin: Name of the ledger, as in `exchange.example/ledger`.
        trust_domain: SPIFFE trust domain of all systems, as in `exchange.example`.
        registrar: Id of the registrar.
        signers: All keys of the registrar; all of them sign.
        quorum: How many of them have to sign the registrar's later statements.
        systems: SPIFFE IDs of the systems from which the registrar will call.
        now: When it is made, with an offset.

    Returns:
        The genesis.

    Raises:
        RequestError: The quorum cannot be met.
        AuthoringError: A value is not what it has to be.
    """
    if not 1 <= quorum <= len(signers):
        raise RequestError("the quorum is at least 1 and at most the number of keys")
    facts = {
        "trust_domain": trust_domain,
        "registrar": registrar,
        "keys": [{"algorithm": "ed25519", "spki": signer.spki} for signer in signers],
        "quorum": quorum,
        "systems": list(systems),
    }
    draft = authoring.compose(
        "Genesis", {"facts": facts}, sender=registrar, exchange=origin, now=now
    )
    return Genesis(envelope=signing.sign(draft, signers), digest=draft.digest)


class Registrar(Member):
    """The connected registrar."""

    kind: ClassVar[str] = "registrar"

    async def enrol(self, source: EnrolmentRequest | Source) -> Submitted:
        """Enrol a member (`MemberEnrolment`), from its request or a document."""
        document = source.document() if isinstance(source, EnrolmentRequest) else source
        return await self.say("MemberEnrolment", document)

    async def update_member(self, source: Source) -> Submitted:
        """Change what the directory says of a member (`MemberUpdate`)."""
        return await self.say("MemberUpdate", source)

    async def register_key(self, source: Source) -> Submitted:
        """Add a signing key to a member (`KeyRegistration`)."""
        return await self.say("KeyRegistration", source)

    async def register_system(self, source: Source) -> Submitted:
        """Add a system to a member (`SystemRegistration`)."""
        return await self.say("SystemRegistration", source)

    async def suspend_member(self, source: Source) -> Submitted:
        """Suspend a member (`MemberSuspension`)."""
        return await self.say("MemberSuspension", source)

    async def reinstate_member(self, source: Source) -> Submitted:
        """Reinstate a suspended member (`MemberReinstatement`)."""
        return await self.say("MemberReinstatement", source)

    async def record_succession(self, source: Source) -> Submitted:
        """Record that one member continues another (`MemberSuccession`)."""
        return await self.say("MemberSuccession", source)

    async def record_departure(self, source: Source) -> Submitted:
        """Record that a member has left (`MemberDeparture`)."""
        return await self.say("MemberDeparture", source)

    async def replace_keys(self, source: Source) -> Submitted:
        """Name the keys that follow the registrar's present ones (`RegistrarSuccession`)."""
        return await self.say("RegistrarSuccession", source)

    async def _signers_for(self, draft: Draft) -> Sequence[Signer]:
        """Choose a quorum among the keys at hand that are the registrar's now."""
        era = (await self.directory()).eras[-1]
        usable = [signer for signer in self.signers if signer.keyid in era.keys]
        if len(usable) < era.quorum:
            raise RequestError(
                f"{era.quorum} keys of the registrar have to sign a {draft.kind}, and "
                f"{len(usable)} of those at hand are its keys"
            )
        return usable[: era.quorum]
