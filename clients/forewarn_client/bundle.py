"""Evidence bundles: what was said, by whom and in what order, for a stranger, years later.

A bundle is one file, and needs nobody to be verified but two pins: the log's key and the digest of
the genesis statement. It holds

* the entry, and before it the statements of the directory that made its sender's keys and systems
  valid at its index, back to the genesis statement: each as a tlog-proof, with its opening;
* where the proofs lead to several checkpoints, the links between these: consistency proofs, so that
  all of it is seen to be of one log.

The file is text around those proofs, and has one form: what parses is written as the same bytes.

It cannot show what it leaves out: that a key was not revoked by then is said by whoever made it,
unless whoever verifies it has a directory of that ledger to compare it with, known up to the entry.
It opens its entries, so whoever has it has the content.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from forewarn_client import kinds, merkle, note, strict, tlog_proof
from forewarn_client.directory import DirectoryView
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.join import Exchange
from forewarn_client.records import Evidence, VerifiedRecord
from forewarn_client.tlog_proof import TlogProof
from forewarn_client.verifier import Verifier

HEADER: Final = "forewarn/evidence-bundle@v1"
MAX_BYTES: Final = 64 * 1_048_576
MAX_PARTS: Final = 10_000
_NUMBER: Final = r"(0|[1-9][0-9]{0,18})"
_PARTS: Final = re.compile(f"parts {_NUMBER} links {_NUMBER}", re.ASCII)
_PART: Final = re.compile(f"part {_NUMBER}", re.ASCII)
_LINK: Final = re.compile(f"link {_NUMBER} {_NUMBER} {_NUMBER}", re.ASCII)
_LONGEST_LINE: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What joins two checkpoints of a bundle.

    Attributes:
        old: Size of the smaller one.
        new: Size of the larger one.
        hashes: The consistency proof, in the order of the RFC.
    """

    old: int
    new: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle; nothing in it counts before it is verified.

    Attributes:
        chain: The statements of the directory, genesis first; none where the entry is the genesis.
        entry: The entry.
        links: Between each checkpoint and the next larger one; none at all where they are not
            known.
    """

    chain: tuple[Evidence, ...]
    entry: Evidence
    links: tuple[Link, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a bundle.

        Args:
            data: The file's content.

        Returns:
            The bundle; its `encode()` is `data` again.

        Raises:
            VerificationError: EVIDENCE_MALFORMED, it is none; PROOF_MALFORMED or
                CHECKPOINT_MALFORMED, a part of it is not.
        """
        if len(data) > MAX_BYTES:
            raise _malformed("bundle-too-large", f"a bundle has at most {MAX_BYTES} bytes")
        reading = _Reading(data)
        if reading.line() != HEADER:
            raise _malformed("header-malformed", f"it does not begin with {HEADER}")
        parts, links = reading.numbers(_PARTS)
        if not 1 <= parts <= MAX_PARTS or links >= parts:
            raise _malformed("counts-malformed", "no bundle has as many parts, or links")
        entries = []
        for _ in range(parts):
            (length,) = reading.numbers(_PART)
            entries.append(_opened(reading.take(length)))
        joined = []
        for _ in range(links):
            old, new, count = reading.numbers(_LINK)
            if not 0 < old < new <= merkle.MAX_SIZE or count > 2 * tlog_proof.MAX_HASHES:
                raise _malformed("link-malformed", "no proof links such sizes")
            hashes = tuple(tlog_proof.parse_hash(reading.line()) for _ in range(count))
            joined.append(Link(old=old, new=new, hashes=hashes))
        reading.end()
        indexes = [each.index for each in entries]
        if indexes != sorted(set(indexes)) or indexes[0] != 0:
            raise _malformed("order", "its entries are not in order, from the genesis entry on")
        *chain, entry = entries
        return cls(chain=tuple(chain), entry=entry, links=tuple(joined))

    def encode(self) -> bytes:
        """Write the bundle.

        Returns:
            What `parse` reads.
        """
        parts = [TlogProof.of(each).encode() for each in (*self.chain, self.entry)]
        pieces = [f"{HEADER}\nparts {len(parts)} links {len(self.links)}\n".encode()]
        for part in parts:
            pieces += [f"part {len(part)}\n".encode(), part]
        for link in self.links:
            hashes = "".join(f"{note.to_base64(item)}\n" for item in link.hashes)
            pieces.append(f"link {link.old} {link.new} {len(link.hashes)}\n{hashes}".encode())
        return b"".join(pieces)

    def sizes(self) -> Sequence[int]:
        """Give the sizes of its checkpoints, ascending; their signatures are not verified."""
        notes = {each.checkpoint for each in (*self.chain, self.entry)}
        return sorted({note.parse_checkpoint(note.parse_note(each).text).size for each in notes})


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedBundle:
    """A bundle that holds.

    Attributes:
        record: The record that it proves.
        exchange: The exchange that it is of.
        checkpoints: How many checkpoints its proofs lead to.
        joined: Whether all of them are shown to be of one log.
        directory_known: Whether it was compared with a directory that is known up to the entry;
            else only the bundle says that the sender's keys and systems were not ended by then.
    """

    record: VerifiedRecord
    exchange: Exchange
    checkpoints: int
    joined: bool
    directory_known: bool


