"""Members without asyncio: `Lab`, `Agency`, `Operator` and `Registrar`, each call waited for.

* One row a method: its name here, and the asynchronous method that it is. Parameters, results,
  errors and documentation are that method's own.
* What yields as things come gives an `Incoming`: an iterator, with a `next` that takes a timeout.
* A connection is open within `with`, may be used by any number of threads at once, and ends
  whatever is under way when it is closed.
* Ctrl-C cancels the call that is waited for; the same draft may be handed in again.
* Callbacks (`tell`, `opened`) run in the library's own thread, and make no blocking calls.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self, TypeVar
from weakref import WeakSet

from forewarn_client import agency, bulk, grantee, lab, operator, registrar, reporting
from forewarn_client import member as asynchronous
from forewarn_client.authoring import Draft
from forewarn_client.blocking.backstage import Backstage, Errand, Work
from forewarn_client.blocking.waiting import Handing, Incoming, arrives, stays, waits
from forewarn_client.bulk import Handed
from forewarn_client.errors import RequestError
from forewarn_client.home import Home
from forewarn_client.member import Source
from forewarn_client.outcomes import Submitted
from forewarn_client.patience import Patience, in_silence
from forewarn_client.signing import Signer

_R = TypeVar("_R")

_BACKSTAGE: Final = Backstage()


class Member:
    """A member of an exchange; see the asynchronous `Member`."""

    made_of: ClassVar[type[asynchronous.Member]] = asynchronous.Member

    def __init__(self, inner: asynchronous.Member) -> None:
        """Wrap an asynchronous member that is not open; `connect` makes one."""
        self._inner = inner
        self._open = False
        self._errands: WeakSet[Errand[Any]] = WeakSet()
        self._incoming: WeakSet[Incoming[Any]] = WeakSet()

    @classmethod
    def connect(
        cls,
        home: Home | Path | str,
        *,
        signers: Sequence[Signer] | None = None,
        patience: Patience | None = None,
        tell: Callable[[str], None] = in_silence,
    ) -> Self:
        """Prepare a connection; `with` opens it.

        Args:
            home: The member's folder.
            signers: Keys that sign its statements; those of the folder where None.
            patience: How long calls may take; 60 s for a call where None.
            tell: Is told in a sentence when the exchange does not answer for two seconds, when it
                answers again, and when it recorded in the directory what does not fit there;
                nobody where not given.

        Returns:
            The member, to be used in `with`.

        Raises:
            HomeError: The folder or a key is not fit for use, or is another kind of member's.
        """
        return cls(cls.made_of.connect(home, signers=signers, patience=patience, tell=tell))

    def __enter__(self) -> Self:
        """Open the connection."""
        _BACKSTAGE.enter()
        try:
            _BACKSTAGE.send(self._inner.__aenter__).wait()
        except BaseException:
            _BACKSTAGE.leave()
            raise
        self._open = True
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close it, and end what is under way in other threads."""
        try:
            for incoming in tuple(self._incoming):
                incoming.close()
            self._open = False
            for errand in tuple(self._errands):
                errand.cancel()
            _BACKSTAGE.send(lambda: self._inner.__aexit__(None, None, None)).wait()
        finally:
            self._open = False
            _BACKSTAGE.leave()

    @property
    def inner(self) -> asynchronous.Member:
        """The asynchronous member, which this one waits for."""
        return self._inner

    @property
    def home(self) -> Home:
        """The member's folder."""
        return self._inner.home

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Keys that sign its statements."""
        return self._inner.signers

    @property
    def patience(self) -> Patience:
        """How long calls may take."""
        return self._inner.patience

    @property
    def verified_size(self) -> int:
        """Size of the ledger as far as it was verified; 0 before the first contact ever."""
        return self._inner.verified_size

    def send(self, work: Work[_R]) -> Errand[_R]:
        """Have work done for this connection; what is offered below does so by itself."""
        if not self._open:
            raise RequestError("not connected: use `with`")
        errand = _BACKSTAGE.send(work)
        self._errands.add(errand)
        return errand

    def keep(self, incoming: Incoming[Any]) -> None:
        """Close this with the connection; what is offered below does so by itself."""
        self._incoming.add(incoming)

    def submit_many(
        self, drafts: Iterable[Draft], *, at_once: int = bulk.AT_ONCE
    ) -> Incoming[Handed]:
        """Hand in many statements over one stream; see the asynchronous method.

        The drafts are taken in the thread that asks for what became of them.
        """
        return Handing(
            self, lambda given: self._inner.submit_many(given, at_once=at_once), drafts, at_once
        )

    def draft(self, kind: str, source: Source, **extra: Any) -> Draft:  # noqa: ANN401 - documents
        """Make a statement without sending it; see the asynchronous method."""
        return self._inner.draft(kind, source, **extra)

    def say(self, kind: str, source: Source, **extra: Any) -> Submitted:  # noqa: ANN401 - documents
        """Make a statement and hand it in; see the asynchronous method."""
        return self.send(lambda: self._inner.say(kind, source, **extra)).wait()

    witnesses = stays(asynchronous.Member.witnesses)

    entry = waits(asynchronous.Member.entry)
    list_entries = waits(asynchronous.Member.list_entries)
    case = waits(asynchronous.Member.case)
    directory = waits(asynchronous.Member.directory)
    checkpoint = waits(asynchronous.Member.checkpoint)

    pull = arrives(asynchronous.Member.pull)
    follow = arrives(asynchronous.Member.follow)
    cases = arrives(asynchronous.Member.cases)
    audit_events = arrives(asynchronous.Member.audit_events)

    audit_event = waits(asynchronous.Member.audit_event)

    inbox = arrives(asynchronous.Member.inbox)
    confirm_inbox = waits(asynchronous.Member.confirm_inbox)
    confirm_inbox_anew = waits(asynchronous.Member.confirm_inbox_anew)
    deliveries = waits(asynchronous.Member.deliveries)

    evidence = waits(asynchronous.Member.evidence)

    submit = waits(asynchronous.Member.submit)
    say_in = waits(asynchronous.Member.say_in)
    acknowledge = waits(asynchronous.Member.acknowledge)
    ask = waits(asynchronous.Member.ask)
    answer = waits(asynchronous.Member.answer)
    decline = waits(asynchronous.Member.decline)
    give_feedback = waits(asynchronous.Member.give_feedback)
    cosign_grant = waits(asynchronous.Member.cosign_grant)
    participate = waits(asynchronous.Member.participate)
    revoke_key = waits(asynchronous.Member.revoke_key)
    suspend_system = waits(asynchronous.Member.suspend_system)


class Reporting(Member):
    """A member that may report breaches."""

    made_of = reporting.Reporting

    report_breach = waits(reporting.Reporting.report_breach)
    supplement_report = waits(reporting.Reporting.supplement_report)


class Grantee(Member):
    """A member that may be granted access to models."""

    made_of = grantee.Grantee

    apply_for_access = waits(grantee.Grantee.apply_for_access)
    accept_grant = waits(grantee.Grantee.accept_grant)
    suspend_grant = waits(grantee.Grantee.suspend_grant)
    complete_grant = waits(grantee.Grantee.complete_grant)
    withdraw_grant = waits(grantee.Grantee.withdraw_grant)
    attest_destruction = waits(grantee.Grantee.attest_destruction)


class Lab(Reporting):
    """A lab: notifier, grantor, reporter."""

    made_of = lab.Lab

    draft_notices = stays(lab.Lab.draft_notices)

    notify = waits(lab.Lab.notify)
    amend_notice = waits(lab.Lab.amend_notice)
    withdraw_notice = waits(lab.Lab.withdraw_notice)
    confirm_release = waits(lab.Lab.confirm_release)
    request_coverage = waits(lab.Lab.request_coverage)
    request_reconsideration = waits(lab.Lab.request_reconsideration)
    offer_grant = waits(lab.Lab.offer_grant)
    activate_grant = waits(lab.Lab.activate_grant)
    suspend_grant = waits(lab.Lab.suspend_grant)
    resume_grant = waits(lab.Lab.resume_grant)
    narrow_grant = waits(lab.Lab.narrow_grant)
    revoke_grant = waits(lab.Lab.revoke_grant)
    withdraw_grant = waits(lab.Lab.withdraw_grant)


class Agency(Grantee, Reporting):
    """An agency: reviewer, grantee, alerter."""

    made_of = agency.Agency

    report_progress = waits(agency.Agency.report_progress)
    determine_coverage = waits(agency.Agency.determine_coverage)
    triage = waits(agency.Agency.triage)
    close_case = waits(agency.Agency.close_case)
    alert = waits(agency.Agency.alert)
    update_alert = waits(agency.Agency.update_alert)
    cancel_alert = waits(agency.Agency.cancel_alert)
    sight = waits(agency.Agency.sight)


class Operator(Grantee, Reporting):
    """An owner or operator of critical infrastructure: grantee, reporter, recipient of alerts."""

    made_of = operator.Operator

    sight = waits(operator.Operator.sight)


class Registrar(Member):
    """The registrar, whose quorum signs."""

    made_of = registrar.Registrar

    enrol = waits(registrar.Registrar.enrol)
    update_member = waits(registrar.Registrar.update_member)
    register_key = waits(registrar.Registrar.register_key)
    register_system = waits(registrar.Registrar.register_system)
    suspend_member = waits(registrar.Registrar.suspend_member)
    reinstate_member = waits(registrar.Registrar.reinstate_member)
    record_succession = waits(registrar.Registrar.record_succession)
    record_departure = waits(registrar.Registrar.record_departure)
    replace_keys = waits(registrar.Registrar.replace_keys)
