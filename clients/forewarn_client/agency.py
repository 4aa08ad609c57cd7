"""A government body: it reviews notices, takes reports, warns operators."""

from typing import ClassVar

from forewarn_client.grantee import Grantee
from forewarn_client.member import Source
from forewarn_client.outcomes import Submitted
from forewarn_client.reporting import Reporting


class Agency(Grantee, Reporting):
    """A connected agency: reviewer, grantee, alerter."""

    kind: ClassVar[str] = "agency"

    async def triage(self, case: bytes, source: Source) -> Submitted:
        """Give a reported breach its case number and lead desk (`Triage`)."""
        return await self.say_in(case, "Triage", source)

    async def close_case(self, case: bytes, source: Source) -> Submitted:
        """Close a breach case (`CaseClosure`)."""
        return await self.say_in(case, "CaseClosure", source)

    async def alert(self, source: Source) -> Submitted:
        """Warn operators (`Alert`); opens a case."""
        return await self.say("Alert", source)

    async def update_alert(self, case: bytes, source: Source) -> Submitted:
        """Restate an alert as it stands now (`AlertUpdate`)."""
        return await self.say_in(case, "AlertUpdate", source)

    async def cancel_alert(self, case: bytes, source: Source) -> Submitted:
        """Cancel an alert (`AlertCancellation`)."""
        return await self.say_in(case, "AlertCancellation", source)

    async def sight(self, case: bytes, source: Source) -> Submitted:
        """Say that what another's alert warns of was seen (`Sighting`); goes to the alerter."""
        return await self.say_in(case, "Sighting", source)
