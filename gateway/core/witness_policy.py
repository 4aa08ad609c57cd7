"""Which witnesses have to stand behind a checkpoint: a policy file (C2SP tlog-policy).

* `witness <name> <vkey> [<url>]`, `group <name> all|any|<k> <member>...`, `quorum <name>|none`.
* A name is defined once, before it is used, and is a member of one group at most: so each witness
  counts once.
* `log` lines are for readers; here the log is ourselves, and another's key is a mistake.

It asks nobody: `gateway.ledger.witnesses` does.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Self

from gateway.core.cosignature import CosignatureKey
from gateway.core.note import Note, NoteError, NoteVerifier

MOST_BYTES: Final = 256 << 10
_MOST_NAMES: Final = 64
_NONE: Final = "none"
_ALLOWED: Final = frozenset({0x09, 0x0A, *range(0x20, 0x7F), *range(0x80, 0x100)})


class PolicyError(ValueError):
    """The file is not a policy; the text says which line, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness of the policy.

    Attributes:
        name: Its name within the policy.
        key: The key that it cosigns with.
        url: Its submission prefix; empty for none.
    """

    name: str
    key: CosignatureKey
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """So many of these."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessPolicy:
    """A policy; `parse` makes one.

    Attributes:
        witnesses: Its witnesses, in the order of the file.
        logs: Verifier keys of the logs that it names.
        groups: Its groups, by name.
        quorum: The name that has to have witnessed; `none` for nobody.
    """

    witnesses: tuple[Witness, ...]
    logs: tuple[str, ...]
    groups: Mapping[str, _Group]
    quorum: str

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a policy file.

        Args:
            data: Its bytes.

        Returns:
            The policy.

        Raises:
            PolicyError: It is none.
        """
        if len(data) > MOST_BYTES or not _ALLOWED.issuperset(data):
            raise PolicyError("it is too long, or holds a control character")
        reader = _Reader()
        # Every byte is a character here, so that names are compared as bytes.
        for number, line in enumerate(data.decode("latin-1").split("\n"), start=1):
            words = line.replace("\t", " ").split(" ")
            words = [word for word in words if word]
            if words and not words[0].startswith("#"):
                try:
                    reader.take(*words)
                except (NoteError, PolicyError, TypeError) as error:
                    why = error if isinstance(error, ValueError) else "it has too many or few words"
                    raise PolicyError(f"line {number}: {why}") from None
        if reader.quorum is None:
            raise PolicyError("it has no quorum line")
        return cls(
            witnesses=tuple(reader.witnesses.values()),
            logs=tuple(reader.logs),
            groups=reader.groups,
            quorum=reader.quorum,
        )

    def behind(self, note: Note) -> tuple[str, ...]:
        """Name the witnesses that have cosigned a note; whether the log signed it is not asked.

        Args:
            note: The note, parsed.

        Returns:
            Their names within the policy.
        """
        return tuple(
            witness.name
            for witness in self.witnesses
            if any(witness.key.verifies(line, note.text) for line in note.signatures)
        )

    def stands_behind(self, note: Note) -> bool:
        """Tell whether the quorum has cosigned a note; otherwise like `behind`."""
        return self.is_met(self.behind(note))

    def is_met(self, cosigned: Collection[str]) -> bool:
        """Tell whether the quorum has witnessed.

        Args:
            cosigned: Names, within the policy, of the witnesses that have cosigned.

        Returns:
            True if they are enough; always where nobody has to.
        """
        if self.quorum == _NONE:
            return True
        met = set(cosigned)
        # A group only names what stands before it: one pass in the file's order is enough.
        for name, group in self.groups.items():
            if sum(member in met for member in group.members) >= group.least:
                met.add(name)
        return self.quorum in met


class _Reader:
    """Takes one line after the other."""

    def __init__(self) -> None:
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, _Group] = {}
        self.logs: list[str] = []
        self.quorum: str | None = None
        self._grouped: set[str] = set()
        self._keys: set[bytes] = set()

    def take(self, what: str, *words: str) -> None:
        match what:
            case "witness":
                self._witness(*words)
            case "group":
                self._group(*words)
            case "quorum":
                self._quorum(*words)
            case "log":
                self._log(*words)
            case _:
                raise PolicyError(f"a line begins with log, witness, group or quorum, not {what!r}")

    def _witness(self, name: str, key: str, url: str = "") -> None:
        self._new(name)
        parsed = CosignatureKey.parse(_text(key))
        if parsed.material in self._keys:
            raise PolicyError("another witness has the same key")
        self._keys.add(parsed.material)
        self.witnesses[name] = Witness(name=name, key=parsed, url=_text(url))

    def _group(self, name: str, least: str, *members: str) -> None:
        self._new(name)
        for member in members:
            self._known(member)
            if member in self._grouped or members.count(member) > 1:
                raise PolicyError(f"{_text(member)} is a member already")
        count = {"any": "1", "all": str(len(members))}.get(least, least)
        if not members or not count.isdecimal() or not 1 <= int(count) <= len(members):
            raise PolicyError("a group takes all, any, or a number of its members")
        self._grouped |= set(members)
        self.groups[name] = _Group(least=int(count), members=members)

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise PolicyError("there is another quorum line")
        if name != _NONE:
            self._known(name)
        self.quorum = name

    def _log(self, key: str, _url: str = "") -> None:
        parsed = str(NoteVerifier.parse(_text(key)))
        if parsed in self.logs:
            raise PolicyError("there is another line for this log")
        self.logs.append(parsed)

    def _new(self, name: str) -> None:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise PolicyError(f"the name {_text(name)} is taken")
        if len(self.witnesses) + len(self.groups) >= _MOST_NAMES:
            raise PolicyError(f"it has over {_MOST_NAMES} witnesses and groups")

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise PolicyError(f"{_text(name)} is not defined before this line")


def _text(word: str) -> str:
    return word.encode("latin-1").decode(errors="replace")
