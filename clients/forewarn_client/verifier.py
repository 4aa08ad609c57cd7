"""How a member convinces itself of an entry, step by step.

The steps, each of which needs the one before:

1. The checkpoint is signed by the pinned log key, and is one of the pinned origin.
2. The entry, blinded with its opening, is the leaf at its index of that checkpoint's tree.
3. The entry body is the one encoding of an entry, and holds a well-formed envelope.
4. Whoever the statement claims to come from was an active member at that index.
5. Every signature is by a key that was that member's at that index, and there are as many as have
   to be: the registrar's quorum, two of a lab where a grant asks for it, else one.
6. The statement is canonical and keeps the rules of its message types.
7. It was made for this exchange, and handed in by a system that was the sender's at that index.

What comes out is a `VerifiedRecord`; what fails raises `VerificationError`, and nothing of it is
handed on. The genesis entry differs in one point: what vouches for it is its pinned digest.

It compares no checkpoints with each other: `history` does, with those that this member verified. A
ledger shown differently to others goes unnoticed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from google.protobuf.message import DecodeError

from forewarn.exchange.v1 import ledger_pb2
from forewarn.statement.v1 import header_pb2
from forewarn_client import commitment, dsse, kinds, merkle, note, strict, times
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.join import Exchange
from forewarn_client.records import Evidence, VerifiedRecord

_GENESIS: Final = "Genesis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What a member could do at one index of the ledger.

    Attributes:
        keys: Keys that it signed with, by their ids.
        quorum: How many of them have to sign.
        systems: SPIFFE IDs of the systems that called for it.
    """

    keys: Mapping[str, dsse.PublicKey]
    quorum: int
    systems: frozenset[str]


class Authorities(Protocol):
    """Whoever knows the members: the verified directory."""

    def authority(self, member: str, index: int) -> Authority:
        """Tell what a member could do just before an index.

        Args:
            member: Id of the member.
            index: Index of an entry.

        Returns:
            Its authority.

        Raises:
            VerificationError: SENDER_UNKNOWN, SENDER_INACTIVE or DIRECTORY_STALE.
        """
        ...


class Verifier:
    """Verifies entries of one exchange.

    Attributes:
        exchange: The exchange, as pinned.
    """

    def __init__(self, exchange: Exchange) -> None:
        """Take the pins."""
        self.exchange = exchange
        self._log_keys = (exchange.log_verifier,)
        # The entries of a page share one checkpoint: its signature is verified once.
        self._last: tuple[bytes, note.Checkpoint] | None = None

    def checkpoint(self, data: bytes) -> note.Checkpoint:
        """Verify a checkpoint (step 1).

        Args:
            data: The signed note.

        Returns:
            The checkpoint.

        Raises:
            VerificationError: It is not one of this exchange.
        """
        if self._last is None or self._last[0] != data:
            opened = note.open_checkpoint(data, self._log_keys, self.exchange.origin)
            self._last = (data, opened)
        return self._last[1]

    def verify(self, evidence: Evidence, directory: Authorities) -> VerifiedRecord:
        """Verify an entry.

        Args:
            evidence: The entry.
            directory: The directory, known up to the entry's index.

        Returns:
            The verified record.

        Raises:
            VerificationError: The first step that fails.
        """
        self.included(evidence)
        return self.said(evidence, directory)

    def said(self, evidence: Evidence, directory: Authorities) -> VerifiedRecord:
        """Verify who said what an entry holds that the ledger is known to hold (steps 3 to 7).

        Args:
            evidence: The entry; `included` has verified it.
            directory: The directory, known up to the entry's index.

        Returns:
            The verified record.

        Raises:
            VerificationError: The first step that fails.
        """
        entry, envelope = _opened(evidence)
        sender = _claimed_sender(envelope.payload)
        authority = directory.authority(sender, evidence.index)
        return self._attributed(evidence, entry, envelope, authority)

    def verify_genesis(self, evidence: Evidence) -> VerifiedRecord:
        """Verify the entry that the ledger begins with.

        Args:
            evidence: The entry.

        Returns:
            The verified record.

        Raises:
            VerificationError: GENESIS_FOREIGN where it is not the pinned one; else as `verify`.
        """
        entry, envelope = self.recorded(evidence)
        if evidence.index != 0 or envelope.digest != self.exchange.genesis_digest:
            raise _foreign("it is not the statement whose digest is pinned")
        statement = _parse(envelope.payload)
        facts = statement.header.genesis
        if statement.kind.name != _GENESIS or facts.registrar != statement.header.sender:
            raise _foreign("it is not a genesis statement of its own registrar")
        if facts.trust_domain != self.exchange.trust_domain:
            raise _foreign("it names another trust domain than the pinned one")
        authority = Authority(
            keys=load_keys(key.spki for key in facts.keys),
            quorum=facts.quorum,
            systems=frozenset({""}),
        )
        return self._attributed(evidence, entry, envelope, authority)

    def recorded(self, evidence: Evidence) -> tuple[ledger_pb2.EntryBody, dsse.Envelope]:
        """Verify that the ledger holds the entry, and open it (steps 1 to 3).

        Args:
            evidence: The entry.

        Returns:
            The entry and its envelope, whose signatures are not verified.

        Raises:
            VerificationError: The first step that fails.
        """
        self.included(evidence)
        return _opened(evidence)

    def included(self, evidence: Evidence) -> None:
        """Verify that the ledger holds the bytes of an entry, whatever they are (steps 1 and 2).

        Args:
            evidence: The entry.

        Raises:
            VerificationError: The first step that fails.
        """
        checkpoint = self.checkpoint(evidence.checkpoint)
        leaf = commitment.entry_leaf_hash(evidence.entry_body, evidence.salt)
        merkle.verify_inclusion(
            leaf, evidence.index, checkpoint.size, evidence.inclusion_proof, checkpoint.root
        )

    def _attributed(
        self,
        evidence: Evidence,
        entry: ledger_pb2.EntryBody,
        envelope: dsse.Envelope,
        authority: Authority,
    ) -> VerifiedRecord:
        """Verify that the sender said it, here and in this form (steps 5 to 7)."""
        signed_by = envelope.verify(authority.keys)
        statement = _parse(envelope.payload)
        header = statement.header
        needed = max(authority.quorum, signatures_asked(header))
        if len(signed_by) < needed:
            raise VerificationError(
                Flaw.SIGNATURES_INSUFFICIENT, f"{len(signed_by)} of {needed} keys signed"
            )
        if header.exchange != self.exchange.origin:
            raise VerificationError(
                Flaw.EXCHANGE_FOREIGN, f"the statement was not made for {self.exchange.origin}"
            )
        if entry.submitting_system not in authority.systems:
            raise VerificationError(
                Flaw.SYSTEM_FOREIGN,
                f"it was handed in by a system that was not one of {header.sender}'s",
            )
        audience = tuple(entry.audience)
        if list(audience) != sorted({*audience} - {header.sender}):
            raise _malformed_entry("its audience is not in order")
        return VerifiedRecord(
            index=evidence.index,
            digest=envelope.digest,
            sender=header.sender,
            kind=statement.kind.name,
            header=header,
            body=statement.body,
            envelope=entry.envelope,
            signed_by=signed_by,
            submitting_system=entry.submitting_system,
            received_time=times.from_timestamp(entry.received_time),
            audience=audience,
            profile_version=entry.profile_version,
            case_state=entry.case_state,
            evidence=evidence,
        )


