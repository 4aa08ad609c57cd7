"""Child processes: the commands of members, their open streams, and what keeps running.

* Every child is started here, in a process group of its own, so that Ctrl-C reaches the story
  alone, which then stops its children in order, each by its process id.
* A command of a member gets that member's folder and nothing else of the exchange: no variable of
  the caller's environment but PATH and the locale, and the folder as its working directory.
* What a stream prints is stamped with this machine's clock the moment its line arrives.

It does not judge what a command says.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.story.claims import BrokenStoryError

BIN: Final = Path(sys.executable).parent
COMMAND_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 20.0

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a command ended.

    Attributes:
        command: What was run, for people.
        status: Its exit status.
        out: Its standard output.
        err: Its standard error.
    """

    command: str
    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[Object]:
        """The objects that it printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    @property
    def object(self) -> Object:
        """The one object that it printed.

        Raises:
            BrokenStoryError: It printed none, or several.
        """
        objects = self.objects
        if len(objects) != 1:
            raise BrokenStoryError(f"`{self.command}` printed {len(objects)} objects, not one")
        return objects[0]

    @property
    def error(self) -> Object:
        """The error that it printed; empty where there is none."""
        for line in reversed(self.err.splitlines()):
            with suppress(ValueError):
                error = json.loads(line).get("error")
                if isinstance(error, dict):
                    return error
        return {}

    def require(self) -> Self:
        """Insist that it succeeded.

        Raises:
            BrokenStoryError: It did not.
        """
        if self.status:
            said = self.err.strip() or self.out.strip()
            raise BrokenStoryError(f"`{self.command}` ended with status {self.status}: {said}")
        return self


class Processes:
    """Everything that a story started and has not stopped yet."""

    def __init__(self) -> None:
        """Begin with none."""
        self._running: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Stop everything at the end of the block, and make a request to end an orderly end."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, the last first."""
        for process in reversed(self._running.copy()):
            self.stop(process)

    def start(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        env: dict[str, str],
        out: int,
        err: int,
    ) -> subprocess.Popen[bytes]:
        """Start a child.

        Args:
            command: The program's path and its arguments.
            cwd: Its working directory.
            env: Its environment, whole.
            out: Where its standard output goes, as `subprocess` takes it.
            err: Where its standard error goes.

        Returns:
            The child.
        """
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            process_group=0,
        )
        with self._lock:
            self._running.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes], by: signal.Signals = signal.SIGTERM) -> int:
        """End a child and wait for its end.

        Args:
            process: The child; it may have ended already.
            by: The signal that asks it to; SIGKILL follows where it does not end in time.

        Returns:
            Its exit status, negative for a signal.
        """
        if process.poll() is None:
            process.send_signal(by)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        status = process.wait()
        with self._lock, suppress(ValueError):
            self._running.remove(process)
        return status

    def run(
        self, command: Sequence[str | Path], *, cwd: Path, env: dict[str, str] | None = None
    ) -> Answer:
        """Run a command to its end.

        Args:
            command: The program's path and its arguments.
            cwd: Its working directory.
            env: What its environment holds beside PATH and the locale.

        Returns:
            How it ended.

        Raises:
            BrokenStoryError: It did not end in time.
        """
        shown = " ".join([Path(command[0]).name, *map(str, command[1:])])
        pipe = subprocess.PIPE
        process = self.start(command, cwd=cwd, env=environment(env), out=pipe, err=pipe)
        try:
            out, err = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            raise BrokenStoryError(
                f"`{shown}` did not end within {COMMAND_SECONDS:.0f} s"
            ) from None
        finally:
            self.stop(process)
        return Answer(command=shown, status=process.returncode, out=out.decode(), err=err.decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One object that a stream printed.

    Attributes:
        value: The object.
        seconds: This machine's clock when its line arrived, in seconds since the epoch.
    """

    value: Object
    seconds: float


@dataclass(slots=True, kw_only=True)
class Stream:
    """A command that goes on printing objects.

    Attributes:
        process: The command.
        lines: What it printed so far.
    """

    process: subprocess.Popen[bytes]
    lines: list[Line] = field(default_factory=list)
    _grown: threading.Condition = field(default_factory=threading.Condition)
    _ended: bool = False

    @classmethod
    def of(cls, process: subprocess.Popen[bytes]) -> Self:
        """Read a child's standard output from now on."""
        stream = cls(process=process)
        threading.Thread(target=stream._read, daemon=True).start()
        return stream

    def wait(self, meant: Callable[[Object], object], within: float = 30.0) -> Line:
        """Wait for an object.

        Args:
            meant: Tells whether an object is the one.
            within: Seconds.

        Returns:
            The first one that was printed.

        Raises:
            BrokenStoryError: None came in time, or before the command ended.
        """
        with self._grown:
            self._grown.wait_for(lambda: self._ended or self._first(meant), within)
            found = self._first(meant)
            if found is None:
                why = "it ended" if self._ended else f"nothing such came within {within:.0f} s"
                raise BrokenStoryError(f"an open stream: {why}, after {len(self.lines)} lines")
            return found

    def _first(self, meant: Callable[[Object], object]) -> Line | None:
        return next((line for line in self.lines if meant(line.value)), None)

    def values(self) -> list[Object]:
        """Give what was printed so far."""
        with self._grown:
            return [line.value for line in self.lines]

    def _read(self) -> None:
        pipe: Iterable[bytes] = self.process.stdout or ()
        for text in pipe:
            now = time.time()
            with self._grown:
                self.lines.append(Line(value=json.loads(text), seconds=now))
                self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._grown.notify_all()


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """Make the environment of a child: PATH, a UTF-8 locale, and what is given."""
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {"PATH": path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **(more or {})}


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
