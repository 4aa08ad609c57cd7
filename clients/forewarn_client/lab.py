"""A developer of frontier models: it gives notice of releases and grants access before them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from forewarn_client import cases
from forewarn_client.authoring import Document, Draft
from forewarn_client.errors import RequestError
from forewarn_client.member import NOTHING, Source
from forewarn_client.outcomes import Submitted
from forewarn_client.reporting import Reporting


class Lab(Reporting):
    """A connected lab: notifier, grantor, reporter."""

    kind: ClassVar[str] = "lab"

    def draft_notices(
        self, source: Mapping[str, Any] | Document, recipients: Sequence[str]
    ) -> tuple[Draft, ...]:
        """Make one notice for each recipient, each with its own handle.

        The recipients cannot tell from them that there is another.

        Args:
            source: The document, without recipients; its handle, if any, is replaced.
            recipients: Whom to notify, as documents name recipients.

        Returns:
            One draft a recipient, in the same order. Sending a draft again is safe; drafting again
            makes new statements.

        Raises:
            AuthoringError: The document does not make such a statement.
            RequestError: There is no recipient, or one twice.
        """
        if not recipients or len(set(recipients)) != len(recipients):
            raise RequestError("name the recipients of the notice, each once")
        values = source.values if isinstance(source, Document) else source
        facts = {**values.get("facts", {}), "handle": "new"}
        drafts = []
        for recipient in recipients:
            table = {**values, "facts": facts, "recipients": [recipient]}
            separate: Source = (
                Document(values=table, folder=source.folder)
                if isinstance(source, Document)
                else table
            )
            drafts.append(self.draft("PreReleaseNotice", separate))
        return tuple(drafts)

    async def notify(
        self, source: Mapping[str, Any] | Document, recipients: Sequence[str]
    ) -> tuple[Submitted, ...]:
        """Announce a release (`PreReleaseNotice`); opens a case with each recipient.

        Where it breaks off between two recipients, those before have their notice: to be able to go
        on, use `draft_notices` and `submit` each.

        Args:
            source: The document, without recipients.
            recipients: Whom to notify; each gets a statement, a case and a handle of its own.

        Returns:
            What was recorded, in the same order.

        Raises:
            ForewarnError: As `draft_notices` and `submit`. All notices are drafted before the
                first is sent.
        """
        return tuple([await self.submit(item) for item in self.draft_notices(source, recipients)])

    async def amend_notice(self, case: bytes, source: Source) -> Submitted:
        """Change what a notice said (`NoticeAmendment`)."""
        return await self.say_in(case, "NoticeAmendment", source)

    async def withdraw_notice(self, case: bytes, source: Source) -> Submitted:
        """Withdraw a notice or cancel the release (`NoticeWithdrawal`)."""
        return await self.say_in(case, "NoticeWithdrawal", source)

    async def confirm_release(self, case: bytes, source: Source) -> Submitted:
        """Confirm that the release has happened (`ReleaseConfirmation`)."""
        return await self.say_in(case, "ReleaseConfirmation", source)

    async def request_coverage(self, notice: bytes, source: Source, agency: str = "") -> Submitted:
        """Ask an agency whether an announced model is covered (`CoverageRequest`); opens a case.

        Args:
            notice: Digest of the notice's case.
            source: The request; marking, reference and handle are the notice's where it does not
                state them.
            agency: Which agency is asked, where the notice went to several.

        Returns:
            What was recorded.

        Raises:
            ForewarnError: As `case`, `draft` and `submit`.
        """
        if isinstance(source, Draft):
            return await self.say("CoverageRequest", source)
        values = source.values if isinstance(source, Document) else source
        if agency:
            values = {"recipients": [agency], **values}
        made = cases.about_notice(await self.case(notice), values)
        if isinstance(source, Document):
            return await self.say("CoverageRequest", Document(values=made, folder=source.folder))
        return await self.say("CoverageRequest", made)

    async def request_reconsideration(self, case: bytes, source: Source) -> Submitted:
        """Ask the agency to look at its determination again (`ReconsiderationRequest`)."""
        return await self.say_in(case, "ReconsiderationRequest", source)

    async def offer_grant(self, source: Source, case: bytes = b"") -> Submitted:
        """Offer access to a model (`ModelAccessGrant`).

        Args:
            source: The offer.
            case: The application's case, or that of an earlier offer; empty to open one.

        Returns:
            What was recorded.

        Raises:
            ForewarnError: As `say` and `say_in`.
        """
        if case:
            return await self.say_in(case, "ModelAccessGrant", source)
        return await self.say("ModelAccessGrant", source)

    async def activate_grant(self, case: bytes, source: Source = NOTHING) -> Submitted:
        """Put an accepted grant in force (`GrantActivation`)."""
        return await self.say_in(case, "GrantActivation", source)

    async def suspend_grant(self, case: bytes, source: Source) -> Submitted:
        """Suspend an active grant (`GrantSuspension`)."""
        return await self.say_in(case, "GrantSuspension", source)

    async def resume_grant(self, case: bytes, source: Source = NOTHING) -> Submitted:
        """Resume a suspended grant (`GrantResumption`)."""
        return await self.say_in(case, "GrantResumption", source)

    async def narrow_grant(self, case: bytes, source: Source) -> Submitted:
        """Take away part of what was granted (`GrantNarrowing`)."""
        return await self.say_in(case, "GrantNarrowing", source)

    async def revoke_grant(self, case: bytes, source: Source) -> Submitted:
        """Revoke a grant (`GrantRevocation`)."""
        return await self.say_in(case, "GrantRevocation", source)

    async def withdraw_grant(self, case: bytes, source: Source = NOTHING) -> Submitted:
        """Withdraw an offer before the grant is in force (`GrantWithdrawal`)."""
        return await self.say_in(case, "GrantWithdrawal", source)
