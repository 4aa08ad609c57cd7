"""What the chapters of the story share: who is there, what was sent, which streams are open."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from tests.story import cast, documents
from tests.story.claims import Story
from tests.story.exchange import Exchange, Member
from tests.story.processes import Object, Stream

REFUSED: Final = 3
_AT_ONCE: Final = 3

_Done = TypeVar("_Done")


@dataclass(slots=True, kw_only=True)
class Stage:
    """A story under way.

    Attributes:
        story: Who tells and checks it.
        exchange: The exchange that it plays in.
        sent: What members remember of the statements that they sent, by a word for each.
        streams: The open streams, by member.
    """

    story: Story
    exchange: Exchange
    sent: dict[str, Object] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)

    def __getitem__(self, role: cast.Role) -> Member:
        """Give a member."""
        return self.exchange.member(role)

    def document(self, example: str, role: cast.Role, name: str = "", **blanks: str) -> Path:
        """Write a document of the story into the folder of the member that will send it."""
        path = self[role].home / (name or example)
        return documents.write(example, path, now=datetime.now(UTC), **blanks)

    def follow(self, *roles: cast.Role) -> None:
        """Open the inboxes of members, and wait until each stream says that it is open."""
        for role in roles:
            log = self.exchange.logs / f"{role.member}-inbox.log"
            self.streams[role.member] = self[role].stream("inbox", "follow", log=log)
        for role in roles:
            self.streams[role.member].wait(lambda value: value["event"] == "open")

    def each(
        self, do: Callable[[Member], _Done], roles: Iterable[cast.Role]
    ) -> dict[cast.Role, _Done]:
        """Have members do something, a few at the same time, and give what came of it."""
        listed = list(roles)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(listed, pool.map(do, map(self.__getitem__, listed)), strict=True))

    def millis_since_received(self, seconds: float, record: Object) -> float:
        """Tell how long after its receipt at the gateway something happened, in milliseconds."""
        received = datetime.fromisoformat(record["received_time"]).timestamp()
        return (seconds - received) * 1000
