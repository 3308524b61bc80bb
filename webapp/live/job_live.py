"""A running job's progress, log tail and cancel flag in Redis, by job and attempt."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from msgspec import Struct
from msgspec.json import Decoder
from msgspec.json import encode as encoded
from redis import Redis

from webapp.live.client import PREFIX, LiveUnavailable, translated
from webapp.live.wake import CHANNEL, encode
from webapp.progress import LogLine, Progress
from webapp.records.database import Change
from webapp.records.job import NO_TRACE, Trace
from webapp.report import KEPT_LINES

LIFETIME = 24 * 3600
# An update seldom brings more lines than this; then all are read again.
RECENT_LINES = 16
PROGRESS, LINE = Decoder(Progress), Decoder(LogLine)
# Seconds for which readers leave a Redis alone that did not answer: a page asks for many jobs.
PAUSE = 1.0


class Live(Struct, frozen=True):
    """What Redis knows of a job; `known` is False when Redis could not be asked."""

    progress: Progress | None = None
    lines: Sequence[LogLine] = ()
    known: bool = True

    def after(self, known: Sequence[LogLine]) -> list[LogLine]:
        """The lines that are known and these, as many as are kept."""
        return [*known, *self.lines][-KEPT_LINES:]


class Shown(NamedTuple):
    """What a reader knows of an attempt: up to which line, or None if it asks for no lines."""

    job_id: int
    attempt: int
    line: int | None


class JobLive:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._silent_until = 0.0

    def publish(self, change: Change, attempt: int, progress: Progress | None, lines: Sequence[LogLine]) -> bool:
        """Store what is new and say so, in one round trip; answers whether a cancel was asked for.

        Raises LiveUnavailable.
        """
        log_key = _log_key(change.id, attempt)
        pipeline = self._redis.pipeline(transaction=False)
        if progress:
            pipeline.set(_progress_key(change.id, attempt), encoded(progress), ex=LIFETIME)
        if lines:
            pipeline.rpush(log_key, *(encoded(line) for line in lines))
            pipeline.ltrim(log_key, -KEPT_LINES, -1)
            pipeline.expire(log_key, LIFETIME)
        if progress or lines:
            # Who hears of it need not ask for lines if there are none.
            pipeline.publish(CHANNEL, encode(replace(change, what="said") if lines else change))
        pipeline.exists(_cancel_key(change.id, attempt))
        with translated():
            return bool(pipeline.execute()[-1])

    def read(self, job_id: int, attempt: int) -> Live:
        """Raises LiveUnavailable."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.get(_progress_key(job_id, attempt))
        pipeline.lrange(_log_key(job_id, attempt), 0, -1)
        with self._asking():
            progress, lines = pipeline.execute()
        return Live(
            progress=PROGRESS.decode(progress) if progress else None,
            lines=[LINE.decode(line) for line in lines],
        )

    def last_word(self, job_id: int, attempt: int) -> Trace:
        """What is known of an attempt that was ended from outside, and can't tell any more itself."""
        try:
            live = self.read(job_id, attempt)
        except LiveUnavailable:
            return NO_TRACE
        return Trace(live.progress and live.progress.broken_off(), live.lines)

    def read_on(self, shown: Sequence[Shown]) -> list[Live]:
        """Of each, the progress and the lines after those that are known; `known` is False where some are missing.

        One round trip for all. Raises LiveUnavailable.
        """
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.mget([_progress_key(job_id, attempt) for job_id, attempt, _ in shown])
        for job_id, attempt, line in shown:
            if line is not None:
                pipeline.lrange(_log_key(job_id, attempt), -RECENT_LINES, -1)
        with self._asking():
            pictures, *logs = pipeline.execute()
        rest = iter(logs)
        return [
            _read_on(picture, next(rest) if line is not None else [], line)
            for picture, (_, _, line) in zip(pictures, shown, strict=True)
        ]

    def answers(self) -> bool:
        try:
            with self._asking():
                return bool(self._redis.ping())
        except LiveUnavailable:
            return False

    @contextmanager
    def _asking(self) -> Iterator[None]:
        if time.monotonic() < self._silent_until:
            raise LiveUnavailable("Redis did not answer a moment ago")
        try:
            with translated():
                yield
        except LiveUnavailable:
            self._silent_until = time.monotonic() + PAUSE
            raise

    def ask_to_stop(self, job_id: int, attempt: int) -> None:
        """Raises LiveUnavailable."""
        with translated():
            self._redis.set(_cancel_key(job_id, attempt), "1", ex=LIFETIME)


def _read_on(picture: str | None, recent: Sequence[str], after: int | None) -> Live:
    progress = PROGRESS.decode(picture) if picture else None
    if not recent or after is None:
        return Live(progress)
    lines = [LINE.decode(line) for line in recent]
    new = [line for line in lines if line.n > after]
    # If none of the recent ones is known, there may have been more between.
    return Live(progress, new, known=len(new) < RECENT_LINES)


def _progress_key(job_id: int, attempt: int) -> str:
    return f"{PREFIX}job:{job_id}:{attempt}:progress"


def _log_key(job_id: int, attempt: int) -> str:
    return f"{PREFIX}job:{job_id}:{attempt}:log"


def _cancel_key(job_id: int, attempt: int) -> str:
    return f"{PREFIX}job:{job_id}:{attempt}:cancel"
