"""How a kind of watcher sees a state. A rendering knows neither Redis nor sockets."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, ClassVar

from webapp.stream.names import Topic
from webapp.stream.wire import HEARTBEAT, Message


class Rendering:
    """Base of all renderings; equal ones share what they render.

    `interval` is the least number of seconds between two updates; milestones are never held back, and nothing is
    when a newcomer comes in between and there is more of the `tail`.
    """

    interval: ClassVar[float] = 0.0
    heartbeat: ClassVar[bytes] = HEARTBEAT
    # Other records share the stream: it goes on when this one has ended or is gone.
    endless: bool = False
    # Seconds until it is read again though nothing was said of it; for what changes by itself.
    refresh: ClassVar[float | None] = None

    def parts(self, state: Any) -> dict[str, Message]:
        """All that can be sent again and again, by part; only what differs from the last time is sent."""
        return {}

    def parts_again(self, state: Any, before: Any, sent: dict[str, Message]) -> dict[str, Message]:
        """The same, after `before` was `sent`: what can't differ since then need not be drawn again."""
        return self.parts(state)

    def tail(self, state: Any, after: int | None) -> Message | None:
        """What is appended, never repeated: all of it (None), or what came after a position."""
        return None

    def milestone(self, state: Any) -> Hashable:
        """When this changes, the update goes at once."""
        return None

    def stream(self, topic: Topic) -> str:
        """The first half of the ids of its events; empty for events that carry no id."""
        return ""

    def follows(self, state: Any) -> Iterable[tuple[Topic, Rendering]]:
        """What else a watcher of this one is to see."""
        return ()

    def farewell(self, state: Any) -> Message | None:
        """The last event of a record that has ended."""
        return None

    def ends(self, state: Any) -> bool:
        """Whether the stream ends here."""
        return state.ended and not self.endless

    def gone(self, topic: Topic) -> Message | None:
        """The last event of a record that is not there any more."""
        return None
