"""`forewarn directory`: the members, and what a member says of its own keys and systems."""

import asyncio

import click

from forewarn_client import render
from forewarn_client.cli import connecting, output, tables, views
from forewarn_client.cli.commands import command
from forewarn_client.cli.failures import UNVERIFIED
from forewarn_client.cli.speaking import group
from forewarn_client.directory import DirectoryView
from forewarn_client.errors import RequestError
from forewarn_client.home import Home
from forewarn_client.identity import MEMBER_KINDS
from forewarn_client.terminal import safe

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


@command(examples=("forewarn directory check", "forewarn directory check --json     for cron"))
def check() -> None:
    """Verify the directory from the first entry on, and list what stands in it and does not fit.

    Whoever can write to the ledger past its checks can have such entries recorded. They change
    nothing: every member and the exchange pass over them alike. But somebody wrote them. Exit code
    5 where there are any.
    """
    view = asyncio.run(_fetch(connecting.load_home()))
    whole = f"{len(view.links)} statements of the directory hold, up to size {view.size}"
    found = view.misfits
    lines = [f"{whole}; {len(found)} entries do not fit:" if found else f"OK  {whole}."]
    lines += [f"  {each.evidence.index:>8}  {each.reason}  {safe(each.detail)}" for each in found]
    misfits = [
        {"index": each.evidence.index, "reason": str(each.reason), "detail": each.detail}
        for each in found
    ]
    answered = {"size": view.size, "statements": len(view.links), "misfits": misfits}
    output.answer(answered, "\n".join(lines))
    if found:
        output.remark(
            "They change nothing, here or at the exchange. Tell whoever runs it: `forewarn-gateway "
            "ledger check` names them, too."
        )
        click.get_current_context().exit(UNVERIFIED)


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


for made in (list_, show, check, new_key):
    directory.add_command(made)
