"""Whom a member trusts to have watched the log: its own policy file (C2SP tlog-policy).

* The file is `witnesses.policy` in the member's folder. It is the member's, obtained where the
  witnesses publish their keys; nothing in it ever comes from the exchange.
* `witness <name> <vkey> [<url>]`, `group <name> all|any|<k> <member>...`, `quorum <name>|none`, and
  `log <vkey> [<url>]`, which here has to be the pinned log where there is one.
* A checkpoint that lacks the quorum is not wrong: it is pending, and a receipt under it does not
  yet exclude that others are shown another history.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from forewarn_client import note
from forewarn_client.cosignature import WitnessKey, material
from forewarn_client.errors import Flaw, VerificationError

FILE_NAME: Final = "witnesses.policy"
_MOST_BYTES: Final = 262_144
_MOST_DEFINED: Final = 64
_NOBODY: Final = b"none"
_CONTROLS: Final = bytes({*range(0x20), 0x7F} - {0x09, 0x0A})

_Standing = Callable[[frozenset[bytes]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What witnesses say about a checkpoint.

    Attributes:
        cosigned: Key names of the policy's witnesses that have cosigned it.
        known: How many witnesses the policy names.
        met: Whether they are the quorum that the policy asks for.
    """

    cosigned: tuple[str, ...]
    known: int
    met: bool

    def __str__(self) -> str:
        """Say it in a few words."""
        behind = f"{len(self.cosigned)} of {self.known} witnesses"
        return behind if self.met else f"{behind}, pending: the quorum is not there yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessPolicy:
    """A policy; `parse` makes one.

    Attributes:
        witnesses: Keys of its witnesses, by their names within the policy.
        logs: Verifier keys of the logs that it names.
        quorum: Tells whether witnesses, by these names, are the quorum.
    """

    witnesses: Mapping[bytes, WitnessKey]
    logs: Sequence[str]
    quorum: _Standing

    @classmethod
    def parse(cls, data: bytes) -> "WitnessPolicy":
        """Parse a policy file.

        Args:
            data: Its bytes.

        Returns:
            The policy.

        Raises:
            VerificationError: POLICY_MALFORMED; the sentence names the line.
        """
        if len(data) > _MOST_BYTES or data != data.translate(None, _CONTROLS):
            raise _malformed("it is over 256 KiB, or holds a control character")
        lines = _Lines()
        for number, line in enumerate(data.split(b"\n"), start=1):
            words = line.replace(b"\t", b" ").split(b" ")
            word, *rest = [each for each in words if each] or [b"#"]
            if word.startswith(b"#"):
                continue
            try:
                lines.take(word, rest)
            except VerificationError as error:
                raise _malformed(f"line {number}: {error.detail}") from None
        if lines.quorum is None:
            raise _malformed("it has no quorum line")
        return cls(witnesses=lines.witnesses, logs=lines.logs, quorum=lines.quorum)

    def standing(self, data: bytes) -> Standing:
        """Tell what the policy's witnesses say about a checkpoint, whoever signed it for the log.

        Args:
            data: The signed note.

        Returns:
            How many of them stand behind it, and whether they are enough.

        Raises:
            VerificationError: COSIGNATURE_INVALID, a line in the name of one of them does not
                verify; CHECKPOINT_MALFORMED, the note is none.
        """
        parsed = note.parse_note(data)
        found: list[bytes] = []
        for name, key in self.witnesses.items():
            lines = [
                line
                for line in parsed.signatures
                if (line.name, line.key_id) == (key.name, key.key_id)
            ]
            for line in lines:
                key.verify(line.signature, parsed.text)
            if lines:
                found.append(name)
        return Standing(
            cosigned=tuple(self.witnesses[name].name for name in found),
            known=len(self.witnesses),
            met=self.quorum(frozenset(found)),
        )


class _Lines:
    """What the lines read so far define."""

    def __init__(self) -> None:
        self.witnesses: dict[bytes, WitnessKey] = {}
        self.logs: list[str] = []
        self.quorum: _Standing | None = None
        self._defined: dict[bytes, _Standing] = {}
        self._members: set[bytes] = set()

    def take(self, word: bytes, rest: list[bytes]) -> None:
        match word, rest:
            case b"witness", [name, key] | [name, key, _]:
                self._witness(name, WitnessKey.parse(key.decode(errors="replace")))
            case b"group", [name, count, *members] if members:
                self._group(name, count, members)
            case b"quorum", [name] if self.quorum is None:
                self.quorum = (lambda _: True) if name == _NOBODY else self._known(name)
            case b"log", [key] | [key, _]:
                text = str(note.VerifierKey.parse(key.decode(errors="replace")))
                if text in self.logs:
                    raise _malformed("the log is named twice")
                self.logs.append(text)
            case _:
                raise _malformed("it is no log, witness, group or first quorum line of a policy")

    def _witness(self, name: bytes, key: WitnessKey) -> None:
        if material(key.key) in {material(other.key) for other in self.witnesses.values()}:
            raise _malformed("another witness has this key")
        self._define(name, lambda cosigned: name in cosigned)
        self.witnesses[name] = key

    def _group(self, name: bytes, count: bytes, members: list[bytes]) -> None:
        if self._members.intersection(members) or len(set(members)) < len(members):
            raise _malformed("a name is a member of one group, once")
        parts = [self._known(member) for member in members]
        written = {b"any": b"1", b"all": b"%d" % len(members)}.get(count, count)
        least = int(written) if written.isdigit() else 0
        if not 1 <= least <= len(members):
            raise _malformed("a group asks for all, any, or a number of its members")
        self._members.update(members)
        self._define(name, lambda cosigned: sum(part(cosigned) for part in parts) >= least)

    def _define(self, name: bytes, standing: _Standing) -> None:
        if name in self._defined or name == _NOBODY:
            raise _malformed("the name is taken")
        if len(self._defined) >= _MOST_DEFINED:
            raise _malformed(f"it defines over {_MOST_DEFINED} names")
        self._defined[name] = standing

    def _known(self, name: bytes) -> _Standing:
        if name not in self._defined:
            raise _malformed("it uses a name that no line before it defines")
        return self._defined[name]


def _malformed(detail: str) -> VerificationError:
    return VerificationError(Flaw.POLICY_MALFORMED, detail)
