"""When a running attempt has to be ended by force."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from webapp.durations import in_words
from webapp.kinds.base import Kind
from webapp.records.database import Database
from webapp.records.job import Job
from webapp.runner import Outcome
from webapp.settings import Settings

log = logging.getLogger(__name__)


def limit_of(kind: Kind, settings: Settings) -> timedelta | None:
    """How long an attempt at a job of this kind may take: as set, else as the kind says."""
    return settings.time_limits.get(kind.name, kind.time_limit) or None


class TimeLimit:
    """Of one attempt that begins now."""

    def __init__(self, limit: timedelta | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._began = clock()

    def is_over(self, grace: float = 0.0) -> bool:
        return self._limit is not None and self._clock() - self._began >= self._limit.total_seconds() + grace

    @property
    def words(self) -> str:
        assert self._limit
        return f"It took longer than {in_words(self._limit)}, the most that a job of this kind may take."


class Patience:
    """With one attempt: at an end once another took its place, or it did not stop in time.

    It has `grace` from when it was asked to stop. Of its time limit it knows by itself, and has as long to stop.
    """

    def __init__(
        self,
        database: Database,
        job: Job,
        *,
        grace: float,
        limit: timedelta | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._job = job
        self._grace = grace
        self._clock = clock
        self._asked_at: float | None = None
        self._limit = TimeLimit(limit, clock=clock)
        self._too_long = False

    def is_over(self) -> bool:
        try:
            with self._database.reading() as session:
                job = self._job.present(session)
        except SQLAlchemyError as error:
            log.warning("job=%s attempt=%s could not be looked at: %s", self._job.id, self._job.attempt, error)
            return False
        if job is None:
            log.warning("job=%s attempt=%s counts no more", self._job.id, self._job.attempt)
            return True
        if not job.stopping:
            self._too_long = self._limit.is_over(self._grace)
            return self._too_long
        self._asked_at = self._clock() if self._asked_at is None else self._asked_at
        return self._clock() - self._asked_at >= self._grace

    def judged(self, outcome: Outcome) -> Outcome:
        """How the attempt ended, in the light of why it was ended by force."""
        return Outcome("failed", error=self._limit.words) if self._too_long else outcome
