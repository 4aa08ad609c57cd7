"""An owner or operator of critical infrastructure."""

from typing import ClassVar

from forewarn_client.grantee import Grantee
from forewarn_client.member import Source
from forewarn_client.outcomes import Submitted
from forewarn_client.reporting import Reporting


class Operator(Grantee, Reporting):
    """A connected operator: grantee, reporter, recipient of alerts."""

    kind: ClassVar[str] = "operator"

    async def sight(self, case: bytes, source: Source) -> Submitted:
        """Say that what an alert warns of was seen (`Sighting`); goes to the alerter."""
        return await self.say_in(case, "Sighting", source)
