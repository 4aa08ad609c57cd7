"""The grantee's side of a grant: what operators and agencies may say about access to a model."""

from forewarn_client.member import NOTHING, Member, Source
from forewarn_client.outcomes import Submitted


class Grantee(Member):
    """A member that may be granted access to models."""

    async def apply_for_access(self, source: Source) -> Submitted:
        """Ask a lab for early access (`EarlyAccessApplication`); opens a case."""
        return await self.say("EarlyAccessApplication", source)

    async def accept_grant(self, case: bytes, source: Source = NOTHING) -> Submitted:
        """Countersign the newest offer (`GrantAcceptance`)."""
        return await self.say_in(case, "GrantAcceptance", source)

    async def suspend_grant(self, case: bytes, source: Source) -> Submitted:
        """Suspend an active grant (`GrantSuspension`)."""
        return await self.say_in(case, "GrantSuspension", source)

    async def complete_grant(self, case: bytes, source: Source = NOTHING) -> Submitted:
        """Say that the work under a grant is done (`GrantCompletion`)."""
        return await self.say_in(case, "GrantCompletion", source)

    async def withdraw_grant(self, case: bytes, source: Source = NOTHING) -> Submitted:
        """Withdraw before the grant is in force (`GrantWithdrawal`)."""
        return await self.say_in(case, "GrantWithdrawal", source)

    async def attest_destruction(self, case: bytes, source: Source) -> Submitted:
        """Attest that what had to be destroyed is (`DestructionAttestation`)."""
        return await self.say_in(case, "DestructionAttestation", source)
