"""What a kind tells of its work: the only door out of an attempt.

Calls only write memory; a thread sends the picture on, at most once an interval. The end of a
stage goes at once, and so does a log line after a quiet interval.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from msgspec.structs import replace

from webapp.progress import LaneProgress, Level, LogLine, Progress, StageProgress

if TYPE_CHECKING:
    from webapp.kinds.base import Stage

INTERVAL = 0.25
# What is said in one breath goes in one round trip; and what ends within one is not held up by a thread.
BREATH = 0.01
SIGN_OF_LIFE = 1.0
LINES_AN_ATTEMPT = 1_000_000
LINE_LENGTH = 2_000
KEPT_LINES = 200

log = logging.getLogger(__name__)

# Takes the picture (None: unchanged) and the new lines; answers whether the job shall stop.
Publish = Callable[[Progress | None, Sequence[LogLine]], bool]


class Cancelled(Exception):
    """Raised inside the work once somebody has asked for the job to stop."""


class HandedBack(Exception):
    """Raised inside the work where another attempt can go on from, once its worker is to stop."""


class Report:
    def __init__(
        self,
        stages: Sequence[Stage],
        publish: Publish,
        *,
        attempt: int = 1,
        interval: float = INTERVAL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._publish = publish
        self._interval = interval
        self._clock = clock
        self._attempt = attempt
        self._weights = {stage.name: stage.weight for stage in stages}
        self._stages = {stage.name: StageProgress(name=stage.name, unit=stage.unit) for stage in stages}
        self._current = StageProgress(name="")
        self._lanes: dict[int, LaneProgress] = {}
        self._counters: dict[str, int] = {}
        self._lines: list[LogLine] = []
        self._tail: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._line_count = attempt * LINES_AN_ATTEMPT
        self._started_at = clock()
        self._fraction = 0.0
        self._stopping = False
        self._sent: Progress | None = None
        self._sent_at = 0.0
        self._flushing = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._flush_often, name="report", daemon=True)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[None]:
        """Run one declared stage; `advance` counts in it."""
        self.check()
        stage = self._current = self._stages[name]
        stage.status, stage.total, stage.started_at = "in_progress", total, self._clock()
        self.flush()
        try:
            yield
        except BaseException:
            stage.status, stage.ended_at = "error", self._clock()
            raise
        stage.status, stage.ended_at = "completed", self._clock()
        self.flush()

    def restore(
        self, name: str, *, attempt: int, done: int, total: int | None, seconds: float, counters: Mapping[str, int]
    ) -> None:
        """Take a whole stage over from an earlier attempt, as it ended there, with what it added to the counters."""
        stage = self._current = self._stages[name]
        stage.status, stage.total, stage.done = "completed", total, done
        stage.kept, stage.kept_from = done, attempt
        stage.ended_at = self._clock()
        stage.started_at = stage.ended_at - seconds
        for counter, more in counters.items():
            self.count(counter, more)

    def restored(self, *, attempt: int, seconds: float) -> None:
        """All that the running stage has counted so far was done by an earlier attempt, in so many seconds."""
        stage = self._current
        stage.kept, stage.kept_from = stage.done, attempt
        # Its time and its rate are those of the work, whoever did it.
        stage.started_at = (stage.started_at or self._clock()) - seconds

    def advance(self, count: int = 1) -> None:
        """Count items of the running stage as done. Call from one thread only."""
        self._current.done += count
        if self._stopping:
            raise Cancelled

    def total(self, total: int) -> None:
        """Say, or correct, how many items the running stage has."""
        self._current.total = total

    def count(self, name: str, more: int = 1) -> None:
        """Add to a named counter: things found or confirmed written."""
        self._counters[name] = self._counters.get(name, 0) + more

    def lanes(self, size: int) -> None:
        """Say how many processes work inside this job, numbered from 1."""
        self._lanes = {number: LaneProgress(id=number) for number in range(1, size + 1)}

    def busy(self, lane: int, item: str, *, items: int = 1, fraction: float = 0.0) -> None:
        """A lane has taken an item, or several under one name, or is this far with it."""
        self._lanes[lane] = LaneProgress(lane, "processing", item, items, fraction)

    def idle(self, lane: int, *, error: bool = False) -> None:
        self._lanes[lane] = LaneProgress(lane, "error" if error else "idle")

    def log(self, text: str, level: Level = "info") -> None:
        """Say something for people to read; only the newest lines are kept."""
        self._line_count += 1
        line = LogLine(n=self._line_count, at=self._clock(), level=level, text=_printable(text[:LINE_LENGTH]))
        self._tail.append(line)
        self._lines.append(line)
        del self._lines[:-KEPT_LINES]
        if self._clock() - self._sent_at >= self._interval:
            self._wake.set()

    def check(self) -> None:
        """Raise Cancelled if the job shall stop: for work that does not advance."""
        if self._stopping:
            raise Cancelled

    def picture(self) -> Progress:
        """The present state, as it is sent on."""
        stages = [copy(stage) for stage in self._stages.values()]
        lanes = list(self._lanes.values())
        in_flight = sum(lane.items for lane in lanes)
        current = self._current
        waiting = max((current.total or 0) - current.done - in_flight, 0) if current.status == "in_progress" else 0
        self._fraction = max(self._fraction, self._weighed({stage.name: stage.fraction for stage in stages}))
        return Progress(
            attempt=self._attempt,
            started_at=self._started_at,
            updated_at=self._clock(),
            fraction=self._fraction,
            kept_fraction=self._weighed({stage.name: stage.kept_fraction for stage in stages}),
            stages=stages,
            lanes=lanes,
            in_flight=in_flight,
            queue_depth=waiting,
            counters=dict(self._counters),
        )

    def _weighed(self, fractions: dict[str, float]) -> float:
        weights = sum(self._weights.values())
        return sum(self._weights[name] * share for name, share in fractions.items()) / weights if weights else 0.0

    @property
    def tail(self) -> list[LogLine]:
        """The newest log lines."""
        return list(self._tail)

    def __enter__(self) -> Report:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._wake.set()
        self._thread.join()
        self.flush()

    def _flush_often(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(self._interval)
            self._wake.clear()
            if not self._closed.wait(BREATH):
                self.flush()

    def flush(self) -> None:
        """Send what changed since the last time; without a change, only a sign of life now and then."""
        with self._flushing:
            picture = self.picture()
            changed = self._sent is None or picture != replace(self._sent, updated_at=picture.updated_at)
            if not changed and not self._lines and picture.updated_at - self._sent_at < SIGN_OF_LIFE:
                return
            lines = self._lines[:]
            try:
                self._stopping = self._publish(picture if changed else None, lines) or self._stopping
            except OSError as error:
                # Without Redis the work goes on, unseen; the lines wait for the next flush.
                log.warning("progress not sent: %s", error)
                return
            finally:
                self._sent_at = picture.updated_at
            self._sent = picture
            del self._lines[: len(lines)]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\t\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
