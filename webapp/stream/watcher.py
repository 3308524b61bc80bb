"""One open stream: who watches, and how what is new gets to them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from webapp.records.credential import Credential
from webapp.stream.names import Topic
from webapp.stream.update import Update

if TYPE_CHECKING:
    from webapp.stream.feed import Feed

# What can't be dropped, and nobody takes.
PENDING_BYTES = 256 * 1024


class Asked(NamedTuple):
    """Who wants to watch from where; `position` says how far they had come in the topic when they were cut."""

    credential: Credential
    address: str
    topic: Topic
    position: int | None = None


class Outlet(Protocol):
    """One way in which bytes get to watchers. All calls come from the hub's thread."""

    @property
    def ready(self) -> bool:
        """Whether what was delivered is on its way. Until then the hub waits, and sends what is newest then."""

    def deliver(self, watchers: Sequence[Watcher], update: Update) -> None:
        """Send them what is new, at the latest at the next `flush`."""

    def finish(self, watchers: Sequence[Watcher], last: bytes = b"") -> None:
        """Send them what still waits, then `last`, and nothing after that."""

    def flush(self) -> None:
        """The tick is over."""


class Watcher:
    """Kept small: there may be ten thousand."""

    __slots__ = ("asked", "events", "feeds", "finished", "opened_at", "outlet")

    def __init__(self, asked: Asked, outlet: Outlet) -> None:
        self.asked = asked
        self.outlet = outlet
        self.opened_at = time.monotonic()
        self.events = 0
        self.finished = False
        self.feeds: tuple[Feed, ...] = ()

    @property
    def user_id(self) -> int:
        return self.asked.credential.user_id

    def __str__(self) -> str:
        """`job=42 user=7`, for the log."""
        return f"{self.asked.topic.noun}={self.asked.topic.id} user={self.user_id}"

    @property
    def account(self) -> str:
        """How it went: `seconds=4.2 events=12`."""
        return f"seconds={time.monotonic() - self.opened_at:.1f} events={self.events}"
