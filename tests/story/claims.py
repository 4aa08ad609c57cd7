"""Telling a story, and checking it while it is told.

* A claim is printed as held only after its condition was evaluated and was true.
* A claim that does not hold is printed with what was found instead; the story goes on as far as it
  can, and is a failure as a whole.
* What cannot go on raises `BrokenStoryError`.

It knows nothing of the exchange.
"""

import time
from dataclasses import dataclass, field
from typing import Final, TextIO

_HELD: Final = "\N{CHECK MARK}"
_BROKEN: Final = "\N{BALLOT X}"


class BrokenStoryError(Exception):
    """The story cannot go on; the text says why and where to look."""


@dataclass(slots=True, kw_only=True)
class Story:
    """A story that is being told.

    Attributes:
        out: Where it is told.
        held: How many claims held so far.
        broken: The claims that did not.
        began: Monotonic time at which it began, in seconds.
    """

    out: TextIO
    held: int = 0
    broken: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _chapters: int = 0

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def chapter(self, title: str) -> None:
        """Begin the next numbered chapter."""
        self._chapters += 1
        self.say(f"\n{self._chapters}. {title}")

    def interlude(self, title: str) -> None:
        """Begin a part that has no number."""
        self.say(f"\n*  {title}")

    def say(self, line: str) -> None:
        """Tell something that is no claim."""
        print(line, file=self.out, flush=True)

    def note(self, line: str) -> None:
        """Tell a detail that is no claim."""
        self.say(f"   {line}")

    def claim(self, sentence: str, held: object, found: object = "") -> None:
        """Say that something is so, if it is.

        Args:
            sentence: The claim.
            held: Its condition, evaluated; what Python takes for true holds.
            found: What is shown if it does not hold.
        """
        if held:
            self.held += 1
            self.say(f"   {_HELD} {sentence}")
            return
        self.broken.append(sentence)
        self.say(f"   {_BROKEN} NOT SO: {sentence}")
        if found != "":
            self.say(f"     found: {found}")

    def same(self, sentence: str, found: object, expected: object) -> None:
        """Claim that two values are equal, and show both if they are not.

        Args:
            sentence: The claim.
            found: What was found.
            expected: What it has to be.
        """
        self.claim(sentence, found == expected, f"{found!r}, not {expected!r}")
