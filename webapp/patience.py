"""When a running attempt has to be ended by force."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from webapp.records.database import Database
from webapp.records.job import Job

log = logging.getLogger(__name__)


class Patience:
    """With one attempt: at an end once another took its place, or it did not stop within `grace` of being asked."""

    def __init__(
        self, database: Database, job: Job, *, grace: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._job = job
        self._grace = grace
        self._clock = clock
        self._asked_at: float | None = None

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
            return False
        self._asked_at = self._clock() if self._asked_at is None else self._asked_at
        return self._clock() - self._asked_at >= self._grace
