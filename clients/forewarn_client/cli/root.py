"""The root of the `forewarn` command: its parts, loaded when they are needed, and its exit codes.

* A part is loaded when it is called, so that `forewarn --help` loads no network code.
* Every error of the library becomes a sentence and an exit code in one place: here.
"""

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click

from forewarn_client.cli import output, settings
from forewarn_client.cli.commands import Command, Group
from forewarn_client.cli.failures import INTERRUPTED, LOCAL, MISTYPED, report
from forewarn_client.errors import ForewarnError

# Name, where it is made, and what the root's help says of it.
_PARTS: Final = {
    "init": ("joining:init", "Make this member's folder, or put its certificate in place."),
    "registrar": ("registrar:registrar", "Begin a ledger and keep its directory."),
    "notice": ("parts:notice", "Announce a release, and answer such notices."),
    "coverage": ("parts:coverage", "Ask whether a model is covered, and determine it."),
    "grant": ("parts:grant", "Give, take and end access to a model."),
    "breach": ("parts:breach", "Report a breach, and handle such reports."),
    "alert": ("parts:alert", "Warn operators, and answer warnings."),
    "submit": (
        "handing_again:submit",
        "Hand in what has no receipt yet, or many documents.",
    ),
    "inbox": ("inbox:inbox", "Read what came: list, follow, show, save its files."),
    "case": ("cases:case", "See the cases one is party to."),
    "deliveries": (
        "deliveries:deliveries",
        "See what became of what you sent, at each recipient.",
    ),
    "audit": ("auditing:audit", "See who was given what you sent, and who was refused."),
    "directory": ("members:directory", "See the members; change what is one's own."),
    "receipt": ("receipts:receipt", "Check saved receipts, also offline."),
    "evidence": ("evidence:evidence", "Prove what was said to a stranger, in one file."),
    "log": ("logs:log", "Verify the log that everybody can read, and keep watching it."),
    "witness": (
        "forewarn_witness.command:witness",
        "Cosign checkpoints, so that logs cannot fork.",
    ),
    "template": ("writing:template", "Print a commented document to start from."),
    "handle": ("writing:handle", "Make a random name for an unreleased model."),
}


class Root(click.Group):
    """The root group."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a part, or name the nearest; click looks for it among loaded ones only."""
        if args[0] not in _PARTS and not args[0].startswith("-"):
            near = get_close_matches(args[0], _PARTS, n=1)
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean '{near[0]}'?" * len(near)))
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the parts in the order of their table."""
        return list(_PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a part."""
        if cmd_name not in _PARTS:
            return None
        module, _, name = _PARTS[cmd_name][0].partition(":")
        try:
            found = import_module(module if "." in module else f"forewarn_client.cli.{module}")
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"{error.name} is not installed: pip install 'forewarn[{cmd_name}]'"
            ) from None
        command = getattr(found, name)
        return command if isinstance(command, Command | Group) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the parts without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _PARTS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Look for `--json` before anything else, so that a mistyped rest is told in JSON, too."""
        if "--json" in args:
            settings.current(ctx).json = True
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run a command, and turn its errors into an answer and an exit code."""
        try:
            return super().invoke(ctx)
        except click.UsageError as mistake:
            if not settings.current(ctx).json:
                raise
            output.error("USAGE", mistake.format_message())
            ctx.exit(MISTYPED)
        except ForewarnError as error:
            ctx.exit(report(error))
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            output.error("FILE_UNFIT", f"{error.filename or 'a file'}: {error.strerror}")
            ctx.exit(LOCAL)
        except KeyboardInterrupt:
            output.remark("")
            ctx.exit(INTERRUPTED)


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"]},
    params=settings.options(at_root=True),
)
@click.version_option(package_name="forewarn", prog_name="forewarn")
def root() -> None:
    """Exchange signed statements about frontier models: notices, grants, breaches, alerts.

    Every statement is signed with the member's own key, recorded in a ledger, and answered with a
    receipt; everything received is verified before it is shown.

    \b
    A first look:
      forewarn init --exchange exchange.toml --kind lab --member aurora --system release-desk
      forewarn template PreReleaseNotice > notice.toml
      forewarn notice send notice.toml
      forewarn inbox follow

    \b
    Exit codes: 0 done; 1 something here is not right; 2 typed wrongly; 3 refused by the
    exchange; 4 unavailable, try again; 5 VERIFICATION FAILED; 130 interrupted.
    """  # noqa: D301 - click reads the character, not its name


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit.

    Args:
        arguments: What was typed after `forewarn`; the process's own where None.
    """
    # gRPC writes what its connections meet to standard error; all that matters comes as an error.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # What grpc does around a fork can break its connections; the command only starts programs.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    sys.exit(root.main(args=arguments, prog_name="forewarn"))
