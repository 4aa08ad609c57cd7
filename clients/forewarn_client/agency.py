"""A government body: it reviews notices, determines coverage, takes reports, warns operators."""

from typing import ClassVar

from forewarn_client.grantee import Grantee
from forewarn_client.member import Source
from forewarn_client.outcomes import Submitted
from forewarn_client.reporting import Reporting


class Agency(Grantee, Reporting):
    """A connected agency: reviewer, grantee, alerter."""

    kind: ClassVar[str] = "agency"

    async def report_progress(self, case: bytes, source: Source) -> Submitted:
        """Say where the work on a coverage case stands (`CaseProgress`)."""
        return await self.say_in(case, "CaseProgress", source)

    async def determine_coverage(self, case: bytes, source: Source) -> Submitted:
        """Determine whether a model is covered (`CoverageDetermination`).

        After a reconsideration the determination says whether it is upheld or changed.
        """
        return await self.say_in(case, "CoverageDetermination", source)

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
