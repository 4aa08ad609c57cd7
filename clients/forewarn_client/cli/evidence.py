"""`forewarn evidence`: one file that proves an entry to a stranger, made and verified."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from forewarn_client import bundle, collecting, files, times
from forewarn_client.bundle import Bundle, VerifiedBundle
from forewarn_client.cli import connecting, output, tables, views
from forewarn_client.cli.commands import FILE, Group, command
from forewarn_client.cli.settings import current
from forewarn_client.directory import DirectoryView
from forewarn_client.directory_cache import DirectoryCache
from forewarn_client.errors import RequestError
from forewarn_client.home import CONFIGURATION, Home
from forewarn_client.terminal import safe
from forewarn_client.verifier import Verifier

_OPEN: Final = {"CLEAR", "GREEN"}

evidence = Group(
    name="evidence",
    help="Make and verify files that prove what was said, by whom, and in what order.",
)


@command(
    examples=(
        "forewarn evidence export 12 -o breach.evidence",
        "forewarn evidence export 3f9a2c51...d0e4 -o breach.evidence     by the whole digest",
        "forewarn evidence export receipts/00000012-3f9a2c51d0e4b7a6.json -o breach.evidence",
    )
)
@click.argument("what", metavar="INDEX|DIGEST|RECEIPT")
@click.option(
    "--output",
    "-o",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write; it must not be there yet.",
)
def export(what: str, target: Path) -> None:
    """Write everything that proves an entry into one file.

    The entry with its proof, and the statements of the directory that made its sender's keys valid
    there, back to the genesis statement. A saved receipt is turned into one without any connection.
    The file holds the content: give it only to whoever may have that.
    """
    home = connecting.load_home()
    if target.exists():
        raise RequestError(f"{target} is there already: name a new file")
    made = _collect(home, what)
    verified = collecting.verified(made, home)
    files.write(target, made.encode())
    view = _view(target, verified)
    output.answer(view, f"{target}\n{_text(verified)}")
    if view["tlp"] not in _OPEN:
        output.aside(
            {"warning": "CONTENT_MARKED", "tlp": view["tlp"], "file": str(target)},
            f"TLP:{view['tlp']}: {target} holds what {safe(verified.record.sender)} said, in the "
            "clear and whole, attachments too. Whoever has the file has the content; the marking "
            "binds you and them.",
        )


@command(
    examples=(
        "forewarn evidence verify breach.evidence --genesis-digest 91b0...  --log-key ...",
        "forewarn evidence verify breach.evidence --show      by the pins of this folder",
        "forewarn evidence verify breach.evidence --directory ~/.forewarn",
    )
)
@click.argument("file", type=FILE)
@click.option("--genesis-digest", metavar="HEX", help="Digest of the ledger's first statement.")
@click.option("--log-key", metavar="KEY", help="The log's key, name+id+base64.")
@click.option(
    "--directory",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A member's folder, whose directory shows what the file may leave out.",
)
@click.option("--show", is_flag=True, help="Show what was said, too.")
def verify(
    *,
    file: Path,
    genesis_digest: str | None,
    log_key: str | None,
    folder: Path | None,
    show: bool,
) -> None:
    """Verify an evidence bundle; no connection is made, and no folder is needed.

    Checks the log's signatures, that every entry is in the log, each statement of the directory
    from the genesis statement on, and the signatures of the statement by keys that were its
    sender's at that index. Exit code 5 where something does not hold.

    A file cannot show what it leaves out, as that a key had been revoked by then. A member's
    directory can: with --directory, or in the folder whose pins are used, the entry is judged by
    that one, too, where it is known up to the entry. `directory_known` says whether it was.
    """
    pins = _pins(genesis_digest, log_key)
    made = Bundle.parse(files.read(file))
    known = _directory(made, folder, pins, own=not log_key)
    verified = bundle.verify(made, genesis_digest=pins[0], log_key=pins[1], directory=known)
    view = _view(file, verified)
    if show:
        view["record"] = views.of_record(verified.record)
    if output.wants_json():
        output.emit(view)
        return
    output.say(_text(verified))
    if show:
        tables.show_details(view["record"])
    if not verified.joined:
        output.remark(
            f"Its proofs lead to {verified.checkpoints} checkpoints, each signed by the log's key, "
            "that are not shown to be of one log."
        )
    if not verified.directory_known:
        output.remark(
            "That a key had not been revoked by then is said by whoever made the file: a file "
            "cannot show what it leaves out. Name with --directory a member's folder whose "
            "directory is known up to the entry; `forewarn directory list` fetches it."
        )


def _collect(home: Home, what: str) -> Bundle:
    if Path(what).is_file():
        return collecting.of_receipt(Path(what))
    # First: a digest of digits only is longer than any index.
    name: int | bytes | None = connecting.digest(what)
    if name is None and what.isascii() and what.isdigit():
        name = int(what)
    if name is None:
        raise RequestError(f"{what!r} is no index, no digest of 64 hex digits, and no receipt")
    return asyncio.run(_fetch(home, name))


async def _fetch(home: Home, name: int | bytes) -> Bundle:
    async with connecting.member(home) as connected:
        return await connected.evidence(name)


def _pins(genesis_digest: str | None, log_key: str | None) -> tuple[bytes, str]:
    """Take what was typed; else what the folder pins."""
    if genesis_digest and log_key:
        digest = connecting.digest(genesis_digest)
        if digest is None:
            raise RequestError("--genesis-digest is not 64 hex digits")
        return digest, log_key
    if genesis_digest or log_key:
        raise RequestError("--genesis-digest and --log-key belong together: name both")
    if not (current().home / CONFIGURATION).is_file():
        raise RequestError(
            "name --genesis-digest and --log-key, as you got them from whom you trust: without "
            "them nothing can be verified"
        )
    exchange = connecting.load_home().exchange
    return exchange.genesis_digest, exchange.log_key


def _directory(
    made: Bundle, folder: Path | None, pins: tuple[bytes, str], *, own: bool
) -> DirectoryView | None:
    """Load the directory of the folder that was named, or else of the one whose pins are used."""
    if folder is None and not own:
        return None
    home = Home.load(folder or current().home)
    exchange = home.exchange
    if (exchange.genesis_digest, exchange.log_key) != pins:
        raise RequestError(f"{home.path} is a folder for another exchange than the pins name")
    view = DirectoryCache(home.state, Verifier(exchange)).load()
    if folder is not None and (view is None or view.size < made.entry.index):
        known = "no directory" if view is None else f"the directory up to size {view.size} only"
        raise RequestError(
            f"{home.path} knows {known}, and the entry is at index {made.entry.index}: "
            f"`forewarn --home {home.path} directory list` fetches it; then verify again"
        )
    return view


def _view(file: Path, verified: VerifiedBundle) -> dict[str, Any]:
    record = verified.record
    shown = views.of_record(record)
    return {
        "file": str(file),
        "verified": True,
        "origin": verified.exchange.origin,
        **{key: shown[key] for key in ("index", "digest", "kind", "sender", "tlp", "case")},
        "statement_id": record.statement_id,
        "received_time": times.write_time(record.received_time),
        "checkpoints": verified.checkpoints,
        "one_log": verified.joined,
        "directory_known": verified.directory_known,
    }


def _text(verified: VerifiedBundle) -> str:
    record = verified.record
    return (
        f"OK  {safe(verified.exchange.origin)}: {record.kind} by {safe(record.sender)} at index "
        f"{record.index}, received {record.received_time:%Y-%m-%d %H:%M:%S} UTC"
    )


for made_command in (export, verify):
    evidence.add_command(made_command)
