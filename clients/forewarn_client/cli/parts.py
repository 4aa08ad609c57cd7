"""The conversations of the exchange: `notice`, `coverage`, `grant`, `breach` and `alert`."""

from forewarn_client.cli import inbox
from forewarn_client.cli.speaking import group

notice = group(
    "notice",
    "Announce a release before it happens, and answer such notices.\n\n"
    "A notice is information: no answer permits or forbids a release.",
)
coverage = group(
    "coverage",
    "Ask whether an announced model is covered, and determine it.\n\n"
    "A determination neither permits nor forbids a release.",
)
grant = group("grant", "Give, take and end access to a model that is not public.")
breach = group("breach", "Report a breach, and handle such reports.")
alert = group("alert", "Warn operators, and answer warnings.")

breach.add_command(inbox.pull)
