"""A command of the user's own, run once for each delivery: `inbox follow --exec`.

* It is started as it was typed, split into words as a shell would, by no shell.
* It finds the record as JSON on its standard input, the same as `--json` shows it, and a few facts
  in its environment. Nothing that others wrote freely is among those.
* It has a process group of its own, and so long to run. Then, and when this command is ended, the
  group gets SIGTERM, and SIGKILL where it stays.
* Exit status 0 says that the delivery is dealt with. Everything else says that it is not, and it
  comes again: at least once, never "at most once".

What it does to the cursor stands in `following`.
"""

import asyncio
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

import click

from forewarn_client.cli import output
from forewarn_client.cli.failures import CommandFailedError
from forewarn_client.home import Home
from forewarn_client.terminal import json_line, safe

_GRACE: Final = 2.0
"""Seconds between SIGTERM and SIGKILL."""

_LONGEST_PAUSE: Final = 60.0

_FACTS: Final = (
    *("index", "kind", "sender", "digest", "case", "case_state", "statement_id", "tlp"),
    "received_time",
)
"""Keys of a record that the command also finds in its environment, as in `FOREWARN_KIND`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A command that is run for each delivery.

    Attributes:
        words: The command and its arguments.
        seconds: For how long it may run.
        retries: How often it is run again for the same delivery, at most.
        aside: Whether what it prints goes to standard error: standard output then holds JSON only.
    """

    words: tuple[str, ...]
    seconds: float
    retries: int
    aside: bool

    @classmethod
    def of(cls, typed: str, *, seconds: float, retries: int, aside: bool) -> Self:
        """Take a command as it was typed.

        Args:
            typed: The command, as in `notify-send --urgent`.
            seconds: For how long it may run.
            retries: How often it is run again, at most.
            aside: Whether what it prints goes to standard error.

        Returns:
            The hook.

        Raises:
            click.UsageError: It cannot be split into words, or there is no such program.
        """
        try:
            words = tuple(shlex.split(typed))
        except ValueError as error:
            raise click.UsageError(f"--exec: {error}") from None
        if not words or shutil.which(words[0]) is None:
            named = safe(words[0]) if words else "nothing"
            raise click.UsageError(
                f"--exec: there is no program {named}. No shell reads the command; for its "
                "syntax, run one: --exec 'sh -c \"...\"'"
            )
        return cls(words=words, seconds=seconds, retries=retries, aside=aside)

    async def run(self, view: Mapping[str, Any], home: Home) -> None:
        """Run it for a delivery, again where it fails and that is asked for.

        Args:
            view: The record, as JSON shows it.
            home: The member's folder.

        Raises:
            CommandFailedError: It did not end with status 0.
        """
        pause, left = 1.0, self.retries
        while failed := await self._run(view, home):
            if not left:
                raise CommandFailedError(
                    f"the command {failed} for entry {view['index']}: mend it, and follow again; "
                    "this entry then comes first"
                )
            output.remark(f"The command {failed}; again in {pause:g} s.")
            await asyncio.sleep(pause)
            pause, left = min(2 * pause, _LONGEST_PAUSE), left - 1

    async def _run(self, view: Mapping[str, Any], home: Home) -> str:
        """Run it once; give what went wrong, or nothing."""
        # A file, not a pipe: nobody waits for a command that does not read it.
        with tempfile.TemporaryFile(dir=home.state) as record:
            record.write(json_line(view).encode() + b"\n")
            record.seek(0)
            try:
                process = await asyncio.create_subprocess_exec(
                    *self.words,
                    stdin=record,
                    stdout=sys.__stderr__ if self.aside else None,
                    env={**os.environ, **_facts(view), "FOREWARN_HOME": str(home.path)},
                    start_new_session=True,
                )
            except OSError as error:
                return f"cannot be started ({error.strerror})"
        try:
            async with asyncio.timeout(self.seconds):
                status = await process.wait()
        except TimeoutError:
            return f"did not end within {self.seconds:g} s"
        finally:
            await _end(process)
        if status < 0:
            return f"was ended by signal {-status}"
        return f"ended with status {status}" if status else ""


def _facts(view: Mapping[str, Any]) -> dict[str, str]:
    return {f"FOREWARN_{name.upper()}": safe(str(view[name])) for name in _FACTS}


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command that is still running, and whatever it has started."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await process.wait()
    # Whoever is still there, or was started by it and did not listen.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
