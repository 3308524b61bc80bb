"""The hub of a process: who watches what, and one loop that brings changes to them.

A changed record is read once a tick, rendered once for each rendering that somebody watches, and
encoded once; its watchers share the bytes. Words of change only say that something is dirty, so a
burst of them costs one update.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from webapp.records.credential import Credential
from webapp.records.database import Change
from webapp.stream.agenda import Agenda, Depth
from webapp.stream.feed import Feed
from webapp.stream.feeds import Feeds
from webapp.stream.limits import Admission, Limits, TooManyStreams
from webapp.stream.memory import Load, Memory, MoveOn
from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.state import JobState, State
from webapp.stream.watcher import Outlet, Watcher

TICK = 0.03
# How long the loop rests at most.
IDLE = 1.0
# Of those that a stopping server ends one after another: seconds between some and the next, and how many at least.
SLICE, ENDED_A_SECOND = 0.1, 500
# Between two looks whether all is written.
BUSY = 0.002
# Before what could not be read is tried again.
RETRY = 1.0
# How much a change makes it necessary to read; all of it, if it is not one of these.
DEPTHS = {"progress": Depth.PROGRESS, "said": Depth.LINES}
# Whatever moves the queue moves the places of those who wait in it.
QUEUE_MOVES = ("claimed", "cancelled", "released", "failed")
# What brings a job into lists of those that have not ended.
ENTERS_LISTS = ("queued", "retried")
# Seconds between two looks for what changed without a word.
LOOK_OVER = 4.0
# Counting jobs takes longer than reading one, and any change may matter: a burst of them is counted once.
COUNTED, COUNT_DELAY = ("summary", "matches"), 0.2

Unsaid = Callable[[Mapping[Topic, JobState]], Mapping[Topic, Depth]]

log = logging.getLogger(__name__)


class Hub:
    """`load` reads a topic whole, `move_on` those of which only the progress is new, if it can; `still_good` says
    which credentials still hold; `unsaid` what has changed though nobody said so."""

    def __init__(
        self,
        load: Load,
        limits: Limits,
        *,
        move_on: MoveOn = lambda _asked: {},
        unsaid: Unsaid = lambda _known: {},
        still_good: Callable[[Collection[Credential]], Collection[Credential]] = lambda credentials: credentials,
        tick: float = TICK,
        idle: float = IDLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unsaid = unsaid
        self._still_good = still_good
        self._tick = tick
        self._idle = idle
        self._clock = clock
        self._lock = threading.RLock()
        self._stirred = threading.Event()
        self._closed = self._over = False
        self._admission = Admission(limits)
        self._outlets: set[Outlet] = set()
        self._feeds = Feeds()
        self._memory = Memory(load, move_on)
        self._agenda = Agenda()
        self._look_over_at = clock() + LOOK_OVER

    # Watching

    def subscribe(self, watcher: Watcher, wanted: Iterable[tuple[Topic, Rendering]]) -> None:
        """Have a watcher sent the present state and then what changes. Raises TooManyStreams."""
        with self._lock:
            if self._closed:
                raise TooManyStreams("This server is about to stop.", busy=True)
            if refusal := self._admission.refusal(watcher, self._clock()):
                raise refusal
            self._admission.add(watcher)
            self._outlets.add(watcher.outlet)
            self._follow(watcher, wanted)
        self.stir()

    def unsubscribe(self, watcher: Watcher) -> bool:
        """Forget a watcher; whether it was known."""
        with self._lock:
            known = self._admission.remove(watcher)
            for feed in watcher.feeds if known else ():
                self._leave(watcher, feed)
            return known

    def __len__(self) -> int:
        """Open streams."""
        return len(self._admission)

    def _follow(self, watcher: Watcher, wanted: Iterable[tuple[Topic, Rendering]]) -> None:
        for topic, rendering in wanted:
            if self._feeds.follow(watcher, topic, rendering):
                self._agenda.mark(topic, _needed(watcher, topic))

    def _leave(self, watcher: Watcher, feed: Feed) -> None:
        self._feeds.leave(watcher, feed)
        if feed.topic not in self._feeds:
            self._memory.forget(feed.topic)

    # Hearing of changes

    def changed(self, *changes: Change) -> None:
        """Take word of changes, from the transport."""
        with self._lock:
            for change in changes:
                self._heard(change)
        self.stir()

    def _heard(self, change: Change) -> None:
        if change.noun == "user":
            self._dismiss(self._admission.of_user(change.id))
            return
        depth = DEPTHS.get(change.what, Depth.WHOLE)
        if change.noun == "job":
            self._mark_watched(Topic("job", change.id), depth)
            if depth != Depth.WHOLE:
                return
            self._mark_lists(change)
        if change.noun == "queue" or change.what in QUEUE_MOVES:
            for topic in self._memory.waiting():
                self._agenda.mark(topic)

    def _mark_lists(self, change: Change) -> None:
        for topic in self._feeds.lists_with(change.owner_id):
            if topic.noun in COUNTED:
                self._agenda.mark_later(topic, self._clock() + COUNT_DELAY)
            elif change.what in ENTERS_LISTS:
                self._agenda.mark(topic)

    def resync(self) -> None:
        """Read everything again: words may have been lost."""
        with self._lock:
            for topic in self._feeds:
                self._agenda.mark(topic)
        self.stir()

    def readmit(self) -> None:
        """End the streams of those who were shut out while no word of it could come."""
        with self._lock:
            watchers = self._admission.everybody()
        good = self._still_good({watcher.asked.credential for watcher in watchers})
        with self._lock:
            self._dismiss([watcher for watcher in watchers if watcher.asked.credential not in good])

    def _dismiss(self, watchers: list[Watcher]) -> None:
        """End streams; who still may comes back, and is asked who they are again."""
        for outlet in self._outlets:
            outlet.finish([watcher for watcher in watchers if watcher.outlet is outlet])
            outlet.flush()

    def _mark_watched(self, topic: Topic, depth: Depth) -> None:
        if topic in self._feeds:
            self._agenda.mark(topic, depth)

    # The loop

    def run(self) -> None:
        """Bring changes to watchers until all are gone for good."""
        while not self._over:
            self._stirred.wait(self._until_next())
            self._stirred.clear()
            self.tick()
            time.sleep(self._tick)
            while not all(outlet.ready for outlet in tuple(self._outlets)):
                time.sleep(BUSY)

    @property
    def closed(self) -> bool:
        """Whether nobody is taken any more."""
        return self._closed

    def drain(self, within: float) -> None:
        """Take nobody more and end every stream, then the loop.

        Many are ended bit by bit, over `within` seconds at most: those who come back should not come all at once.
        """
        with self._lock:
            self._closed = True
            watchers = self._admission.everybody()
        slices = int(min(len(watchers) / ENDED_A_SECOND, within) / SLICE) + 1
        for n in range(slices):
            with self._lock:
                self._dismiss(watchers[n::slices])
            if n + 1 < slices:
                time.sleep(SLICE)
        self._over = True
        self.stir()

    def stir(self) -> None:
        """Have the loop look at once."""
        self._stirred.set()

    def tick(self) -> None:
        """Publish what is due."""
        with self._lock:
            now = self._clock()
            # What is read below may take its time; who has just come gets an answer before that.
            self._flush()
            self._look_over(now)
            due = self._agenda.take(now)
            moved = self._memory.moved(due, now)
            for topic in due:
                try:
                    self._refresh(topic, moved.get(topic), now)
                except Exception:
                    # One record that can't be read or drawn must not hold up the others.
                    log.exception("%s %s could not be shown", topic.noun, topic.id)
                    self._agenda.mark_later(topic, now + RETRY)
            self._flush()

    def _flush(self) -> None:
        for outlet in self._outlets:
            outlet.flush()

    def _look_over(self, now: float) -> None:
        if now < self._look_over_at:
            return
        self._look_over_at = now + LOOK_OVER
        try:
            for topic, depth in self._unsaid(self._memory.jobs()).items():
                self._agenda.mark(topic, depth)
        except Exception:
            log.exception("what has changed without a word could not be asked")

    def _until_next(self) -> float:
        with self._lock:
            next_at = self._agenda.next_at
            return self._idle if next_at is None else min(max(next_at - self._clock(), 0.0), self._idle)

    def _refresh(self, topic: Topic, moved: State | None, now: float) -> None:
        feeds = self._feeds.of(topic)
        if not feeds:
            return
        state = moved or self._memory.read(topic, now)
        if state is None:
            for feed in feeds:
                self._forget(feed)
            return
        for feed in feeds:
            if not feed.publish(state, now):
                self._agenda.mark_later(topic, feed.due, Depth.KNOWN)
            elif feed.rendering.ends(state):
                feed.finish(feed.rendering.farewell(state))
            else:
                self._refollow(feed, state, now)
        again = [feed.rendering.refresh for feed in feeds if feed.rendering.refresh is not None]
        if again:
            self._agenda.mark_later(topic, now + min(again))
        if isinstance(state, JobState) and (seconds := state.look_again) is not None:
            self._agenda.mark_later(topic, now + seconds, Depth.PROGRESS)

    def _forget(self, feed: Feed) -> None:
        """The record is gone; streams that it shares with others go on without it."""
        last = feed.rendering.gone(feed.topic)
        if not feed.rendering.endless:
            feed.finish(last)
            return
        feed.send(last)
        for watcher in feed:
            self._leave(watcher, feed)

    def _refollow(self, feed: Feed, state: State, now: float) -> None:
        """Keep the watchers of a list on just what it lists now; what it lists no longer is told to its end."""
        wanted = dict.fromkeys(feed.rendering.follows(state))
        if not wanted:
            return
        told: set[Topic] = set()
        for watcher in feed:
            self._follow(watcher, wanted)
            for other in watcher.feeds:
                if other is feed or (other.topic, other.rendering) in wanted:
                    continue
                if not other.has_told_end and other.topic not in told:
                    # It may have ended just now, and that be on the agenda after the list.
                    told.add(other.topic)
                    self._refresh(other.topic, None, now)
                self._leave(watcher, other)


def _needed(watcher: Watcher, topic: Topic) -> Depth:
    """Who was cut elsewhere may have heard more than is known here, and would hear it again."""
    comes_back = topic == watcher.asked.topic and watcher.asked.position is not None
    return Depth.LINES if comes_back and topic.noun == "job" else Depth.KNOWN
