"""Enrolment requests: what a member hands to the registrar, out of band.

* `Home.write_enrolment` writes the file; it holds public things only.
* The registrar compares the key ids with the member by another channel before it enrols anyone.
"""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from forewarn_client import dsse
from forewarn_client.errors import HomeError, VerificationError
from forewarn_client.identity import SystemName, is_member_id
from forewarn_client.join import load_toml

_KEYS: Final = {"member", "kind", "systems", "keys", "profile"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """A request for enrolment.

    Attributes:
        member: Id of the member.
        kind: Its kind, as in `lab`.
        systems: SPIFFE IDs of its systems.
        keys: Its signing keys.
        profile: Fields of `MemberProfile`, as a document states them.
    """

    member: str
    kind: str
    systems: tuple[str, ...]
    keys: tuple[dsse.PublicKey, ...]
    profile: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a request.

        Args:
            path: The file that the member wrote.

        Returns:
            The request.

        Raises:
            HomeError: It cannot be read, or is no request; the text says why.
        """
        table: dict[str, Any] = dict(load_toml(path))
        if table.keys() != _KEYS or not isinstance(table["profile"], dict):
            raise HomeError(f"{path} does not hold exactly {', '.join(sorted(_KEYS))}")
        try:
            request = cls(
                member=str(table["member"]),
                kind=str(table["kind"]),
                systems=tuple(str(name) for name in table["systems"]),
                keys=tuple(_key(text) for text in table["keys"]),
                profile=table["profile"],
            )
            names = [SystemName.parse(name) for name in request.systems]
        except (TypeError, AttributeError, binascii.Error):
            raise HomeError(f"{path}: systems and keys are lists of texts, keys base64") from None
        except VerificationError as error:
            raise HomeError(f"{path}: {error.detail}") from None
        own = all((name.kind, name.member) == (request.kind, request.member) for name in names)
        if not own or not names or not request.keys or not is_member_id(request.member):
            raise HomeError(f"{path} needs a member's id, a key, and a system under its own name")
        return request

    def document(self) -> dict[str, Any]:
        """Make the document of the enrolment.

        Returns:
            What `authoring` makes a `MemberEnrolment` from.
        """
        keys = [{"algorithm": "ed25519", "spki": key.spki} for key in self.keys]
        return {
            "facts": {
                "member": self.member,
                "kind": self.kind,
                "profile": self.profile,
                "keys": keys,
                "systems": list(self.systems),
            }
        }


def _key(text: str) -> dsse.PublicKey:
    return dsse.PublicKey.load(base64.b64decode(text.encode(), validate=True))
