"""The lease: which node has the turn to sign, among those that can.

* It stands in one place that all nodes read and write by compare-and-set. Its holder writes it anew
  every third of the lease.
* Who waits takes it only after it has seen the same revision unchanged for the whole lease, by its
  own monotonic clock. No two clocks are ever compared.
* A holder that has not been able to write for two thirds of the lease stops signing, counted from
  before its last write that was confirmed: before anybody else can begin.
* Whoever lets go says so, and the next takes it at once. Who let go waits as long as for a holder
  that has fallen silent, so that another comes first.
* With the lease stands the newest note of each log that the holder signed. Whoever takes it over
  compares that note too.

What the lease cannot do: stop a holder that was suspended between its look at the clock and its
signature. Signing twice is harmless while the stream is one: fold and signature give the same bytes
on every node.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.errors import Fault
from gateway.ledger.claim import Claim, Hold
from gateway.ports.nodes import LeasePlace, Standing

_log: Final = logging.getLogger(__name__)

_RENEWALS: Final = 3
_LOOKS: Final = 6
_AGAIN: Final = 15
_LONGEST_PAUSE: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A node as the lease sees it.

    Attributes:
        node: Its name, for people and for nominations.
        token: Random, of this run of the node alone.
        fit: Whether it could sign just now.
        notes: Gives the newest note that it knows, by its log's stream.
        heard: Told the notes that stand with the lease.
    """

    node: str
    token: str
    fit: Callable[[], bool]
    notes: Callable[[], Mapping[str, bytes]]
    heard: Callable[[Mapping[str, bytes]], None]


class Lease:
    """One node's side of the lease."""

    def __init__(
        self,
        place: LeasePlace,
        candidate: Candidate,
        *,
        seconds: float,
        clock: Callable[[], float],
        written: Callable[[], str],
    ) -> None:
        """Begin without it.

        Args:
            place: Where it stands.
            candidate: This node.
            seconds: How long it lasts unless it is renewed.
            clock: A monotonic clock, seconds.
            written: Gives the present as text, for people only.
        """
        self._place = place
        self._me = candidate
        self._seconds = seconds
        self._clock = clock
        self._written = written
        self._revision = 0  # of this node's own claim; 0 while it has none
        self._until = float("-inf")
        self._term = 0
        self._gained = asyncio.Event()
        self._watched: tuple[int, float] = (-1, 0.0)
        self._unfit_since: float | None = None
        # What is under way is over before it is let go: nothing takes it back afterwards.
        self._turning = asyncio.Lock()

    def lasts(self, term: int) -> bool:
        """Tell whether this node may sign in a term. Safe from any thread."""
        return term == self._term and self._clock() < self._until

    @property
    def held(self) -> bool:
        """Whether this node may sign just now, as far as the lease goes."""
        return self._clock() < self._until

    async def gained(self, after: int) -> int:
        """Wait until this node has taken the lease once more.

        Args:
            after: The last term known; 0 at first.

        Returns:
            The new term.
        """
        while self._term <= after:
            self._gained.clear()
            await self._gained.wait()
        return self._term

    async def run(self) -> None:
        """Renew it, or wait for it, until cancelled."""
        while True:
            try:
                await self.step()
                parts = _RENEWALS if self._revision else _LOOKS
            except Fault as fault:
                _log.debug("the lease was not reached: %s", fault.detail)
                parts = _AGAIN
            await asyncio.sleep(min(self._seconds / parts, _LONGEST_PAUSE))

    async def step(self) -> None:
        """Do what is due now.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the place does not answer. What was held lapses by itself.
        """
        async with self._turning:
            if self._revision and self._fit_to_hold():
                await self._renew()
            elif self._revision:
                _log.warning(
                    "this node cannot sign for now: it lets go of the lease",
                    extra={"event": "lease_let_go"},
                )
                await self._say_let_go()
            else:
                await self._wait_for_it()

    async def let_go(self) -> None:
        """Stop signing, and say so, where this node holds the lease.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the place does not answer; the lease then lapses.
        """
        self._until = float("-inf")
        async with self._turning:
            await self._say_let_go()

    async def _say_let_go(self) -> None:
        # Not signing comes before saying so.
        self._until = float("-inf")
        revision, self._revision = self._revision, 0
        if revision:
            await self._place.write(self._claim(Hold.LET_GO).encode(), revision=revision)
            _log.info("the lease was let go", extra={"event": "lease_let_go"})

    def _fit_to_hold(self) -> bool:
        """Whether to keep it: a short trouble, which others may share, costs nobody the turn."""
        now = self._clock()
        if self._me.fit():
            self._unfit_since = None
        elif self._unfit_since is None:
            self._unfit_since = now
        return self._unfit_since is None or now - self._unfit_since < self._seconds

    async def _renew(self) -> None:
        began = self._clock()
        written = await self._place.write(self._claim(Hold.HELD).encode(), revision=self._revision)
        if written is not None:
            self._hold(written, began)
            return
        standing = await self._place.read()
        claim = self._read(standing)
        if standing is None or claim is None or claim.token != self._me.token:
            _log.warning("another node has taken the lease", extra={"event": "lease_lost"})
            self._until, self._revision = float("-inf"), 0
        elif claim.hold is Hold.ASKED:
            # Somebody asked by hand for it to be let go.
            self._revision = standing.revision
            await self._say_let_go()
        else:
            # This node's own write, whose answer was lost.
            self._revision = standing.revision

    async def _wait_for_it(self) -> None:
        standing = await self._place.read()
        claim = self._read(standing)
        if claim is not None:
            self._me.heard(claim.notes)
        if not self._me.fit() or not self._is_free(standing, claim):
            return
        began = self._clock()
        revision = standing.revision if standing else 0
        written = await self._place.write(self._claim(Hold.HELD).encode(), revision=revision)
        if written is not None:
            self._term += 1
            self._unfit_since = None
            self._hold(written, began)
            self._gained.set()
            _log.info("this node has the lease: it signs", extra={"event": "lease_taken"})

    def _is_free(self, standing: Standing | None, claim: Claim | None) -> bool:
        """Tell whether the lease may be taken; remembers what it saw, and since when."""
        now = self._clock()
        if standing is None:
            return True
        if standing.revision != self._watched[0]:
            self._watched = (standing.revision, now)
        if claim is not None and claim.hold is Hold.HELD and claim.token == self._me.token:
            return True  # this node's own write, whose answer was lost
        if claim is not None and claim.hold is Hold.LET_GO:
            if claim.nominee == self._me.node:
                return True
            if not claim.nominee and claim.token != self._me.token:
                return True
        lasts = max(self._seconds, claim.seconds if claim else 0.0)
        return now - self._watched[1] >= lasts

    def _hold(self, revision: int, began: float) -> None:
        self._revision = revision
        self._until = began + self._seconds * (_RENEWALS - 1) / _RENEWALS

    def _claim(self, hold: Hold) -> Claim:
        return Claim(
            hold=hold,
            node=self._me.node,
            token=self._me.token,
            seconds=self._seconds,
            nominee="",
            written=self._written(),
            notes=self._me.notes(),
        )

    @staticmethod
    def _read(standing: Standing | None) -> Claim | None:
        return Claim.decode(standing.value) if standing is not None else None


def asked(claim: Claim) -> Claim:
    """Ask a holder to let go; it does when it next renews."""
    return replace(claim, hold=Hold.ASKED)


def nominated(claim: Claim, node: str) -> Claim:
    """Name the node that takes a lease which was let go."""
    return replace(claim, nominee=node)
