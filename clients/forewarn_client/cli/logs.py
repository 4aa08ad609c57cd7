"""`forewarn log`: the published log hashed again by anybody who has its key, once or for ever."""

import asyncio
import re
import ssl
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from forewarn_client import note
from forewarn_client.cli import output
from forewarn_client.cli.commands import FILE, Group
from forewarn_client.cli.commands import command as make_command
from forewarn_client.cli.settings import current
from forewarn_client.errors import (
    HomeError,
    RequestError,
    UnavailableError,
    VerificationError,
)
from forewarn_client.home import CA_BUNDLE, CONFIGURATION, Home
from forewarn_client.published import source
from forewarn_client.published.monitor import monitor as look_again
from forewarn_client.published.own import Own
from forewarn_client.published.source import Source
from forewarn_client.published.verify import Log, LogVerifier, Tell, VerifiedLog

_PATIENCE: Final = 60.0
_NAME: Final = re.compile(r"[^A-Za-z0-9.-]+")

log = Group(
    name="log",
    help="Verify the log that everybody can read; only its key has to be known beforehand.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is verified, and with what."""

    log: Log
    url: str
    copy: Path | None
    tls: ssl.SSLContext
    receipts: Path | None


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what both commands ask for."""
    for option in reversed(
        (
            click.argument("url", required=False),
            click.option(
                "--log-key",
                metavar="KEY",
                help="The log's key, name+id+base64, as you got it from whom you trust.",
            ),
            click.option("--audit", is_flag=True, help="The audit log instead of the ledger."),
            click.option("--ca", type=FILE, help="Authorities of its HTTPS server, PEM."),
            click.option(
                "--state",
                type=click.Path(file_okay=False, path_type=Path),
                help="Where to keep what was seen; else a folder below that of --home.",
            ),
            click.option(
                "--at-once",
                type=click.IntRange(1, 64),
                default=8,
                show_default=True,
                help="How much to fetch at the same time.",
            ),
        )
    ):
        function = option(function)
    return function


@make_command(
    examples=(
        "forewarn log verify                       the log of this folder's exchange",
        "forewarn log verify https://exchange.example/ledger --log-key exchange.example/ledger+...",
        "forewarn log verify ./copy-of-the-log --log-key exchange.example/ledger+...",
    )
)
@_options
@click.option("--restart", is_flag=True, help="Begin with the first leaf, whatever is kept.")
def verify(*, restart: bool, **asked: Any) -> None:  # noqa: ANN401 - the options above
    """Hash the whole log again and compare it with all that was ever seen of it.

    Every leaf, every tile and the root are compared with the checkpoint that the log has signed,
    and the log with every checkpoint seen before. URL may be a folder that holds a copy. Run in a
    member's folder, nothing has to be named, and the member's own statements are looked for.
    Interrupted, it goes on where it was. Exit code 5 where something does not hold.
    """
    plan = _plan(**asked)
    begun = time.monotonic()
    with _progress() as tell:
        found = asyncio.run(_verify(plan, tell, restart=restart))
    seconds = time.monotonic() - begun
    read = found.checkpoint.size - found.begun
    view = _view(plan, found) | {
        "seconds": round(seconds, 3),
        "leaves_per_second": round(read / seconds) if seconds else 0,
    }
    output.answer(view, _text(found))


@make_command(
    examples=(
        "forewarn log monitor",
        "forewarn log monitor --every 300 --json >> log-monitor.jsonl",
        "forewarn log monitor --once        for cron: what is new since the last time",
    )
)
@_options
@click.option(
    "--every",
    type=click.FloatRange(1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait between two looks, about.",
)
@click.option(
    "--silence",
    type=click.FloatRange(0),
    default=86_400.0,
    show_default=True,
    metavar="SECONDS",
    help="For how long it may not be readable before the monitor ends.",
)
@click.option("--once", is_flag=True, help="Look once and end.")
def monitor(
    *,
    every: float,
    silence: float,
    once: bool,
    **asked: Any,  # noqa: ANN401 - the options above
) -> None:
    """Keep verifying what is new in a log, and end only when something does not hold.

    Prints a line after each look. Exit code 5 says that the log was rewritten, rolled back, or does
    not fit together: both signed checkpoints are saved as evidence. A log that cannot be read is
    told and tried again, for a day: exit code 4 says that it stayed so, since a log that is kept
    from you looks like one that is down.
    """
    plan = _plan(**asked)
    asyncio.run(_monitor(plan, every, silence, once=once))


async def _verify(plan: _Plan, tell: Tell, *, restart: bool) -> VerifiedLog:
    async with _verifying(plan, tell) as verifier:
        if restart:
            verifier.anew()
        return await verifier.whole()


async def _monitor(plan: _Plan, every: float, silence: float, *, once: bool) -> None:
    async with _verifying(plan, lambda _done, _all: None) as verifier:
        if once:
            _tell(plan, await verifier.onward())
            return
        async with aclosing(look_again(verifier.onward, every, silence)) as looks:
            async for found in looks:
                _tell(plan, found)


@asynccontextmanager
async def _verifying(plan: _Plan, tell: Tell) -> AsyncGenerator[LogVerifier, None]:
    own = None if plan.receipts is None else Own(folder=plan.receipts, key=plan.log.key)
    async with _source(plan) as found:
        yield LogVerifier(plan.log, found, own=own, tell=tell)


@asynccontextmanager
async def _source(plan: _Plan) -> AsyncGenerator[Source, None]:
    if plan.copy is not None:
        yield source.folder(plan.copy)
        return
    seconds = current().patience
    patience = _PATIENCE if seconds is None else seconds
    async with source.web(
        plan.url, tls=plan.tls, at_once=plan.log.at_once, patience=patience
    ) as found:
        yield found


def _plan(
    *,
    url: str | None,
    log_key: str | None,
    audit: bool,
    ca: Path | None,
    state: Path | None,
    at_once: int,
) -> _Plan:
    """Put together what was typed and what the folder pins; what was typed counts."""
    home = Home.load(current().home) if (current().home / CONFIGURATION).is_file() else None
    stranger = log_key is not None
    if home is not None and not stranger:
        exchange = home.exchange
        log_key = exchange.audit_log_key if audit else exchange.log_key
        url = url or (exchange.audit_log_url if audit else exchange.log_url)
    if not log_key:
        raise RequestError("name the log's key with --log-key: without it nothing can be verified")
    if not url:
        raise RequestError(
            "name the log's URL: this folder's exchange.toml named none, so ask whoever runs the "
            "exchange whether its log is published"
        )
    try:
        key = note.VerifierKey.parse(log_key)
    except VerificationError as error:
        raise RequestError(error.detail) from None
    folder = state or current().home / "logs" / f"{_NAME.sub('-', key.name)}-{key.key_id.hex()}"
    own = home is not None and key.name == home.exchange.origin and not stranger
    return _Plan(
        log=Log(
            key=key,
            log_key=log_key,
            folder=folder,
            evidence=home.evidence if home is not None and own else folder / "evidence",
            at_once=at_once,
        ),
        url=url,
        copy=Path(url) if "://" not in url and Path(url).is_dir() else None,
        tls=_tls(ca, home),
        receipts=home.receipts if home is not None and own else None,
    )


def _tls(ca: Path | None, home: Home | None) -> ssl.SSLContext:
    """Take the authorities that are named; else those of this machine, and the folder's own."""
    try:
        context = ssl.create_default_context(cafile=ca)
        if ca is None and home is not None and (home.path / CA_BUNDLE).is_file():
            context.load_verify_locations(home.path / CA_BUNDLE)
    except (OSError, ssl.SSLError):
        raise HomeError(f"{ca or CA_BUNDLE} holds no certificates in PEM form") from None
    return context


def _tell(plan: _Plan, found: VerifiedLog | UnavailableError) -> None:
    if isinstance(found, UnavailableError):
        output.error(found.reason, found.detail)
        return
    output.answer(_view(plan, found), f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {_text(found)}")


def _view(plan: _Plan, found: VerifiedLog) -> dict[str, Any]:
    return {
        "verified": True,
        "origin": plan.log.key.name,
        "size": found.checkpoint.size,
        "root": found.checkpoint.root.hex(),
        "read_from": found.begun,
        "checkpoints_compared": found.compared,
        **({} if plan.receipts is None else {"own_statements": found.own}),
    }


def _text(found: VerifiedLog) -> str:
    read = found.checkpoint.size - found.begun
    own = f"; {found.own} statements of this folder stand where they have to" * bool(found.own)
    log = found.checkpoint.checkpoint
    return (
        f"OK  {log.origin}: {log.size} entries, {read} of them read now; agrees with "
        f"{found.compared} checkpoints seen before{own}"
    )


@contextmanager
def _progress() -> Iterator[Tell]:
    """Show how far it is, on a terminal."""
    if output.wants_json() or not sys.stderr.isatty():
        with nullcontext():
            yield lambda _done, _all: None
        return
    # Loaded late: it takes longer than most commands.
    from rich.console import Console  # noqa: PLC0415 - loaded where it is drawn
    from rich.progress import Progress  # noqa: PLC0415 - loaded where it is drawn

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Hashing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


for made in (verify, monitor):
    log.add_command(made)
