"""Who calls: from the certificate that TLS verified to a member that may take part.

* The name comes from the certificate alone, the standing from the directory as the ledger has it.
* A certificate is asked for its end at every call: TLS does so only where a connection is new.
* The directory is asked again as soon as the ledger has grown: a suspension that was answered is in
  force for the very next call.

It does not say what the member may call: `policy` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from gateway.admission.batches import Batches
from gateway.admission.directories import Directories
from gateway.core.directory import Directory
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, SystemId, peer_system, valid_until
from gateway.core.members import Member
from gateway.edge.turnstile import Place
from gateway.ports.reading import LedgerHead

_CERTIFICATE: Final = "x509_pem_cert"
_KNOWN_CERTIFICATES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose call this is, and when it came.

    Attributes:
        system: The system that calls.
        member: The member for which it calls.
        received_time: When the call was received, UTC.
        place: What the call takes up.
    """

    system: SystemId
    member: Member
    received_time: datetime
    place: Place

    @property
    def id(self) -> MemberId:
        """The member's id."""
        return self.member.id


class Callers:
    """Tells who calls."""

    def __init__(self, *, trust_domain: str, directories: Directories, head: LedgerHead) -> None:
        """Keep what names and standings are read from.

        Args:
            trust_domain: The exchange's own.
            directories: The directory at any moment.
            head: How far the ledger has grown.
        """
        self._trust_domain = trust_domain
        self._directories = directories
        self._head = head
        self._at_hand: Directory | None = None
        # Calls that come while it is read wait for the next reading together.
        self._readings = Batches(self._reading)
        # Pure: a certificate always names the same system. TLS has judged its chain.
        self._named = lru_cache(_KNOWN_CERTIFICATES)(peer_system)
        self._ends = lru_cache(_KNOWN_CERTIFICATES)(valid_until)

    def system(self, auth_context: Mapping[str, Iterable[bytes]], now: datetime) -> SystemId:
        """Name the system at the other end of a connection.

        Args:
            auth_context: What gRPC knows of the peer.
            now: When it calls, UTC.

        Returns:
            The system.

        Raises:
            Refusal: An identity reason; SPIFFE_ID_MISSING where there is no certificate at all,
                CERTIFICATE_EXPIRED where it is valid no more.
        """
        certificates = tuple(auth_context.get(_CERTIFICATE) or ())
        if not certificates:
            raise Refusal(
                Reason.SPIFFE_ID_MISSING, "the connection has no client certificate; present one"
            )
        system = self._named(certificates[0], self._trust_domain)
        if self._ends(certificates[0]) < now:
            raise Refusal(
                Reason.CERTIFICATE_EXPIRED, "the connection's certificate has expired; renew it"
            )
        return system

    async def member(self, system: SystemId) -> Member:
        """Give the member for which a system may call at present.

        Args:
            system: The system.

        Returns:
            The member.

        Raises:
            Refusal: MEMBER_UNKNOWN, MEMBER_INACTIVE, SYSTEM_UNKNOWN or SYSTEM_SUSPENDED.
            Fault: The directory cannot be read.
        """
        return (await self.directory()).authenticate(system)

    async def directory(self) -> Directory:
        """Give the directory as the newest signed checkpoint has it, or a later one.

        Raises:
            Fault: It cannot be read.
        """
        size = self._head.size
        while self._at_hand is None or self._at_hand.size < size:
            self._at_hand = await self._readings.do(None)
        return self._at_hand

    @contextmanager
    def _reading(self) -> Iterator[Callable[[None], Directory]]:
        directory = self._directories.now()
        yield lambda _: directory
