"""Entry 0: the one statement that is admitted without a directory, because it begins it.

* Signed by the quorum that it names itself; members pin its digest, so nobody has to believe it.
* It can only be the first entry that touches the directory: the fold takes a second one for stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.admission import keys
from gateway.admission.judge import check_open_to_all
from gateway.core import envelope as dsse
from gateway.core.enrolment import GenesisFacts
from gateway.core.errors import Reason, Refusal, invalid
from gateway.core.fold import Entry
from gateway.core.statements import Header
from gateway.wire import entries, statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """A verified genesis statement.

    Attributes:
        envelope: The envelope's bytes, as given.
        header: Its header.
        digest: Its digest, which members pin.
        origin: Origin of the ledger that it begins.
        trust_domain: SPIFFE trust domain of every system.
    """

    envelope: bytes
    header: Header
    digest: bytes
    origin: str
    trust_domain: str


def open_genesis(envelope: bytes) -> Genesis:
    """Verify a genesis statement against the keys and the quorum that it names.

    Args:
        envelope: A serialized envelope.

    Returns:
        The genesis.

    Raises:
        Refusal: It is malformed, of another kind, or not signed by its own quorum.
    """
    parsed = entries.parse_envelope(envelope)
    # The one statement that is parsed before it is verified: its keys stand in itself.
    header = statements.parse(parsed.payload).header
    facts = header.facts
    if not isinstance(facts, GenesisFacts):
        raise Refusal(Reason.FIELD_INVALID, "the statement is not a Genesis")
    quorum = facts.quorum
    verified = dsse.verify(parsed, {key.keyid: key for key in quorum.keys})
    if len(verified) < quorum.threshold:
        raise Refusal(
            Reason.SIGNATURES_INSUFFICIENT, "the genesis needs signatures of more of its keys"
        )
    if header.sender != facts.registrar:
        raise invalid("header.sender", "is not the registrar", Reason.SENDER_MISMATCH)
    if any(system.trust_domain != facts.trust_domain for system in facts.systems):
        raise invalid("header.facts.systems", "belong to another trust domain")
    check_open_to_all(header)
    return Genesis(
        envelope=envelope,
        header=header,
        digest=dsse.digest(parsed.payload),
        origin=header.exchange,
        trust_domain=facts.trust_domain,
    )


def genesis_entry(genesis: Genesis, *, received_time: datetime, salt: bytes) -> Entry:
    """Build entry 0.

    Args:
        genesis: The verified genesis.
        received_time: When the ledger was initialised, UTC.
        salt: 32 random bytes.

    Returns:
        The entry; accepted only where nothing has touched the directory yet.
    """
    body = entries.Body(
        envelope=genesis.envelope,
        submitting_system="",
        received_time=received_time,
        audience=(),
        profile_version="",
        case_state="",
    )
    touched = (
        keys.DIRECTORY,
        keys.member(genesis.header.sender),
        keys.statement(genesis.header),
    )
    return Entry(body=entries.encode(body), salt=salt, judged_at=0, reads=touched, writes=touched)
