"""Notes at each quarter of an attempt how long is left, so that estimates can be held to account."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError

from webapp.progress import SECONDS_WITH_GROUND, Progress
from webapp.records.database import Database
from webapp.records.estimate import Estimate, Experience, quarter_of
from webapp.runner import Order

log = logging.getLogger(__name__)


class Forecast:
    def __init__(self, database: Database, order: Order) -> None:
        self._database = database
        self._order = order
        self._noted = -1

    def hear(self, progress: Progress) -> None:
        """Take the picture of the work as it goes; what is over before there is ground is not noted."""
        quarter = quarter_of(progress)
        if quarter <= self._noted or progress.elapsed < SECONDS_WITH_GROUND or progress.fraction >= 1:
            return
        self._noted = quarter
        try:
            self._note(progress, quarter)
        except SQLAlchemyError as error:
            # The work goes on; it has only lost a witness.
            log.warning("job=%s: estimate not noted: %s", self._order.job_id, error)

    def _note(self, progress: Progress, quarter: int) -> None:
        order = self._order
        with self._database.transaction() as session:
            seconds = progress.seconds_left
            if not quarter:
                whole = Experience.of(session, order.kind).duration(order.file_size)
                seconds = whole * (1 - progress.kept_fraction) - progress.elapsed if whole is not None else seconds
            if seconds is not None:
                Estimate.note(session, order.job_id, order.attempt, order.kind, quarter, seconds)
