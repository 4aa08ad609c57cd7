"""`forewarn template` and `forewarn handle`: what an author starts from."""

import click

from forewarn_client import identifiers, kinds, templates
from forewarn_client.cli import output
from forewarn_client.cli.commands import command


@command(
    examples=(
        "forewarn template                          lists the kinds",
        "forewarn template PreReleaseNotice > notice.toml",
    )
)
@click.argument("kind", required=False)
def template(kind: str | None) -> None:
    """Print a commented document of a KIND of statement, to fill in and send.

    Its comments are those of the exchange's protocol; what is required holds an example, what is
    optional is commented out. Without KIND, the kinds are listed.
    """
    if kind is None:
        names = [each.name for each in kinds.kinds()]
        output.answer({"kinds": names}, "\n".join(names))
        return
    text = templates.template(kind)
    output.answer({"kind": kinds.find(kind).name, "template": text}, text.rstrip("\n"))


@command(examples=("forewarn handle", "forewarn handle --count 3"))
@click.option("--count", type=click.IntRange(1, 1000), default=1, help="How many.")
def handle(count: int) -> None:
    """Make a random name for a model that is not public.

    A handle says nothing about the model and is used for one recipient only. In a document,
    `handle = "new"` makes one each time that the document is sent.
    """
    for _ in range(count):
        made = identifiers.new_handle()
        output.answer({"handle": made}, made)
