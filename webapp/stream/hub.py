"""The hub of a process: who watches what, and one loop that brings changes to them.

A changed record is read once a tick, rendered once for each rendering that somebody watches, and
encoded once; its watchers share the bytes. Words of change only say that something is dirty, so a
burst of them costs one update.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from webapp.records.database import Change
from webapp.stream.names import EVERYBODY, Topic, event_id
from webapp.stream.rendering import Rendering
from webapp.stream.state import JobState, State
from webapp.stream.watcher import Watcher
from webapp.stream.wire import Message

TICK = 0.02
IDLE = 5.0
STALLED_AFTER = 30.0
# Before what could not be read is tried again.
RETRY = 1.0
# Whatever moves the queue moves the places of those who wait in it.
QUEUE_MOVES = ("claimed", "cancelled", "released", "failed")

log = logging.getLogger(__name__)


class TooManyStreams(Exception):
    """A bound is reached. `busy` says that it is the process's own, not the client's."""

    def __init__(self, message: str, *, busy: bool) -> None:
        super().__init__(message)
        self.busy = busy


@dataclass(frozen=True)
class Limits:
    per_user: int
    per_address: int
    per_process: int


@dataclass(eq=False)
class Feed:
    """A topic in one rendering: its watchers, and what they were last sent."""

    topic: Topic
    rendering: Rendering
    watchers: set[Watcher] = field(default_factory=set)
    newcomers: set[Watcher] = field(default_factory=set)
    sent: dict[str, Message] = field(default_factory=dict)
    position: int | None = None
    milestone: object = None
    due: float = 0.0

    def publish(self, state: State, now: float) -> bool:
        """Send all of it to newcomers and what changed to the others; False if that is too early yet."""
        milestone = self.rendering.milestone(state)
        in_time = now >= self.due or milestone != self.milestone
        if not in_time and not self.newcomers:
            return False
        parts = self.rendering.parts(state)
        stream = self.rendering.stream(state)
        id = event_id(stream, state.position) if stream else ""
        if in_time:
            self._publish_changes(state, parts, id)
            self.due, self.milestone = now + self.rendering.interval, milestone
        self._welcome(state, parts, id)
        return in_time

    def _publish_changes(self, state: State, parts: dict[str, Message], id: str) -> None:
        changed = {name: message for name, message in parts.items() if self.sent.get(name) != message}
        encoded = self._encoded(changed, id)
        tail = self.rendering.tail(state, self.position) if self.position is not None else None
        appended = tail.encode(id) if tail else b""
        if encoded or appended:
            for watcher in self.watchers - self.newcomers:
                watcher.offer(encoded, appended)
        self.sent, self.position = parts, state.position

    def _welcome(self, state: State, parts: dict[str, Message], id: str) -> None:
        for watcher in self.newcomers:
            tail = self.rendering.tail(state, watcher.after.get(self.topic))
            watcher.offer(self._encoded(parts, id), tail.encode(id) if tail else b"")
        self.newcomers.clear()

    def _encoded(self, parts: dict[str, Message], id: str) -> dict[object, bytes]:
        return {(self.topic, name): message.encode(id) for name, message in parts.items()}

    def finish(self, last: Message | None) -> None:
        encoded = last.encode() if last else b""
        for watcher in tuple(self.watchers):
            watcher.finish(encoded)


class Hub:
    def __init__(
        self,
        load: Callable[[Topic, State | None], State | None],
        limits: Limits,
        *,
        tick: float = TICK,
        stalled_after: float = STALLED_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._limits = limits
        self._tick = tick
        self._stalled_after = stalled_after
        self._clock = clock
        self._idle = min(IDLE, stalled_after / 2)
        self._lock = threading.RLock()
        self._stirred = threading.Event()
        self._closed = False
        self._feeds: dict[tuple[Topic, Rendering], Feed] = {}
        self._states: dict[Topic, State] = {}
        self._dirty: dict[Topic, float] = {}
        self._following: dict[Watcher, set[Feed]] = {}

    # Watching

    def subscribe(self, watcher: Watcher, wanted: Iterable[tuple[Topic, Rendering]]) -> None:
        """Have a watcher sent the present state and then what changes. Raises TooManyStreams."""
        with self._lock:
            if self._closed:
                raise TooManyStreams("This server is about to stop.", busy=True)
            if self._refusal(watcher):
                self._forget_those_who_left()
            if refusal := self._refusal(watcher):
                raise refusal
            self._following[watcher] = set()
            self._follow(watcher, wanted)

    def unsubscribe(self, watcher: Watcher) -> None:
        with self._lock:
            for feed in self._following.pop(watcher, set()):
                self._leave(watcher, feed)

    def __len__(self) -> int:
        """Open streams."""
        return len(self._following)

    def _refusal(self, watcher: Watcher) -> TooManyStreams | None:
        users = Counter(other.user_id for other in self._following)
        addresses = Counter(other.address for other in self._following)
        if len(self._following) >= self._limits.per_process:
            return TooManyStreams("This server holds as many streams as it may.", busy=True)
        if users[watcher.user_id] >= self._limits.per_user:
            return TooManyStreams("You have as many streams open as one user may.", busy=False)
        if addresses[watcher.address] >= self._limits.per_address:
            return TooManyStreams("There are as many streams open from your address as may be.", busy=False)
        return None

    def _forget_those_who_left(self) -> None:
        """Their absence would else be noticed when something is written to them, and then once more."""
        for watcher in [watcher for watcher in self._following if watcher.has_left()]:
            self.unsubscribe(watcher)
            watcher.finish()

    def _follow(self, watcher: Watcher, wanted: Iterable[tuple[Topic, Rendering]]) -> None:
        for topic, rendering in wanted:
            feed = self._feeds.setdefault((topic, rendering), Feed(topic, rendering))
            if watcher not in feed.watchers:
                feed.watchers.add(watcher)
                feed.newcomers.add(watcher)
                self._following[watcher].add(feed)
                self._mark(topic)

    def _leave(self, watcher: Watcher, feed: Feed) -> None:
        feed.watchers.discard(watcher)
        feed.newcomers.discard(watcher)
        if not feed.watchers:
            self._feeds.pop((feed.topic, feed.rendering), None)
            if not any(topic == feed.topic for topic, _ in self._feeds):
                self._states.pop(feed.topic, None)

    # Hearing of changes

    def changed(self, change: Change) -> None:
        """Take word of a change, from the transport."""
        with self._lock:
            if change.noun == "user":
                self._dismiss(change.id)
                return
            if change.noun == "job":
                self._mark(Topic("job", change.id))
            if change.what == "queued":
                self._mark_lists(change.owner_id)
            if change.noun == "queue" or change.what in QUEUE_MOVES:
                for topic, state in self._states.items():
                    if isinstance(state, JobState) and state.place:
                        self._mark(topic)

    def _mark_lists(self, owner_id: int) -> None:
        for topic, _ in self._feeds:
            if topic.noun != "job" and topic.id in (owner_id, EVERYBODY):
                self._mark(topic)

    def resync(self) -> None:
        """Read everything again: words may have been lost."""
        with self._lock:
            for topic, _ in self._feeds:
                self._mark(topic)

    def readmit(self) -> None:
        """End the streams of those who were shut out while no word of it could come."""
        with self._lock:
            watchers = list(self._following)
        for watcher in watchers:
            if not watcher.may_stay():
                watcher.finish()

    def _dismiss(self, user_id: int) -> None:
        """End a person's streams; who still may comes back, and is asked who they are again."""
        for watcher in self._following:
            if watcher.user_id == user_id:
                watcher.finish()

    def _mark(self, topic: Topic) -> None:
        self._dirty.setdefault(topic, 0.0)
        self._stirred.set()

    # The loop

    def run(self) -> None:
        """Bring changes to watchers until closed."""
        while not self._closed:
            self._stirred.wait(self._until_next())
            self._stirred.clear()
            self.tick()
            time.sleep(self._tick)

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """End the loop and every stream."""
        self._closed = True
        with self._lock:
            for watcher in self._following:
                watcher.finish()
        self._stirred.set()

    def tick(self) -> None:
        """Publish what is dirty and due."""
        with self._lock:
            now = self._clock()
            for topic in [topic for topic, due in self._dirty.items() if due <= now]:
                del self._dirty[topic]
                try:
                    self._refresh(topic, now)
                except Exception:
                    # One record that can't be read or drawn must not hold up the others.
                    log.exception("%s %s could not be shown", topic.noun, topic.id)
                    self._dirty[topic] = now + RETRY
            self._drop_stalled()

    def _until_next(self) -> float:
        with self._lock:
            return max(min((due - self._clock() for due in self._dirty.values()), default=self._idle), 0.0)

    def _refresh(self, topic: Topic, now: float) -> None:
        feeds = [feed for (watched, _), feed in self._feeds.items() if watched == topic]
        if not feeds:
            return
        state = self._load(topic, self._states.get(topic))
        if state is None:
            for feed in feeds:
                self._forget(feed)
            return
        self._states[topic] = state
        for feed in feeds:
            if not feed.publish(state, now):
                self._dirty[topic] = feed.due
            elif feed.rendering.ends(state):
                feed.finish(feed.rendering.farewell(state))
            else:
                self._refollow(feed, state)
        again = [feed.rendering.refresh for feed in feeds if feed.rendering.refresh is not None]
        if again:
            self._dirty.setdefault(topic, now + min(again))
        if isinstance(state, JobState) and state.stale:
            self._dirty.setdefault(topic, now + RETRY)

    def _forget(self, feed: Feed) -> None:
        """The record is gone; streams that it shares with others go on without it."""
        last = feed.rendering.gone(feed.topic)
        if not feed.rendering.endless:
            feed.finish(last)
            return
        for watcher in tuple(feed.watchers):
            watcher.offer({(feed.topic, "gone"): last.encode()} if last else {})
            self._following[watcher].discard(feed)
            self._leave(watcher, feed)

    def _refollow(self, feed: Feed, state: State) -> None:
        """Keep the watchers of a list on just what it lists now."""
        wanted = list(feed.rendering.follows(state))
        for watcher in tuple(feed.watchers) if wanted else ():
            self._follow(watcher, wanted)
            for other in self._following[watcher] - {feed}:
                if (other.topic, other.rendering) not in wanted:
                    self._following[watcher].discard(other)
                    self._leave(watcher, other)

    def _drop_stalled(self) -> None:
        limit = time.monotonic() - self._stalled_after
        for watcher in self._following:
            if watcher.overflowed or (watcher.waiting_since or limit) < limit:
                watcher.finish()
                watcher.abort()