def signatures_asked(header: header_pb2.Header) -> int:
    """Tell how many different keys the terms of a grant ask for.

    Args:
        header: Header of any statement.

    Returns:
        The number that an offer or a narrowing states; 0 for other statements.
    """
    terms = header.grant_narrowing.grant
    return max(header.model_access_grant.lab_signatures, terms.lab_signatures)


def load_keys(spkis: Iterable[bytes]) -> dict[str, dsse.PublicKey]:
    """Load keys that a directory statement names.

    Args:
        spkis: SubjectPublicKeyInfo of each, DER.

    Returns:
        The keys by their ids.

    Raises:
        VerificationError: KEY_ALGORITHM_UNSUPPORTED.
    """
    keys = [dsse.PublicKey.load(spki) for spki in spkis]
    return {key.keyid: key for key in keys}


def parse_entry(data: bytes) -> ledger_pb2.EntryBody:
    """Parse an entry body (step 3).

    Args:
        data: A serialized `EntryBody`.

    Returns:
        The entry; its envelope is not looked into.

    Raises:
        VerificationError: ENTRY_MALFORMED, it is not the one encoding of one.
    """
    try:
        entry = strict.parse_canonical(ledger_pb2.EntryBody, data)
    except strict.StrictError as error:
        raise _malformed_entry(error.description) from None
    if not entry.HasField("received_time") or any(strict.violations(entry.received_time)):
        raise _malformed_entry("it does not say when it was received")
    return entry


def _opened(evidence: Evidence) -> tuple[ledger_pb2.EntryBody, dsse.Envelope]:
    entry = parse_entry(evidence.entry_body)
    return entry, dsse.Envelope.parse(entry.envelope)


def _claimed_sender(payload: bytes) -> str:
    """Read whose keys to try. Nothing else is read before the signatures hold."""
    try:
        statement = header_pb2.Statement.FromString(payload)
        return header_pb2.Header.FromString(statement.header).sender
    except DecodeError:
        raise VerificationError(
            Flaw.STATEMENT_MALFORMED, "the payload does not parse as a statement"
        ) from None


def _parse(payload: bytes) -> kinds.Parsed:
    try:
        return kinds.parse_statement(payload)
    except strict.StrictError as error:
        raise VerificationError(Flaw.STATEMENT_MALFORMED, str(error), error.reason) from None


def _malformed_entry(detail: str) -> VerificationError:
    return VerificationError(Flaw.ENTRY_MALFORMED, f"the entry is not well formed: {detail}")


def _foreign(detail: str) -> VerificationError:
    return VerificationError(
        Flaw.GENESIS_FOREIGN,
        f"the ledger begins with another statement than the one you pinned: {detail}; compare your "
        "join file with whoever runs the exchange, by another channel",
    )
