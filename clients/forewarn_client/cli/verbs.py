"""What can be said with the command, as a table: one row for each verb.

* A row names the group and the verb, the kind of statement it sends, and what it needs: documents
  that open a case, a case, a member of the directory, or nothing.
* Its options are keys of the document that can be stated without one. An option that is required
  may stand in the document instead.
* Adding a verb is a row, in `case_verbs`, `grant_verbs` or `directory_verbs`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Needs(StrEnum):
    """What a verb is given beside its options."""

    DOCUMENTS = "documents"
    """One or more documents; each becomes a statement."""
    CASE = "case"
    """A case, and perhaps a document."""
    NOTICE = "notice"
    """The case of a notice, about which another case is opened, and perhaps a document."""
    MEMBER = "member"
    """Id of the member that a directory statement is about, and perhaps a document."""
    OWN = "own"
    """Nothing: a directory statement about the member itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option that states one key of the document.

    Attributes:
        flag: As typed, as in `--note`.
        path: Path of the key, as in `body.note`.
        help: What it states.
        many: Whether it may be repeated; the key is then a list.
        is_file: Whether its value names a file whose text is meant.
    """

    flag: str
    path: str
    help: str
    many: bool = False
    is_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb of the command.

    Attributes:
        group: Name of the group, as in `notice`.
        name: The verb, as in `send`.
        kind: Kind of the statement that it sends.
        help: What it does, in a sentence.
        needs: What it is given.
        options: Its options.
        examples: Lines as they are typed.
    """

    group: str
    name: str
    kind: str
    help: str
    needs: Needs
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()
