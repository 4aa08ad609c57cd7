"""`forewarn receipt`: saved receipts, checked without any connection."""

from pathlib import Path
from typing import Any

import click

from forewarn_client import times
from forewarn_client.cli import connecting, failures, output, tables
from forewarn_client.cli.commands import FILE, Group, command
from forewarn_client.errors import ForewarnError
from forewarn_client.home import Home
from forewarn_client.receipt import VerifiedReceipt, verify_receipt
from forewarn_client.terminal import safe

receipt = Group(name="receipt", help="Check saved receipts; no connection is made.")


@command(
    examples=(
        "forewarn receipt verify                          all of this folder",
        "forewarn receipt verify receipts/00000012-3f9a2c51d0e4b7a6.json",
    )
)
@click.argument("files", nargs=-1, type=FILE)
def verify(files: tuple[Path, ...]) -> None:
    """Verify receipts offline, against the exchange's keys that this folder pins.

    Checks the log's signature, the proof that the entry is in the ledger, the signatures of the
    statement, and the directory's statements back to the genesis statement. Without FILES, all
    receipts of the folder are checked. Exit code 5 where one does not hold.
    """
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
    }


def _show(path: Path, verified: VerifiedReceipt) -> None:
    record = verified.record
    text = (
        f"OK  {safe(path.name)}: {record.kind} by {safe(record.sender)} at index {record.index}, "
        f"received {record.received_time:%Y-%m-%d %H:%M:%S}"
    )
    output.answer(_view(path, verified), text)


for made in (verify, list_):
    receipt.add_command(made)
