"""The command `python -m tests.story`: tell the story, or leave an exchange running.

* `up` goes to `run`, `demo` to `run/demo`: neither touches what is the other's.
* Everything that was started is stopped, also on Ctrl-C.
"""

import argparse
import sys
from pathlib import Path

from tests.story.demo import demo
from tests.story.up import up

RUN = Path(__file__).resolve().parents[2] / "run"
INTERRUPTED = 130


def main() -> int:
    """Do what is asked, and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.story")
    parser.add_argument("what", choices=["demo", "up"])
    parser.add_argument("--folder", type=Path, help="where the exchange goes")
    parser.add_argument("--port", type=int, default=0, help="of a new gateway; else a free one")
    asked = parser.parse_args()
    if asked.what == "up":
        return up((asked.folder or RUN).absolute(), asked.port)
    try:
        return demo((asked.folder or RUN / "demo").absolute(), asked.port)
    except KeyboardInterrupt:
        print("\nInterrupted; everything that was started is stopped.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
