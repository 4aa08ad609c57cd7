"""The `forewarn witness` command: for whoever watches logs for others."""

import asyncio
import signal
from pathlib import Path
from typing import Any, Final

import click

from forewarn_client import note
from forewarn_client.cli import output
from forewarn_client.cli.commands import FILE, Group, command, example
from forewarn_client.errors import HomeError
from forewarn_witness.folder import ED25519, ML_DSA_44, Folder
from forewarn_witness.record import RecordError
from forewarn_witness.serving import Tls, application, seconds, serve

_KINDS: Final = {"ed25519": (ED25519,), "ml-dsa-44": (ML_DSA_44,), "both": (ED25519, ML_DSA_44)}
_state = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    envvar="FOREWARN_WITNESS_STATE",
    show_envvar=True,
    help="The folder that holds everything this witness keeps.",
)


@click.group(
    cls=Group,
    help=f"""Run a witness: cosign the checkpoints of logs that only ever grow.

A log that shows two histories cannot have both cosigned. A witness sees three lines about a tree
and no statement; it needs no membership. Run it where whoever runs the log cannot reach.

{
        example(
            "forewarn witness init --state witness --name witness.example/w1 --log 'KEY'",
            "forewarn witness serve --state witness --listen 127.0.0.1:8480",
            "forewarn witness show --state witness",
        )
    }""",
)
def witness() -> None:
    """Run a witness."""


@command(
    name="init",
    examples=(
        "forewarn witness init --state witness --name witness.example/w1 \\",
        "    --log 'exchange.example/ledger+6c7e8d39+AQ...'",
    ),
)
@_state
@click.option("--name", required=True, help="The witness's name, as in witness.example/w1.")
@click.option(
    "--keys",
    type=click.Choice(list(_KINDS)),
    default="both",
    show_default=True,
    help="Kinds of keys to cosign with.",
)
@click.option("--log", "logs", multiple=True, help="Verifier key of a log; repeatable.")
def init(*, state: Path, name: str, keys: str, logs: tuple[str, ...]) -> None:
    """Make a witness: its keys, its record, its configuration.

    Prints its verifier keys, which logs and their readers pin. Keep a copy of the keys, never of
    the record: a witness that goes on from an old record forgets what it has cosigned.
    """
    folder = Folder(path=state)
    try:
        folder.create(name, _KINDS[keys], logs)
    except RecordError as error:
        raise HomeError(str(error)) from None
    verifiers = [str(each.verifier) for each in folder.cosigners()]
    output.answer(
        {"name": name, "verifier_keys": verifiers, "logs": list(logs)},
        f"{state} is the witness {name}. Its verifier keys:\n"
        + "\n".join(f"  {key}" for key in verifiers)
        + f"\nStart it: forewarn witness serve --state {state}",
    )


@command(name="add-log", examples=("forewarn witness add-log 'KEY' --state witness",))
@_state
@click.argument("log")
def add_log(*, state: Path, log: str) -> None:
    """Serve one more log, given by its verifier key; from the next start on."""
    Folder(path=state).serve_log(log)
    output.answer({"log": log}, "Added; the witness serves it from its next start on.")


@command(
    name="serve",
    examples=(
        "forewarn witness serve --state witness --listen 127.0.0.1:8480",
        "forewarn witness serve --state witness --listen 192.0.2.7:443 \\",
        "    --tls-cert witness.crt --tls-key witness.key",
    ),
)
@_state
@click.option("--listen", default="127.0.0.1:8480", show_default=True, help="Where to listen.")
@click.option("--tls-cert", type=FILE, help="Its certificate chain, PEM.")
@click.option("--tls-key", type=FILE, help="Its key, PEM.")
def serve_(*, state: Path, listen: str, tls_cert: Path | None, tls_key: Path | None) -> None:
    """Answer logs until SIGTERM or Ctrl-C, with the statuses of C2SP tlog-witness."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise click.UsageError(f"{listen!r} is not host:port, as in 127.0.0.1:8480")
    if (tls_cert is None) is not (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together")
    tls = Tls(certificate=tls_cert, key=tls_key) if tls_cert and tls_key else None
    try:
        judge = Folder(path=state).witness()
    except RecordError as error:
        raise HomeError(str(error)) from None

    def ready(url: str) -> None:
        output.answer({"serving": url}, f"serving on {url}")

    async def until_signal() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        app = application(judge, seconds)
        await serve(app, host=host, port=int(port), tls=tls, stop=stop, ready=ready)

    asyncio.run(until_signal())


@command(name="show", examples=("forewarn witness show --state witness --json",))
@_state
def show(*, state: Path) -> None:
    """Show the verifier keys, what was cosigned last of each log, and what is kept as evidence."""
    folder = Folder(path=state)
    try:
        record = folder.record()
    except RecordError as error:
        raise HomeError(str(error)) from None
    logs: list[dict[str, Any]] = []
    for origin in folder.logs():
        latest = record.latest(origin)
        logs.append(
            {
                "origin": origin,
                "size": latest.size,
                "root": latest.root.hex(),
                "cosigned_time": latest.time,
            }
        )
    evidence = [
        {
            "origin": origin,
            "size": size,
            "proves_fork": _proves_fork(size, cosigned),
            "request": request.decode(),
            "cosigned": cosigned.decode(),
        }
        for origin, size, request, cosigned in record.evidence()
    ]
    verifiers = [str(each.verifier) for each in folder.cosigners()]
    lines = [*verifiers, *(f"{log['origin']}: {log['size']} entries" for log in logs)]
    forks = sum(each["proves_fork"] is True for each in evidence)
    if forks:
        lines.append(f"FORKS: {forks}, two roots of one size, both signed; --json shows them")
    if len(evidence) > forks:
        lines.append(
            f"refused and kept: {len(evidence) - forks}, not proven to go on: a fork, or a wrong "
            "proof by whoever handed it in; --json shows them"
        )
    output.answer(
        {"verifier_keys": verifiers, "logs": logs, "evidence": evidence}, "\n".join(lines)
    )


def _proves_fork(size: int, cosigned: bytes) -> bool:
    """Tell whether what was handed in and what was cosigned contradict each other by themselves."""
    if not cosigned:
        return False
    return note.checkpoint_of(note.parse_note(cosigned).text).size == size


for each in (init, add_log, serve_, show):
    witness.add_command(each)
