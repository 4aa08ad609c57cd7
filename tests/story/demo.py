"""`make demo`: the whole story, told and checked, against a real gateway on this machine."""

import sys
from pathlib import Path

from tests.story import bulk, chapters, trials
from tests.story.claims import BrokenStoryError, Story
from tests.story.exchange import Exchange
from tests.story.processes import Processes
from tests.story.stage import Stage

CHAPTERS = (
    chapters.enrolment,
    chapters.notices,
    chapters.grant,
    chapters.breach,
    chapters.alerts,
    chapters.revocation,
    trials.attacks,
    bulk.bulk,
    trials.killed,
    trials.offline,
)


def demo(folder: Path, port: int) -> int:
    """Tell the story in a folder.

    Args:
        folder: Where the exchange goes; what an earlier telling left there is removed.
        port: Where the gateway is to listen; 0 takes a free port.

    Returns:
        The exit status: 0 only if every claim held.
    """
    story = Story(out=sys.stdout)
    with Processes() as processes:
        exchange = Exchange(folder=folder, processes=processes, port=port)
        try:
            exchange.take()
            stage = Stage(story=story, exchange=exchange)
            for chapter in CHAPTERS:
                chapter(stage)
        except BrokenStoryError as error:
            story.broken.append(str(error))
            story.say(f"\nThe story broke off: {error}")
    story.say("")
    if story.broken:
        story.say(f"{len(story.broken)} failed, {story.held} held, in {story.seconds:.0f} s.")
        if exchange.gateway_log.exists():
            story.say(f"All of it is in {folder}; what the gateway said: {exchange.gateway_log}")
        return 1
    story.say(f"All {story.held} claims held, in {story.seconds:.0f} s. All of it is in {folder}")
    return 0
