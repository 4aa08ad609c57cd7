"""What a worker takes for the head of a log that witnesses stand behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from forewarn_witness.cosigning import Cosigner
from gateway.core.checkpoint import NoteVerifier, parse_note
from gateway.core.witness_policy import WitnessPolicy
from gateway.ledger.head import Head
from gateway.ports.blocks import Announcement
from tests.witness.logs import PaperLog

NOW = 1_790_000_000
W = [Cosigner(name=f"w{n}.example", key=Ed25519PrivateKey.generate()) for n in range(3)]
POLICY = "".join(f"witness w{n} {each.verifier}\n" for n, each in enumerate(W)) + (
    "group two 2 w0 w1 w2\nquorum two\n"
)


class Said:
    """Announces some notes, and ends."""

    def __init__(self, *notes: bytes) -> None:
        self._notes = notes

    async def notes(self) -> AsyncGenerator[Announcement, None]:
        for note in self._notes:
            yield Announcement(note=note)
            await asyncio.sleep(0)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A store that holds what was cosigned last, and nothing else."""

    cosigned: bytes | None

    @contextmanager
    def snapshot(self) -> Iterator[Kept]:
        yield self


async def shown(log: PaperLog, *notes: bytes, kept: bytes | None = None) -> bytes:
    head = Head(
        reader=cast("Any", Kept(cosigned=kept)),
        announcements=cast("Any", Said(*notes)),
        verifier=NoteVerifier.parse(log.key),
        witnesses=WitnessPolicy.parse(POLICY.encode()),
    )
    await head.run()
    return head.current.note


def cosigned(note: bytes, *numbers: int) -> bytes:
    return note + b"".join(W[n].cosign(parse_note(note).text, NOW) for n in numbers)


@pytest.mark.asyncio
async def test_who_cosigns_after_the_quorum_is_shown_as_well() -> None:
    log = PaperLog()
    log.grow(3)
    quorum, all_of_them = cosigned(log.note(), 0, 1), cosigned(log.note(), 0, 1, 2)
    assert await shown(log, quorum, all_of_them) == all_of_them
    # Nobody is lost again, and what does not verify is nobody.
    junk = quorum + cosigned(PaperLog(signer=log.signer).note(), 2)[len(log.note(0)) :]
    for after in (quorum, cosigned(log.note(), 0, 2), cosigned(log.note(), 2), junk):
        assert await shown(log, all_of_them, after) == all_of_them
    assert await shown(log, quorum, junk) == quorum


@pytest.mark.asyncio
async def test_a_larger_head_counts_once_the_quorum_has_cosigned_it() -> None:
    log = PaperLog()
    log.grow(3)
    first = cosigned(log.note(), 0, 1, 2)
    log.grow(2)
    assert await shown(log, first, log.note(), cosigned(log.note(), 2)) == first
    second = cosigned(log.note(), 1, 2)
    assert await shown(log, first, second, first) == second


@pytest.mark.asyncio
async def test_a_cosigned_head_is_not_missed_behind_a_plain_one() -> None:
    log = PaperLog()
    log.grow(3)
    first = cosigned(log.note(), 0, 1)
    # A listener that was busy hears the later of two notes, which need not be the cosigned one.
    assert await shown(log, log.note(), kept=first) == first
    log.grow(2)
    second = cosigned(log.note(), 1, 2)
    assert await shown(log, first, log.note(), kept=second) == second
