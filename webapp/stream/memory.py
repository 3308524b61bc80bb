"""What watched topics were like when they were last read, so that no more is read than may have changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from webapp.stream.agenda import Depth
from webapp.stream.names import Topic
from webapp.stream.state import JobState, State

# Seconds for which newcomers are shown what was read.
KNOWN_FOR = 1.0

Load = Callable[[Topic, State | None], State | None]
MoveOn = Callable[[Mapping[Topic, tuple[State, Depth]]], Mapping[Topic, State]]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Known:
    """What a topic was like, when last any of it was read."""

    state: State
    read_at: float


class Memory:
    """`load` reads a topic whole; `move_on` those of which only the progress is new, if it can."""

    def __init__(self, load: Load, move_on: MoveOn) -> None:
        self._load = load
        self._move_on = move_on
        self._known: dict[Topic, Known] = {}

    def forget(self, topic: Topic) -> None:
        self._known.pop(topic, None)

    def waiting(self) -> Iterator[Topic]:
        """Jobs that had a place in the line."""
        return (topic for topic, state in self.jobs().items() if state.place)

    def jobs(self) -> dict[Topic, JobState]:
        return {topic: known.state for topic, known in self._known.items() if isinstance(known.state, JobState)}

    def moved(self, due: Mapping[Topic, Depth], now: float) -> dict[Topic, State]:
        """The present states of those that need not be read whole."""
        moved: dict[Topic, State] = {}
        asked: dict[Topic, tuple[State, Depth]] = {}
        for topic, depth in due.items():
            known = self._known.get(topic)
            if known is None or depth == Depth.WHOLE:
                continue
            if depth == Depth.KNOWN and now - known.read_at < KNOWN_FOR:
                moved[topic] = known.state
            else:
                asked[topic] = known.state, depth
        for topic, state in self._read_on(asked).items():
            known = self._known[topic]
            known.state, known.read_at = state, now
            moved[topic] = state
        return moved

    def _read_on(self, asked: Mapping[Topic, tuple[State, Depth]]) -> Mapping[Topic, State]:
        try:
            return self._move_on(asked) if asked else {}
        except Exception:
            # Then they are read whole, each by itself.
            log.exception("what is new could not be read")
            return {}

    def read(self, topic: Topic, now: float) -> State | None:
        """Its present state, read whole; None if there is no such thing."""
        known = self._known.get(topic)
        state = self._load(topic, known.state if known else None)
        if state is not None:
            self._known[topic] = Known(state, read_at=now)
        return state
