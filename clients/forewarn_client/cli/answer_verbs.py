"""What can be answered in every kind of case with the command: rows that the groups share."""

from typing import Final

from forewarn_client.cli.verbs import Needs, Option, Verb

NOTE: Final = Option(flag="--note", path="body.note", help="Anything to add, in words.")
TEXT: Final = Option(flag="--text", path="body.text", help="The text.")


def acknowledgement(group: str, *, answered: str) -> Verb:
    """Make the row that acknowledges what opens a case of a group."""
    return Verb(
        group=group,
        name="acknowledge",
        kind="Acknowledgement",
        help=f"Say that {answered} was received and read; neither consent nor assessment.",
        needs=Needs.CASE,
        options=(
            Option(flag="--reference", path="body.reference", help="Your own reference."),
            NOTE,
        ),
        examples=(f"forewarn {group} acknowledge 3f9a2c51 --reference CASE-2026-118",),
    )


def declination(group: str, *, example: str) -> Verb:
    """Make the row that declines, with a reason as its example."""
    return Verb(
        group=group,
        name="decline",
        kind="Declination",
        help="Decline what the case proposes.",
        needs=Needs.CASE,
        options=(
            Option(
                flag="--reason",
                path="facts.reason",
                help="out_of_scope, no_capacity, terms or other.",
            ),
            NOTE,
        ),
        examples=(f"forewarn {group} decline 3f9a2c51 --reason {example}",),
    )


def questions(group: str) -> tuple[Verb, ...]:
    """Make the rows that ask and answer."""
    return (
        Verb(
            group=group,
            name="ask",
            kind="Question",
            help="Ask about a case.",
            needs=Needs.CASE,
            options=(TEXT,),
            examples=(f'forewarn {group} ask 3f9a2c51 --text "Which surfaces are planned?"',),
        ),
        Verb(
            group=group,
            name="answer",
            kind="Answer",
            help="Answer the newest question of a case.",
            needs=Needs.CASE,
            options=(TEXT,),
            examples=(f'forewarn {group} answer 3f9a2c51 --text "The API only."',),
        ),
    )
