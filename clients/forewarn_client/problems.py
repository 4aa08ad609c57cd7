"""What is wrong with a document: everything at once, by the path of its key.

It is apart from `document`, so that what only reports a problem need not load the messages.
"""

from dataclasses import dataclass

from forewarn_client.errors import ForewarnError


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a document.

    Attributes:
        field: Path of the key, as in `facts.planned.public_release`; empty for the whole.
        description: What is wrong and what would be right.
        reason: FIELD_MISSING, FIELD_INVALID, FIELD_TOO_LONG or ENUM_UNKNOWN.
    """

    field: str
    description: str
    reason: str = "FIELD_INVALID"


class AuthoringError(ForewarnError):
    """A document does not make a statement.

    Attributes:
        problems: All that is wrong with it, in the document's order of fields.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep the problems."""
        lines = (f"{problem.field} {problem.description}".strip() for problem in problems)
        super().__init__("; ".join(lines))
        self.problems = problems
