"""Word of breaches: what labs, operators and agencies may report, and how it goes on."""

from forewarn_client.member import Member, Source
from forewarn_client.outcomes import Submitted


class Reporting(Member):
    """A member that may report breaches."""

    async def report_breach(self, source: Source) -> Submitted:
        """Report a breach for the first time (`BreachReport`, initial); opens a case."""
        return await self.say("BreachReport", source)

    async def supplement_report(self, case: bytes, source: Source) -> Submitted:
        """Report more in a case: supplemental, intermediate, final or retraction."""
        return await self.say_in(case, "BreachReport", source)
