"""Proofs in .tlog-proof files, verified by whoever has the log's key."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from forewarn_client import commitment, dsse, files, note
from forewarn_client.cli import connecting, failures, output
from forewarn_client.errors import ForewarnError, RequestError, VerificationError
from forewarn_client.terminal import safe
from forewarn_client.tlog_proof import TlogProof
from forewarn_client.verifier import parse_entry

_DIGITS: Final = 2 * 32


def pins(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a stranger names to verify proofs."""
    key = click.option(
        "--log-key", metavar="KEY", help="Of a .tlog-proof: the log's key; else this folder's."
    )
    committed_ = click.option(
        "--commitment",
        metavar="HEX",
        help="Of a .tlog-proof without its opening: the commitment that the log has to hold.",
    )
    return key(committed_(function))


def verify_all(paths: Sequence[Path], log_key: str | None, stated: str | None) -> int:
    """Verify proofs, and say of each what it proves.

    Args:
        paths: The files.
        log_key: The log's key as typed; that of the folder where None.
        stated: The commitment as typed.

    Returns:
        The exit code.

    Raises:
        RequestError: What was typed is no key, or no commitment.
    """
    key = _key(log_key)
    wanted = _commitment(stated)
    code = 0
    for path in paths:
        try:
            view = _verified(path, key, wanted)
        except ForewarnError as error:
            code = max(code, failures.report(error, str(path)))
        else:
            what = f", statement {view['digest']}" if "digest" in view else ""
            text = (
                f"OK  {safe(path.name)}: the log {safe(view['origin'])} of {view['size']} entries "
                f"holds it at index {view['index']}{what}"
            )
            output.answer(view, text)
    return code


def committed(proof: TlogProof) -> bytes:
    """Give the commitment that a proof's opening opens.

    Args:
        proof: A party's copy.

    Returns:
        The commitment, 32 bytes.

    Raises:
        VerificationError: PROOF_MALFORMED, it holds no opening.
    """
    opened = proof.opened()
    return commitment.commit(opened.entry_body, opened.salt)


def _verified(path: Path, key: note.VerifierKey, wanted: bytes | None) -> dict[str, Any]:
    proof = TlogProof.parse(files.read(path))
    view: dict[str, Any] = {"file": str(path), "verified": True, "origin": key.name}
    if proof.extra is None and wanted is None:
        raise RequestError(
            "the file holds no opening: name with --commitment what the log has to hold"
        )
    proven = committed(proof) if wanted is None else wanted
    checkpoint = proof.verify(key, proven)
    view |= {"size": checkpoint.size, "index": proof.index, "commitment": proven.hex()}
    if proof.extra is not None and proven == committed(proof):
        entry = parse_entry(proof.opened().entry_body)
        view["digest"] = dsse.Envelope.parse(entry.envelope).digest.hex()
    return view


def _key(text: str | None) -> note.VerifierKey:
    if text is None:
        return connecting.load_home().exchange.log_verifier
    try:
        return note.VerifierKey.parse(text)
    except VerificationError as error:
        raise RequestError(error.detail) from None


def _commitment(text: str | None) -> bytes | None:
    if text is None:
        return None
    stated = connecting.digest(text)
    if stated is None:
        raise RequestError(f"--commitment is not {_DIGITS} hex digits")
    return stated
