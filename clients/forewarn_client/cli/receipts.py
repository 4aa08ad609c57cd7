"""`forewarn receipt`: saved receipts, checked, turned into proofs, brought up to date."""

import asyncio
from pathlib import Path
from typing import Any

import click

from forewarn_client import files as writing
from forewarn_client import times
from forewarn_client.cli import connecting, failures, output, proofs, tables, views
from forewarn_client.cli.commands import FILE, Group, command
from forewarn_client.errors import ForewarnError, RequestError
from forewarn_client.home import Home
from forewarn_client.receipt import Receipt, VerifiedReceipt, verify_receipt
from forewarn_client.terminal import safe
from forewarn_client.tlog_proof import SUFFIX, TlogProof

receipt = Group(name="receipt", help="Check and export saved receipts; bring them up to date.")


@command(
    examples=(
        "forewarn receipt verify                          all of this folder",
        "forewarn receipt verify receipts/00000012-3f9a2c51d0e4b7a6.json",
        "forewarn receipt verify some.tlog-proof --log-key ...       no folder is needed",
    )
)
@click.argument("files", nargs=-1, type=FILE)
@proofs.pins
def verify(files: tuple[Path, ...], log_key: str | None, commitment: str | None) -> None:
    """Verify receipts offline, against the exchange's keys that this folder pins.

    A file `witnesses.policy` in the folder (C2SP tlog-policy) names the witnesses that the member
    trusts: how many of them stand behind each receipt is shown then. Pending is no failure.

    Checks the log's signature, the proof that the entry is in the ledger, the signatures of the
    statement, and the directory's statements back to the genesis statement. Without FILES, all
    receipts of the folder are checked. Exit code 5 where one does not hold.

    A .tlog-proof shows that the log holds an entry at an index. Who signed it is judged by receipts
    and by evidence bundles.
    """
    if files and all(path.suffix == SUFFIX for path in files):
        click.get_current_context().exit(proofs.verify_all(files, log_key, commitment))
    if log_key or commitment:
        raise RequestError("--log-key and --commitment are for .tlog-proof files")
    home = connecting.load_home()
    paths = list(files) or _saved(home)
    code, beyond = 0, 0
    for path in tables.progressing(paths, "Verifying"):
        try:
            verified = verify_receipt(path, home)
        except ForewarnError as error:
            code = max(code, failures.report(error, str(path)))
        else:
            _show(path, verified)
            beyond += not verified.directory_known
    if beyond:
        output.remark(
            f"For {beyond} of them, this folder does not know the directory far enough: that the "
            "sender's key was not revoked by then is said by the receipt alone. `forewarn "
            "directory list` fetches the directory; then verify again."
        )
    if not paths:
        output.remark("There is no receipt yet: each statement that you send leaves one.")
    click.get_current_context().exit(code)


@command(name="list", examples=("forewarn receipt list",))
def list_() -> None:
    """List the receipts of the folder, each verified."""
    home = connecting.load_home()
    rows: list[tuple[object, ...]] = []
    code = 0
    for path in tables.progressing(_saved(home), "Verifying"):
        try:
            verified = verify_receipt(path, home)
        except ForewarnError as error:
            code = max(code, failures.report(error, str(path)))
            continue
        if output.wants_json():
            output.emit(_view(path, verified))
        record = verified.record
        received = f"{record.received_time:%Y-%m-%d %H:%M:%S}"
        rows.append((record.index, received, record.kind, record.digest.hex()[:12], path.name))
    if not output.wants_json():
        tables.show_table(
            ("Index", "Received", "Kind", "Digest", "File"), rows, "There is no receipt yet."
        )
    click.get_current_context().exit(code)


@command(
    examples=(
        "forewarn receipt export receipts/00000012-3f9a2c51d0e4b7a6.json --tlog-proof",
        "forewarn receipt export receipts/*.json --tlog-proof --without-opening --into proofs",
    )
)
@click.argument("files", nargs=-1, type=FILE, required=True)
@click.option("--tlog-proof", is_flag=True, help="As C2SP tlog-proof files.")
@click.option("--without-opening", is_flag=True, help="For whoever is not to have the content.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="The folder.")
def export(
    *, files: tuple[Path, ...], tlog_proof: bool, without_opening: bool, into: Path | None
) -> None:
    """Write the proofs of saved receipts as files that other tools read.

    Each goes beside its receipt, or into a folder. It holds the content of the entry, unless it is
    left out: then whoever verifies it has to be told the commitment, which is printed. For the
    statement's signatures and the directory behind them, use `forewarn evidence export`.
    """
    if not tlog_proof:
        raise click.UsageError("Say in which form: --tlog-proof.")
    for path in files:
        proof = TlogProof.of(Receipt.load(path).entry)
        committed = proofs.committed(proof)
        if without_opening:
            proof = proof.without_opening()
        target = (into or path.parent) / f"{path.stem}{SUFFIX}"
        writing.make_folder(target.parent)
        writing.write(target, proof.encode())
        view = {
            "file": str(target),
            "index": proof.index,
            "commitment": committed.hex(),
            "opening": not without_opening,
        }
        output.answer(view, f"{target}\n  commitment  {committed.hex()}")


def _saved(home: Home) -> list[Path]:
    return sorted(home.receipts.glob("*.json"))


def _view(path: Path, verified: VerifiedReceipt) -> dict[str, Any]:
    record = verified.record
    return {
        "file": str(path),
        "verified": True,
        "index": record.index,
        "digest": record.digest.hex(),
        "kind": record.kind,
        "sender": record.sender,
        "statement_id": record.statement_id,
        "received_time": times.write_time(record.received_time),
        "case": record.case_digest.hex(),
        "directory_known": verified.directory_known,
        "witnesses": views.witnesses(verified.standing),
    }


def _show(path: Path, verified: VerifiedReceipt) -> None:
    record = verified.record
    text = (
        f"OK  {safe(path.name)}: {record.kind} by {safe(record.sender)} at index {record.index}, "
        f"received {record.received_time:%Y-%m-%d %H:%M:%S}"
    )
    if verified.standing is not None:
        text += f"; {verified.standing}"
    output.answer(_view(path, verified), text)


@command(
    examples=(
        "forewarn receipt update                          all of this folder",
        "forewarn receipt update receipts/00000012-3f9a2c51d0e4b7a6.json",
    )
)
@click.argument("files", nargs=-1, type=FILE)
def update(files: tuple[Path, ...]) -> None:
    """Bring receipts under a checkpoint that your witnesses have cosigned.

    For receipts that were answered before the witnesses had cosigned. The file is replaced by one
    that proves the same entry and holds their cosignatures; it is verified first. Needs
    `witnesses.policy` in the folder, and the connection.
    """
    home = connecting.load_home()
    click.get_current_context().exit(asyncio.run(_update(home, list(files) or _saved(home))))


async def _update(home: Home, paths: list[Path]) -> int:
    from forewarn_client.witnessed import brought_up  # noqa: PLC0415 - loads network code

    pending = 0
    async with connecting.member(home) as connected:
        for path in tables.progressing(paths, "Updating"):
            saved = Receipt.load(path)
            found, standing = await brought_up(connected, saved)
            if found is not saved:
                writing.write(path, found.encode())
            pending += not standing.met
            output.answer(
                {"file": str(path), "witnesses": views.witnesses(standing)},
                f"{safe(path.name)}: {standing}",
            )
    if pending:
        output.remark(f"{pending} are pending: try again when the witnesses have cosigned.")
    return 0


for made in (verify, list_, export, update):
    receipt.add_command(made)
