"""How a witness is asked: `POST <prefix>/add-checkpoint` (C2SP tlog-witness), and what it answers.

* HTTPS, or HTTP on loopback; no redirects; an answer is bounded in size and, by the session, in
  time.
* Of what comes back only a line that verifies under the policy's key is taken.

When to ask, and what to make of a refusal, is for `witnesses`.
"""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from gateway.core.note import NoteError, NoteSignature, parse_note
from gateway.core.witness_policy import Witness

_MOST_ANSWER_BYTES: Final = 64 << 10
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_SIZE_TYPE: Final = "text/x.tlog.size"


class NotCosignedError(Exception):
    """This witness did not cosign; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a witness answered.

    Attributes:
        status: HTTP status.
        media_type: What the body says it is.
        body: The body, at most 64 KiB.
    """

    status: int
    media_type: str
    body: bytes


class WitnessClient:
    """HTTP as far as a witness needs it: bounded, without redirects."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Post over a session, whose timeouts count."""
        self._session = session

    async def post(self, url: str, body: bytes) -> Answer:
        """Hand a checkpoint in.

        Args:
            url: The witness's submission prefix.
            body: The request, as `request` writes it.

        Returns:
            The answer.

        Raises:
            NotCosignedError: The answer is too long.
            aiohttp.ClientError: There is none.
            TimeoutError: None came in time.
        """
        where = f"{url.rstrip('/')}/add-checkpoint"
        async with self._session.post(where, data=body, allow_redirects=False) as response:
            # One more than allowed, so that too much is not taken for the whole.
            content = await response.content.read(_MOST_ANSWER_BYTES + 1)
            while len(content) <= _MOST_ANSWER_BYTES and (
                more := await response.content.read(_MOST_ANSWER_BYTES + 1 - len(content))
            ):
                content += more
            if len(content) > _MOST_ANSWER_BYTES:
                raise NotCosignedError("its answer is too long")
            return Answer(status=response.status, media_type=response.content_type, body=content)


def request(old: int, proof: tuple[bytes, ...], note: bytes) -> bytes:
    """Write what a witness is handed.

    Args:
        old: Size of the tree that the proof begins with.
        proof: Consistency proof to the note's tree.
        note: The signed note.

    Returns:
        The body of the request.
    """
    lines = [b"old %d" % old, *(b64encode(each) for each in proof)]
    return b"\n".join(lines) + b"\n\n" + note


def told_size(answer: Answer) -> int | None:
    """Take the size that a witness says it has cosigned, from a 409.

    Args:
        answer: Its answer.

    Returns:
        The size; None where it names none.
    """
    size = _SIZE.fullmatch(answer.body)
    conflict = answer.status == HTTPStatus.CONFLICT and answer.media_type == _SIZE_TYPE
    return int(size[1]) if conflict and size is not None else None


def cosignature(witness: Witness, note: bytes, answer: bytes) -> NoteSignature:
    """Find a witness's cosignature in what it answered.

    Args:
        witness: Whom the policy names.
        note: The note that it was handed.
        answer: The body of its answer: signature lines.

    Returns:
        The line that verifies.

    Raises:
        NotCosignedError: There is none.
    """
    try:
        text = parse_note(note).text
        lines = parse_note(text + b"\n" + answer).signatures
    except NoteError:
        raise NotCosignedError("its answer is not signature lines") from None
    for line in lines:
        if witness.key.verifies(line, text):
            return line
    raise NotCosignedError("its answer holds no signature by the key in the policy")


def check_url(url: str) -> None:
    """Refuse a witness's URL that is neither HTTPS nor on loopback.

    Args:
        url: Its submission prefix.

    Raises:
        ValueError: It is not fit for use; the text says why.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.query or parts.fragment or not host:
        raise ValueError(f"{url!r} is not the URL of a witness")
    if parts.scheme == "https":
        return
    if parts.scheme != "http" or not (host == "localhost" or _is_loopback(host)):
        raise ValueError(f"{url!r} is neither https nor on loopback")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
