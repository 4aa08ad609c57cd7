"""The keeper's folder, examined: the key that members pinned, and both places of the mark."""

from __future__ import annotations

import stat
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.care.findings import Damage
from gateway.care.inspection import Inspection
from gateway.core.checkpoint import NoteError, NoteSigner, NoteVerifier
from gateway.ledger.places import Places

KEY: Final = "log.pem"
MARK: Final = "high-water"
_OTHERS: Final = 0o077


def examine(inspection: Inspection) -> Places | None:
    """Examine a log's key and mark.

    Args:
        inspection: The check of the log.

    Returns:
        What the mark's file holds; None where no mark can be read.
    """
    _examine_key(inspection)
    return _examine_mark(inspection)


def _examine_key(inspection: Inspection) -> None:
    site = inspection.site
    path = site.keeper / KEY
    where = f"{site.keeper.name}/{KEY}"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        pem = path.read_bytes()
    except FileNotFoundError:
        if not site.key_elsewhere:
            inspection.add(Damage.KEY_MISSING, where, "there is no such file")
        return
    except OSError as error:
        inspection.add(Damage.KEY_DAMAGED, where, f"it cannot be read ({error.strerror})")
        return
    if mode & _OTHERS:
        inspection.add(Damage.KEY_EXPOSED, where, f"its mode is {mode:o}, it has to be 600")
    try:
        verifier = _public_half(pem, site.origin)
    except (ValueError, UnsupportedAlgorithm):
        inspection.add(Damage.KEY_DAMAGED, where, "it is not an Ed25519 key in PEM form")
        return
    if str(verifier) != site.pinned:
        inspection.add(Damage.KEY_NOT_PINNED, where, "its public half is not what was pinned")


def _examine_mark(inspection: Inspection) -> Places | None:
    site = inspection.site
    path = site.keeper / MARK
    where = f"{site.keeper.name}/{MARK}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        inspection.add(Damage.MARK_MISSING, where, "there is no such file")
        return None
    except OSError as error:
        inspection.add(Damage.MARK_DAMAGED, where, f"it cannot be read ({error.strerror})")
        return None
    try:
        places = Places.read(content, site.verifier)
    except NoteError as error:
        detail = f"neither place holds a note that the log signed ({error.reason})"
        inspection.add(Damage.MARK_DAMAGED, where, detail)
        return None
    if places.doubt is not None:
        claim = places.doubt.claim
        said = "nothing that can be read" if claim is None else f"size {claim.size}"
        inspection.add(
            Damage.MARK_PLACE_DAMAGED,
            f"{where}, place {places.doubt.place}",
            f"it is no note of the log, and says {said}; the other holds size "
            f"{places.mark.checkpoint.size}",
        )
    return places


def _public_half(pem: bytes, origin: str) -> NoteVerifier:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the log key is not an Ed25519 key")  # noqa: TRY004 - of the file
    return NoteSigner(name=origin, key=key).verifier()
