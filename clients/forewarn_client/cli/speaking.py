"""Commands made from the verbs' table: what is typed becomes statements, and they are handed in."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from forewarn_client import files, kinds
from forewarn_client.authoring import Draft
from forewarn_client.cli import connecting, documents, handing, output, tables
from forewarn_client.cli import drafts as showing
from forewarn_client.cli.case_verbs import VERBS as CASE_VERBS
from forewarn_client.cli.commands import FILE, Command, Group, with_examples
from forewarn_client.cli.directory_verbs import VERBS as DIRECTORY_VERBS
from forewarn_client.cli.documents import Sheet
from forewarn_client.cli.verbs import Needs, Option, Verb
from forewarn_client.errors import RequestError
from forewarn_client.home import Home
from forewarn_client.member import Member

_PROTOCOLS: Final = {
    "notice": "release",
    **{each: each for each in ("coverage", "grant", "breach", "alert")},
}


def group(name: str, text: str) -> Group:
    """Make a group of the verbs that the tables have for it.

    Args:
        name: Name of the group.
        text: Its help.

    Returns:
        The group; other commands may be added.
    """
    made = Group(name=name, help=text, short_help=text.partition("\n")[0])
    for verb in (*CASE_VERBS, *DIRECTORY_VERBS):
        if verb.group == name:
            made.add_command(command_of(verb))
    return made


def command_of(verb: Verb) -> Command:
    """Make the command of a verb."""
    made = Command(
        name=verb.name,
        help=f"{verb.help}\n\nWhat is sent is of the kind {verb.kind}; `forewarn template "
        f"{verb.kind}` prints a commented document to start from.",
        short_help=verb.help,
        params=_parameters(verb),
        callback=lambda **given: run(verb, given),
    )
    with_examples(made, verb.examples)
    return made


def run(verb: Verb, given: Mapping[str, Any]) -> None:
    """Make the statements of a verb, hand them in, and exit with what became of them.

    Args:
        verb: The verb.
        given: What was typed, by parameter.

    Raises:
        ForewarnError: Nothing was handed in, and the text says why.
    """
    home = connecting.load_home()
    typed = given.get("files") or ([given["file"]] if given.get("file") else [])
    sheets = [documents.read(path) for path in typed] or [Sheet()]
    stated = _stated(verb, given, home)
    sheets = [documents.with_options(sheet, stated, given.get("attach", ())) for sheet in sheets]
    if given.get("separately"):
        sheets = [each for sheet in sheets for each in documents.one_for_each(sheet)]
    code = asyncio.run(speak(verb, home, sheets, given))
    click.get_current_context().exit(code)


async def speak(verb: Verb, home: Home, sheets: list[Sheet], given: Mapping[str, Any]) -> int:
    """Make the statements of sheets and hand them in.

    Args:
        verb: The verb.
        home: The member's folder.
        sheets: The documents.
        given: What was typed, by parameter: the case, and what is to be done with the drafts.

    Returns:
        The exit code.
    """
    case = given.get("case") or given.get("notice")
    if not case and _stays(given):
        return _keep(documents.draft_all(verb.kind, sheets, home), given)
    if not case:
        # What makes no statement is told before anything is connected.
        drafts = documents.draft_all(verb.kind, sheets, home)
        async with connecting.member(home) as connected:
            return await handing.hand_in(connected, drafts, [sheet.label for sheet in sheets])
    async with connecting.member(home) as connected:
        drafts = await _in_case(connected, verb, sheets, case)
        if _stays(given):
            return _keep(drafts, given)
        return await handing.hand_in(connected, drafts, [sheet.label for sheet in sheets])


async def _in_case(connected: Member, verb: Verb, sheets: list[Sheet], case: str) -> list[Draft]:
    about = verb.needs is Needs.NOTICE
    protocol = _PROTOCOLS["notice" if about else verb.group] if verb.group in _PROTOCOLS else ""
    whole = await connected.case(await connecting.find_case(connected, case, protocol))
    sender = connected.home.member
    placed = [
        documents.about_notice(sheet, whole)
        if about
        else documents.in_case(sheet, whole, verb.kind, sender)
        for sheet in sheets
    ]
    return documents.draft_all(verb.kind, placed, connected.home)


def _parameters(verb: Verb) -> list[click.Parameter]:
    made: list[click.Parameter] = []
    match verb.needs:
        case Needs.DOCUMENTS:
            made.append(click.Argument(["files"], nargs=-1, required=True, type=FILE))
        case Needs.CASE:
            made += [click.Argument(["case"]), click.Argument(["file"], required=False, type=FILE)]
        case Needs.NOTICE:
            made += [
                click.Argument(["notice"]),
                click.Argument(["file"], required=False, type=FILE),
            ]
        case Needs.MEMBER:
            made += [
                click.Argument(["member"]),
                click.Argument(["file"], required=False, type=FILE),
            ]
        case Needs.OWN:
            made.append(click.Argument(["file"], required=False, type=FILE))
    made += [_option(option) for option in verb.options]
    if verb.needs in {Needs.DOCUMENTS, Needs.CASE, Needs.NOTICE} and verb.group in _PROTOCOLS:
        made += _addressing(verb)
    made += [
        click.Option(["--check"], is_flag=True, help="Show what would be sent; send nothing."),
        click.Option(
            ["--draft"],
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the statement to this file for `forewarn submit`; send nothing.",
        ),
    ]
    return made


def _addressing(verb: Verb) -> list[click.Parameter]:
    made: list[click.Parameter] = [
        click.Option(
            ["--to"],
            multiple=True,
            metavar="RECIPIENT",
            help="A member, member/desk, sector:..., kind:... or community:...; repeatable.",
        ),
        click.Option(["--tlp"], help="CLEAR, GREEN, AMBER or AMBER+STRICT."),
    ]
    if verb.needs is Needs.DOCUMENTS:
        made.append(
            click.Option(
                ["--separately"],
                is_flag=True,
                help="One statement, case and handle for each recipient: none sees another.",
            )
        )
    if verb.kind == "ModelAccessGrant":
        made.append(click.Option(["--case"], help="The case that the offer belongs in."))
    body = kinds.find(verb.kind).body
    if body is not None and "attachments" in body.DESCRIPTOR.fields_by_name:
        made.append(
            click.Option(
                ["--attach"],
                type=FILE,
                multiple=True,
                help="Attach a file, byte for byte; repeatable.",
            )
        )
    return made


def _option(option: Option) -> click.Option:
    return click.Option(
        [option.flag, _parameter(option)],
        multiple=option.many,
        type=FILE if option.is_file else click.STRING,
        help=option.help,
    )


def _parameter(option: Option) -> str:
    """Name a parameter apart from those of the command itself, such as `case`."""
    return "stated_" + option.flag.removeprefix("--").replace("-", "_")


def _stated(verb: Verb, given: Mapping[str, Any], home: Home) -> dict[str, Any]:
    """Gather what options and arguments state, by the path of the key."""
    stated: dict[str, Any] = {}
    if verb.needs is Needs.MEMBER:
        stated["facts.member"] = given["member"]
    if verb.needs is Needs.OWN and verb.kind != "Participation":
        stated["facts.member"] = home.member
    for option in verb.options:
        value = given.get(_parameter(option))
        if value:
            stated[option.path] = (
                files.read(value).decode(errors="replace") if option.is_file else value
            )
    if given.get("to"):
        stated["recipients"] = list(given["to"])
    if given.get("tlp"):
        stated["tlp"] = given["tlp"]
    return stated


def _stays(given: Mapping[str, Any]) -> bool:
    return bool(given.get("check") or given.get("draft"))


def _keep(drafts: list[Draft], given: Mapping[str, Any]) -> int:
    """Show drafts, and write the one to a file where that is asked for."""
    path: Path | None = given.get("draft")
    if path is not None:
        if len(drafts) != 1:
            raise RequestError("--draft takes one statement at a time")
        files.write(path, drafts[0].payload)
    for draft in drafts:
        view = showing.view(draft, path)
        if output.wants_json():
            output.emit(view)
        else:
            tables.show_details(view)
            output.say("Nothing was sent.")
    return 0
