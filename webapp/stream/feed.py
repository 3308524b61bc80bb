"""A topic in one rendering: who watches it, and what they were last sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webapp.stream.names import Topic, event_id
from webapp.stream.rendering import Rendering
from webapp.stream.update import Parts, Update
from webapp.stream.watcher import Outlet, Watcher
from webapp.stream.wire import Message


class Feed:
    def __init__(self, topic: Topic, rendering: Rendering) -> None:
        self.topic = topic
        self.rendering = rendering
        self.due = 0.0
        self._stream = rendering.stream(topic)
        self._audience: dict[Outlet, set[Watcher]] = {}
        self._newcomers: set[Watcher] = set()
        self._shown: Any = None
        self._sent: dict[str, Message] = {}
        self._position: int | None = None
        self._milestone: object = None

    def __bool__(self) -> bool:
        """Whether anybody watches."""
        return any(self._audience.values())

    def __iter__(self) -> Iterator[Watcher]:
        return (watcher for watchers in tuple(self._audience.values()) for watcher in tuple(watchers))

    def add(self, watcher: Watcher) -> None:
        self._audience.setdefault(watcher.outlet, set()).add(watcher)
        self._newcomers.add(watcher)

    def remove(self, watcher: Watcher) -> None:
        self._audience.get(watcher.outlet, set()).discard(watcher)
        self._newcomers.discard(watcher)

    def publish(self, state: Any, now: float) -> bool:
        """Send all of it to newcomers and what changed to the others; False if that is too early yet."""
        if state is self._shown and not self._newcomers:
            return True
        milestone = self.rendering.milestone(state)
        in_time = now >= self.due or milestone != self._milestone or self._would_repeat(state)
        if not in_time and not self._newcomers:
            return False
        parts = self._parts(state)
        id = event_id(self._stream, state.position) if self._stream else ""
        if in_time:
            self._publish_changes(state, parts, id)
            self.due, self._milestone, self._shown = now + self.rendering.interval, milestone, state
        self._welcome(state, parts, id)
        return in_time

    @property
    def has_told_end(self) -> bool:
        """Whether its watchers miss nothing by leaving."""
        return self._shown is not None and bool(self._shown.ended)

    def _would_repeat(self, state: Any) -> bool:
        """Whether newcomers are about to be told of what the others have yet to hear, and would hear it with them."""
        if not self._newcomers or self._position is None:
            return False
        return self.rendering.tail(state, self._position) is not None

    def _parts(self, state: Any) -> dict[str, Message]:
        if self._shown is None:
            return self.rendering.parts(state)
        return self.rendering.parts_again(state, self._shown, self._sent)

    def finish(self, last: Message | None) -> None:
        """The end, for all who watch."""
        encoded = last.encode() if last else b""
        for outlet, watchers in self._audience.items():
            outlet.finish(tuple(watchers), encoded)

    def send(self, message: Message | None) -> None:
        """Something beside what is rendered, to all who watch."""
        if message:
            self._deliver(Update.of({(self.topic, "beside"): message.encode()}))

    def _publish_changes(self, state: Any, parts: dict[str, Message], id: str) -> None:
        changed = {name: message for name, message in parts.items() if self._sent.get(name) != message}
        tail = self.rendering.tail(state, self._position) if self._position is not None else None
        if changed or tail:
            self._deliver(Update.of(self._encoded(changed, id), tail.encode(id) if tail else b""))
        self._sent, self._position = parts, state.position

    def _deliver(self, update: Update) -> None:
        for outlet, watchers in self._audience.items():
            if audience := tuple(watchers - self._newcomers if self._newcomers else watchers):
                outlet.deliver(audience, update)

    def _welcome(self, state: Any, parts: dict[str, Message], id: str) -> None:
        """Those who come with the same position, as most do with none, share what they get."""
        if not self._newcomers:
            return
        encoded = self._encoded(parts, id)
        alike: dict[tuple[Outlet, int | None], list[Watcher]] = {}
        for watcher in self._newcomers:
            position = watcher.asked.position if watcher.asked.topic == self.topic else None
            alike.setdefault((watcher.outlet, position), []).append(watcher)
        for (outlet, position), watchers in alike.items():
            tail = self.rendering.tail(state, position)
            outlet.deliver(watchers, Update.of(encoded, tail.encode(id) if tail else b"", first=True))
        self._newcomers.clear()

    def _encoded(self, parts: dict[str, Message], id: str) -> Parts:
        return {(self.topic, name): message.encode(id) for name, message in parts.items()}
