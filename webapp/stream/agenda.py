"""Which topics are to be seen to, when, and how much of each has to be read again."""

from __future__ import annotations

import heapq
from enum import IntEnum

from webapp.stream.names import Topic


class Depth(IntEnum):
    """From what is known already, to all of it: that costs many times what the progress of a running job does."""

    KNOWN = 0
    PROGRESS = 1
    LINES = 2
    WHOLE = 3


class Agenda:
    """Looking at it costs as much as is due, not as much as is watched."""

    def __init__(self) -> None:
        self._entries: dict[Topic, tuple[float, Depth]] = {}
        self._order: list[tuple[float, Topic]] = []

    def mark(self, topic: Topic, due: float = 0.0, depth: Depth = Depth.WHOLE) -> None:
        """Have it seen to, now or once it is due. What was to be later comes earlier, and the deepest look counts."""
        at, before = self._entries.get(topic, (None, Depth.KNOWN))
        if at is None or due < at:
            heapq.heappush(self._order, (due, topic))
            at = due
        self._entries[topic] = at, max(before, depth)

    def take(self, now: float) -> dict[Topic, Depth]:
        """What is due; it is off the agenda then."""
        due: dict[Topic, Depth] = {}
        while self._order and self._order[0][0] <= now:
            at, topic = heapq.heappop(self._order)
            # Else it was brought forward, and this is its old place.
            if self._entries.get(topic, (None,))[0] == at:
                due[topic] = self._entries.pop(topic)[1]
        return due

    @property
    def next_at(self) -> float | None:
        return self._order[0][0] if self._order else None
