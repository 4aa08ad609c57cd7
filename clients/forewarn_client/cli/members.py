"""`forewarn directory`: the members, and what a member says of its own keys and systems."""

import asyncio

import click

from forewarn_client import render
from forewarn_client.cli import connecting, output, tables, views
from forewarn_client.cli.commands import command
from forewarn_client.cli.speaking import group
from forewarn_client.directory import DirectoryView
from forewarn_client.errors import RequestError
from forewarn_client.home import Home
from forewarn_client.identity import MEMBER_KINDS

directory = group(
    "directory",
    "See the members, verified from the first entry of the ledger on; change what is your own.",
)


@command(
    name="list",
    examples=("forewarn directory list", "forewarn directory list --kind operator --json"),
)
@click.option("--kind", type=click.Choice(MEMBER_KINDS), help="Only members of this kind.")
@click.option("--sector", default="", help="Only operators of this sector, by its slug.")
def list_(kind: str | None, sector: str) -> None:
    """List the members."""
    view = asyncio.run(_fetch(connecting.load_home()))
    found = [
        member
        for _, member in sorted(view.members.items())
        if kind in {None, member.kind} and (not sector or sector in member.profile.sectors)
    ]
    if output.wants_json():
        for member in found:
            output.emit(views.of_member(member, view.size))
        return
    tables.show_table(
        ("Member", "Kind", "Active", "Name", "Groups", "Desks"),
        (
            (
                member.member,
                member.kind,
                "yes" if member.active_at(view.size) else "no",
                member.profile.display_name,
                views.groups(render.plain(member.profile)),
                ", ".join(member.profile.desks),
            )
            for member in found
        ),
        "No such member is enrolled.",
    )


@command(examples=("forewarn directory show harbor-bank",))
@click.argument("member")
def show(member: str) -> None:
    """Show a MEMBER: its profile, systems and keys."""
    view = asyncio.run(_fetch(connecting.load_home()))
    found = view.members.get(member)
    if found is None:
        raise RequestError(f"the directory lists no {member[:32]}: see `forewarn directory list`")
    shown = views.of_member(found, view.size)
    if output.wants_json():
        output.emit(shown)
    else:
        tables.show_details(shown)


@command(
    name="new-key",
    examples=(
        "forewarn directory new-key",
        "forewarn registrar register-key aurora --key public-2.pem     by the registrar",
        "forewarn directory revoke-key --key-id 5e1f... --reason superseded",
    ),
)
def new_key() -> None:
    """Make one more signing key of your own.

    It signs once the registrar has registered it; revoke the old one then. What the old one signed
    stays valid: a signature is judged by the keys of its day.
    """
    home = connecting.load_home()
    before = [signer.keyid for signer in home.signers()]
    signer, public = home.add_signing_key()
    output.answer(
        {"key_id": signer.keyid, "public_key": str(public), "older_key_ids": before},
        f"{public} is for the registrar; tell it the key's id by another channel.\n"
        f"  new key {signer.keyid}\n" + "\n".join(f"  older   {keyid}" for keyid in before),
    )


async def _fetch(home: Home) -> DirectoryView:
    async with connecting.member(home) as connected:
        return await connected.directory()


for made in (list_, show, new_key):
    directory.add_command(made)
