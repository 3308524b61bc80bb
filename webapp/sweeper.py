"""The sweeper: puts back on the queue what should be there, whatever was lost on the way."""

from __future__ import annotations

import logging
from datetime import timedelta

from webapp.queue import Queue
from webapp.records.database import Database, now
from webapp.records.job import Job

# Younger ones are still on their way from the commit to the queue.
SETTLED = timedelta(seconds=5)
WORKER_LOST = "The worker that ran it was lost."

log = logging.getLogger(__name__)


def sweep(database: Database, queue: Queue) -> None:
    """Release what lost workers held, then queue what is queued in SQL and on no queue.

    Several workers may do this at the same time: a job that is queued twice is claimed once.
    Raises LiveUnavailable.
    """
    with database.reading() as session:
        held = Job.held_by_lost_workers(session)
        waiting = Job.waiting_since(session, now() - SETTLED)
    for job in held:
        with database.transaction() as session:
            job.lose(session, WORKER_LOST)
        log.warning("job=%s attempt=%s worker lost", job.id, job.attempt)
        waiting.append(job.id)
    if waiting:
        missing = set(waiting) - queue.waiting()
        for job_id in sorted(missing):
            queue.enqueue(job_id)
