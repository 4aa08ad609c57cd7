"""How long an answer is waited for, and when a call is made again.

* What is made again is idempotent; pauses grow, with jitter, or are those that the exchange asks
  for, until the budget of time is used up.
* Who waits is told: once an answer has been missing for two seconds, and when it came after all.
* A connection that never came about and looks like a refused handshake is given up after three
  attempts: waiting does not mend a certificate.
* An exchange that shows less than was verified, for long, is asked whether it was rolled back.

What is attempted is the caller's affair.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import grpc
import grpc.aio
import stamina

from forewarn_client import answers, contact
from forewarn_client.contact import Past
from forewarn_client.errors import RefusedError, UnavailableError

_Response = TypeVar("_Response")

_HANDSHAKE_ATTEMPTS: Final = 3
_SILENCE: Final = 2.0
_SHORTEST_PAUSE: Final = 0.05

# Retries are reported to whoever listens to the logger `stamina`, and to nobody else.
logging.getLogger("stamina").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long calls may take.

    Attributes:
        budget: Seconds for a unary call, all attempts and pauses included.
        attempt: Seconds for one attempt.
        reconnect: Seconds for which a stream tries to come back once it broke.
        behind: Seconds for which an exchange may be unable to show as much as was verified, before
            it is asked whether it was rolled back.
    """

    budget: float = 60.0
    attempt: float = 20.0
    reconnect: float = 3600.0
    behind: float = 20.0


class NotOpenedError(Exception):
    """A stream ended before its first message, or had none in time; the text says which."""


def in_silence(_sentence: str) -> None:
    """Tell nobody."""


class Attempts:
    """Attempts over one connection, and what they have met so far."""

    def __init__(
        self,
        address: str,
        patience: Patience,
        tell: Callable[[str], None],
        renew: Callable[[], None],
    ) -> None:
        """Begin without a past.

        Args:
            address: Host and port of the exchange, for people.
            patience: How long things may take.
            tell: Is told in a sentence when no answer comes, and when one does again.
            renew: Is called before each attempt that follows a failed one.
        """
        self._address = address
        self._patience = patience
        self._tell = tell
        self._renew = renew
        self._ever_answered = False
        self._handshakes = 0
        self._told = False

    async def persist(
        self,
        attempt: Callable[[], Awaitable[_Response]],
        budget: float,
        past: Past | None = None,
    ) -> _Response:
        """Attempt something until it is answered.

        Args:
            attempt: One attempt.
            budget: Seconds for all of them, pauses included.
            past: Who asks whether an exchange that shows too little was rolled back.

        Returns:
            What the first attempt gave that was answered.

        Raises:
            RefusedError: The exchange refused.
            UnavailableError: No answer that decides came within the budget.
            VerificationError: The exchange was rolled back.
        """
        behind_since: float | None = None

        async def persisting() -> _Response:
            nonlocal behind_since
            try:
                return await attempt()
            except grpc.aio.AioRpcError as error:
                if past is None or not past.size or not contact.is_behind(error):
                    behind_since = None
                    raise
                now = time.monotonic()
                behind_since = behind_since or now
                if now - behind_since >= self._patience.behind:
                    # Waiting does not bring back what is gone.
                    with suppress(RefusedError, UnavailableError):
                        await past.question()
                    behind_since = None
                raise

        try:
            pause = partial(self._pause, time.monotonic() + budget)
            with self.told_of_silence(budget):
                async for trial in stamina.retry_context(
                    on=pause, attempts=None, timeout=budget, wait_initial=0.1, wait_max=5.0
                ):
                    with trial:
                        if trial.num > 1:
                            self._renew()
                        response = await persisting()
                        self.answered()
                        return response
        except grpc.aio.AioRpcError as error:
            raise answers.explain(error) from None
        except NotOpenedError as error:
            raise UnavailableError("UNAVAILABLE", f"{error}; try again later") from None
        raise AssertionError("a retry ends with an answer or an error")

    @contextmanager
    def told_of_silence(self, budget: float) -> Iterator[None]:
        """Say that no answer comes, once it has been missing for a while; for so long at most."""
        until = datetime.now().astimezone() + timedelta(seconds=budget)

        def tell() -> None:
            # Several calls may wait for the same exchange: one sentence does for all.
            if not self._told:
                self._told = True
                self._tell(
                    f"No answer from {self._address} yet; trying until {until:%H:%M:%S} "
                    f"({budget:g} s in all)."
                )

        timer = asyncio.get_running_loop().call_later(_SILENCE, tell) if budget > _SILENCE else None
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()

    def answered(self) -> None:
        """Take note that the exchange answers, and say so where its silence was told."""
        self._ever_answered = True
        if self._told:
            self._told = False
            self._tell(f"{self._address} answers.")

    def _pause(self, end: float, error: Exception) -> bool | float:
        """Tell whether to try again, and after how many seconds where the exchange says so."""
        if isinstance(error, NotOpenedError):
            return True
        if not isinstance(error, grpc.aio.AioRpcError) or not answers.is_transient(error):
            return False
        if answers.looks_like_handshake(error) and not self._ever_answered:
            self._handshakes += 1
            if self._handshakes >= _HANDSHAKE_ATTEMPTS:
                return False
        after = answers.parse(error).retry_after
        if after is None:
            return True
        # Asked to wait for longer than the budget lasts, or not at all, nobody is served by it.
        return time.monotonic() + after < end and max(after, _SHORTEST_PAUSE)