def verify(
    bundle: Bundle,
    *,
    log_key: str,
    genesis_digest: bytes,
    directory: DirectoryView | None = None,
) -> VerifiedBundle:
    """Verify a bundle by two pins, and by a directory where there is one.

    Args:
        bundle: The bundle.
        log_key: The log's key.
        genesis_digest: Digest of the statement that the ledger begins with, 32 bytes.
        directory: A directory of that ledger that the caller has verified; None for none. One that
            is not known up to the entry says nothing.

    Returns:
        What it proves.

    Raises:
        HomeError: The key is not a log key.
        VerificationError: The first thing that does not hold.
    """
    exchange = _exchange(bundle, log_key, genesis_digest)
    verifier = Verifier(exchange)
    # 1. All checkpoints are signed, no two contradict each other, and links lead where they say.
    roots = _roots(verifier, bundle)
    _check_links(bundle.links, roots)
    # 2. The directory, statement by statement, each under those before it.
    if not bundle.chain:
        record = verifier.verify_genesis(bundle.entry)
    else:
        view = DirectoryView.of_selection(verifier, bundle.chain, bundle.entry.index)
        # 3. The entry, under the directory as it stood there.
        record = verifier.verify(bundle.entry, view)
    # 4. What the bundle leaves out, where there is a directory that shows it.
    known = directory is not None and directory.size >= record.index
    if directory is not None and known:
        _check_by(directory, verifier, bundle)
    joined = len(roots) == 1 or bool(bundle.links)
    return VerifiedBundle(
        record=record,
        exchange=exchange,
        checkpoints=len(roots),
        joined=joined,
        directory_known=known,
    )


def _check_by(directory: DirectoryView, verifier: Verifier, bundle: Bundle) -> None:
    """Compare a bundle with a directory that is known up to its entry."""
    held = {each.index: each.entry_body for each in directory.entries}
    if any(held.get(each.index) != each.entry_body for each in bundle.chain):
        raise VerificationError(
            Flaw.HISTORY_REWRITTEN,
            "it holds a statement of the directory that your directory does not have there: one of "
            "the two was made from another ledger",
        )
    if bundle.chain:
        try:
            verifier.verify(bundle.entry, directory)
        except VerificationError as error:
            raise VerificationError(
                error.reason,
                f"by your directory, which shows what the file leaves out: {error.detail}",
                error.rule,
            ) from None


def _exchange(bundle: Bundle, log_key: str, genesis_digest: bytes) -> Exchange:
    """Put the pins together; the rest stands in the genesis statement, whose digest is pinned."""
    name = note.VerifierKey.parse(log_key).name
    stated = Exchange(
        origin=name,
        trust_domain="",
        genesis_digest=genesis_digest,
        log_key=log_key,
        address="",
    )
    genesis = bundle.chain[0] if bundle.chain else bundle.entry
    _, envelope = Verifier(stated).recorded(genesis)
    if envelope.digest != genesis_digest:
        raise _foreign("it begins with another statement than the one whose digest you named")
    try:
        facts = kinds.parse_statement(envelope.payload).header.genesis
    except strict.StrictError:
        raise _foreign("the statement whose digest you named begins no ledger") from None
    return Exchange(
        origin=name,
        trust_domain=facts.trust_domain,
        genesis_digest=genesis_digest,
        log_key=log_key,
        address="",
    )


def _roots(verifier: Verifier, bundle: Bundle) -> dict[int, bytes]:
    roots: dict[int, bytes] = {}
    for each in (*bundle.chain, bundle.entry):
        checkpoint = verifier.checkpoint(each.checkpoint)
        if roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            raise VerificationError(
                Flaw.HISTORY_REWRITTEN,
                f"it holds two different ledgers of {checkpoint.size} entries, both signed",
            )
    return roots


def _check_links(links: Sequence[Link], roots: dict[int, bytes]) -> None:
    if links and [(each.old, each.new) for each in links] != list(pairwise(sorted(roots))):
        raise _malformed("links-incomplete", "its links do not join all of its checkpoints")
    for link in links:
        merkle.verify_consistency(link.old, roots[link.old], link.new, roots[link.new], link.hashes)


class _Reading:
    """Goes through a bundle's bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def line(self) -> str:
        end = self._data.find(b"\n", self._at, self._at + _LONGEST_LINE)
        if end < 0:
            raise _malformed("line-malformed", "a line is missing, too long, or not ended")
        line = self._data[self._at : end]
        self._at = end + 1
        return line.decode("latin-1")

    def numbers(self, form: re.Pattern[str]) -> tuple[int, ...]:
        found = form.fullmatch(self.line())
        if found is None:
            raise _malformed("line-malformed", "a line is not what has to stand there")
        return tuple(int(number) for number in found.groups())

    def take(self, length: int) -> bytes:
        taken = self._data[self._at : self._at + length]
        if len(taken) != length:
            raise _malformed("part-short", "it ends within a part")
        self._at += length
        return taken

    def end(self) -> None:
        if self._at != len(self._data):
            raise _malformed("bytes-left", "something follows its end")


def _opened(part: bytes) -> Evidence:
    return TlogProof.parse(part).opened()


def _foreign(detail: str) -> VerificationError:
    return VerificationError(Flaw.GENESIS_FOREIGN, detail)


def _malformed(rule: str, detail: str) -> VerificationError:
    return VerificationError(
        Flaw.EVIDENCE_MALFORMED, f"the file is not an evidence bundle: {detail}", rule
    )
