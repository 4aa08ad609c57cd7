"""`forewarn init`: a member's folder, from the exchange's join file to the issued certificate."""

from pathlib import Path
from typing import Any

import click

from forewarn_client import files
from forewarn_client.cli import output
from forewarn_client.cli.commands import FILE, command
from forewarn_client.cli.settings import current
from forewarn_client.errors import RequestError
from forewarn_client.home import ENROLMENT, TLS_CHAIN, TLS_REQUEST, Home
from forewarn_client.identity import MEMBER_KINDS
from forewarn_client.join import JoinFile


@command(
    examples=(
        "forewarn init --exchange exchange.toml --kind lab --member aurora --system release-desk",
        "forewarn init --exchange exchange.toml --kind operator --member harbor-bank \\",
        '    --system soc --name "Harbor Bank" --sector financial-services',
        "forewarn init --certificate tls.crt",
    )
)
@click.option("--exchange", type=FILE, help="The exchange's join file, exchange.toml.")
@click.option("--kind", type=click.Choice(MEMBER_KINDS), help="What the member is.")
@click.option("--member", help="Id of the member: a-z, 0-9 and inner hyphens, at most 32.")
@click.option("--system", help="Name of the system that calls from here, as in release-desk.")
@click.option("--name", help="Name of the member for people; its id where not given.")
@click.option("--domain", help="Internet domain of the member.")
@click.option(
    "--agency-type",
    type=click.Choice(["civil", "national_security"]),
    help="Kind of an agency.",
)
@click.option("--sector", multiple=True, help="Sector of an operator, by its slug; repeatable.")
@click.option("--desk", multiple=True, help="Desk of the member, as in incident; repeatable.")
@click.option("--community", multiple=True, help="Community it belongs to; repeatable.")
@click.option("--certificate", type=FILE, help="The certificate chain that came back, PEM.")
def init(exchange: Path | None, certificate: Path | None, **stated: Any) -> None:  # noqa: ANN401 - click's options
    """Make this member's folder, or put its certificate in place.

    First with --exchange: makes a signing key, a TLS key, a certificate request (tls.csr) for the
    authority of your systems, and an enrolment request (enrolment.toml) for the registrar; pins
    the exchange. Then with --certificate, once the certificate is there. Running it again keeps
    the keys. Obtain exchange.toml out of band, and compare its genesis_digest by another channel.
    """
    if exchange is None and certificate is None:
        raise click.UsageError("Give --exchange to make the folder, or --certificate to finish it.")
    folder = current().home
    if exchange is not None:
        _make(folder, exchange, stated)
    if certificate is not None:
        home = Home.load(folder)
        home.install_certificate(files.read(certificate))
        output.answer(
            {"home": str(folder), "system": home.system_id, "certificate": TLS_CHAIN},
            f"{folder / TLS_CHAIN} is in place for {home.system_id}.\n"
            "Once the registrar has enrolled it, try `forewarn directory list`.",
        )


def _make(folder: Path, exchange: Path, stated: dict[str, Any]) -> None:
    missing = [f"--{name}" for name in ("kind", "member", "system") if not stated[name]]
    if missing:
        raise click.UsageError(f"A new folder also needs {', '.join(missing)}.")
    kind, member = stated["kind"], stated["member"]
    if kind == "agency" and not stated["agency_type"]:
        raise click.UsageError("An agency also needs --agency-type civil or national_security.")
    if stated["agency_type"] and kind != "agency":
        raise RequestError("--agency-type is for agencies only")
    join = JoinFile.load(exchange)
    home = Home.create(folder, member=member, kind=kind, system=stated["system"], join=join)
    made: dict[str, Any] = {
        "home": str(folder),
        "member": member,
        "kind": kind,
        "system": home.system_id,
        "origin": home.exchange.origin,
        "genesis_digest": home.exchange.genesis_digest.hex(),
        "certificate_request": str(folder / TLS_REQUEST),
    }
    steps = [
        f"{folder} is the folder of {home.system_id}.",
        f"It pins {home.exchange.origin}, whose ledger begins with",
        f"  {home.exchange.genesis_digest.hex()}",
        "Compare this digest by another channel before you rely on it. Next:",
        f"  1. Have {folder / TLS_REQUEST} signed by the authority of your systems, then",
        "     forewarn init --certificate FILE",
    ]
    # The registrar is in the genesis statement: it enrols itself nowhere.
    if kind != "registrar":
        profile: dict[str, str | list[str]] = {"display_name": stated["name"] or member}
        texts = {"domain": stated["domain"], "agency_type": stated["agency_type"]}
        lists = {
            "sectors": stated["sector"],
            "desks": stated["desk"],
            "communities": stated["community"],
        }
        profile |= {key: value for key, value in texts.items() if value}
        profile |= {key: list(value) for key, value in lists.items() if value}
        made["enrolment"] = str(home.write_enrolment(profile))
        steps.append(f"  2. Give {folder / ENROLMENT} to the registrar; it holds nothing secret.")
    output.answer(made, "\n".join(steps))
