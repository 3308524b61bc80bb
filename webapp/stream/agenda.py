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
        self._marked: dict[Topic, Depth] = {}
        self._later: dict[Topic, tuple[float, Depth]] = {}
        self._order: list[tuple[float, Topic]] = []

    def mark(self, topic: Topic, depth: Depth = Depth.WHOLE) -> None:
        """Have it seen to next, as deep as anybody asks."""
        before = self._marked.get(topic)
        if before is None or before < depth:
            self._marked[topic] = depth

    def mark_later(self, topic: Topic, due: float, depth: Depth = Depth.WHOLE) -> None:
        """Have it seen to once that is due. Of two moments the earlier counts, and the deepest look."""
        at, before = self._later.get(topic, (None, Depth.KNOWN))
        if at is None or due < at:
            heapq.heappush(self._order, (due, topic))
            at = due
        elif depth <= before:
            return
        self._later[topic] = at, max(before, depth)

    def take(self, now: float) -> dict[Topic, Depth]:
        """What is due; it is off the agenda then."""
        due, self._marked = self._marked, {}
        while self._order and self._order[0][0] <= now:
            at, topic = heapq.heappop(self._order)
            # Else it was brought forward, and this is its old place.
            if self._later.get(topic, (None,))[0] == at:
                depth = self._later.pop(topic)[1]
                due[topic] = max(due.get(topic, depth), depth)
        return due

    @property
    def next_at(self) -> float | None:
        if self._marked:
            return 0.0
        return self._order[0][0] if self._order else None
