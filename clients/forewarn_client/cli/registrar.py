"""`forewarn registrar`: how a ledger begins, and who is in its directory."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from forewarn_client import kinds
from forewarn_client.authoring import Draft
from forewarn_client.cli import connecting, documents, handing, output, speaking
from forewarn_client.cli.commands import FILE, command
from forewarn_client.cli.documents import Sheet
from forewarn_client.cli.settings import current
from forewarn_client.cli.verbs import Needs, Verb
from forewarn_client.enrolment import EnrolmentRequest
from forewarn_client.errors import HomeError, RequestError
from forewarn_client.home import SIGNING_KEY, Home
from forewarn_client.identity import SystemName
from forewarn_client.registrar import genesis as make_genesis
from forewarn_client.signing import Signer
from forewarn_client.terminal import safe

registrar = speaking.group(
    "registrar",
    "Begin a ledger and keep its directory.\n\n"
    "The registrar's keys stay in its own folder, away from the gateway's host.",
)


@command(
    examples=(
        "forewarn --home registrar registrar genesis --origin exchange.example/ledger \\",
        "    --trust-domain exchange.example --registrar exchange-registrar --keys 3 --quorum 2 \\",
        "    --output genesis.dsse",
        "forewarn-gateway init --genesis genesis.dsse ...     by whoever runs the gateway",
        "forewarn --home registrar init --exchange exchange.toml --kind registrar \\",
        "    --member exchange-registrar --system console",
    )
)
@click.option("--origin", required=True, help="Name of the ledger, as in exchange.example/ledger.")
@click.option("--trust-domain", required=True, help="SPIFFE trust domain of all systems.")
@click.option("--registrar", "name", required=True, help="Id of the registrar.")
@click.option(
    "--system", multiple=True, default=("console",), show_default=True, help="Its systems."
)
@click.option("--keys", type=click.IntRange(1, 16), default=1, show_default=True, help="How many.")
@click.option("--quorum", type=click.IntRange(1, 16), default=1, show_default=True)
@click.option(
    "--output",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("genesis.dsse"),
    show_default=True,
    help="Where the signed statement is written.",
)
def genesis(  # noqa: PLR0913 - what a genesis statement holds, each by its name
    *,
    origin: str,
    trust_domain: str,
    name: str,
    system: tuple[str, ...],
    keys: int,
    quorum: int,
    target: Path,
) -> None:
    """Make the registrar's keys, and sign the statement that a ledger begins with.

    Keys that the folder holds already are kept. Give the file to whoever runs the gateway; its
    digest is what every member pins.
    """
    if target.exists():
        raise RequestError(
            f"{target} exists already: a ledger begins once; choose another --output"
        )
    folder = current().home
    signers = [_key(folder, number) for number in range(1, keys + 1)]
    systems = [
        str(SystemName(trust_domain=trust_domain, kind="registrar", member=name, system=each))
        for each in system
    ]
    made = make_genesis(
        origin=origin,
        trust_domain=trust_domain,
        registrar=name,
        signers=signers,
        quorum=quorum,
        systems=systems,
        now=datetime.now(UTC),
    )
    made.save(target)
    view = {
        "genesis": str(target),
        "digest": made.digest.hex(),
        "origin": origin,
        "trust_domain": trust_domain,
        "registrar": name,
        "systems": systems,
        "key_ids": [signer.keyid for signer in signers],
        "quorum": quorum,
    }
    output.answer(
        view,
        f"{target} begins the ledger {origin}.\n"
        f"  digest {made.digest.hex()}\n"
        f"  keys   {keys} in {folder}, of which {quorum} sign each later statement",
    )


@command(
    examples=(
        "forewarn registrar enrol aurora/enrolment.toml harbor-bank/enrolment.toml",
        "forewarn registrar enrol enrolment.toml --json",
    )
)
@click.argument("files", nargs=-1, required=True, type=FILE)
def enrol(files: tuple[Path, ...]) -> None:
    """Enrol members from their enrolment requests, FILES.

    Compare each key id with its member by another channel first: a member is who holds the key.
    """
    home = connecting.load_home()
    sheets = []
    for path in files:
        request = EnrolmentRequest.load(path)
        sheets.append(Sheet(label=str(path), folder=path.parent, values=request.document()))
        for key in request.keys:
            output.remark(f"{safe(request.member)} signs with {key.keyid}")
    drafts = documents.draft_all("MemberEnrolment", sheets, home)
    code = asyncio.run(_hand_in(home, drafts, [sheet.label for sheet in sheets]))
    click.get_current_context().exit(code)


@command(examples=("forewarn registrar send MemberSuccession succession.toml",))
@click.argument("kind")
@click.argument("files", nargs=-1, required=True, type=FILE)
def send(kind: str, files: tuple[Path, ...]) -> None:
    """Send statements of any KIND from documents, FILES."""
    name = kinds.find(kind).name
    verb = Verb(group="registrar", name="send", kind=name, help="", needs=Needs.DOCUMENTS)
    speaking.run(verb, {"files": files})


async def _hand_in(home: Home, drafts: list[Draft], labels: list[str]) -> int:
    async with connecting.member(home) as connected:
        return await handing.hand_in(connected, drafts, labels)


def _key(folder: Path, number: int) -> Signer:
    path = folder / (SIGNING_KEY if number == 1 else f"signing-{number}.pem")
    if path.exists():
        return Signer.load(path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(f"{folder} cannot be made: {error.strerror}") from None
    return Signer.generate(path)


for made in (genesis, enrol, send):
    registrar.add_command(made)
