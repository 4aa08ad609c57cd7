"""Evidence bundles put together: from the exchange, or from a saved receipt without it.

* From the exchange, the checkpoints that the parts lead to are joined by its consistency proofs, so
  that a stranger sees one log. A receipt has no such links: it is what was saved that day.
* What is put together is verified, by the same recipe as by whoever it is for, before it is given.
"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from forewarn_client import bundle
from forewarn_client.bundle import Bundle, Link, VerifiedBundle
from forewarn_client.directory import DirectoryView
from forewarn_client.home import Home
from forewarn_client.receipt import Receipt
from forewarn_client.records import VerifiedRecord
from forewarn_client.session import Session


async def collect(
    session: Session, home: Home, record: VerifiedRecord, directory: DirectoryView
) -> Bundle:
    """Make a bundle of a record.

    Args:
        session: Who is asked for the links.
        home: The member's folder, for its pins.
        record: The record.
        directory: The directory, known up to the record's index.

    Returns:
        The bundle, verified.

    Raises:
        RefusedError: The exchange does not prove that its checkpoints are of one log.
        VerificationError: They are not.
        UnavailableError: No answer in time.
    """
    chain = directory.chain_of(record.sender, record.index) if record.index else ()
    made = Bundle(chain=chain, entry=record.evidence)
    links = [
        Link(old=old, new=new, hashes=tuple(await session.consistency(old, new)))
        for old, new in pairwise(made.sizes())
    ]
    made = replace(made, links=tuple(links))
    verified(made, home)
    return made


def of_receipt(path: Path) -> Bundle:
    """Make a bundle of a saved receipt, without any connection.

    Args:
        path: The receipt.

    Returns:
        The bundle, not verified.

    Raises:
        HomeError: The file cannot be read.
        VerificationError: RECEIPT_MALFORMED.
    """
    receipt = Receipt.load(path)
    return Bundle(chain=receipt.chain, entry=receipt.entry)


def verified(made: Bundle, home: Home) -> VerifiedBundle:
    """Verify a bundle by the pins of a folder.

    Args:
        made: The bundle.
        home: The folder.

    Returns:
        What it proves.

    Raises:
        VerificationError: The first thing that does not hold.
    """
    exchange = home.exchange
    return bundle.verify(made, log_key=exchange.log_key, genesis_digest=exchange.genesis_digest)
