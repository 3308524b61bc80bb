"""The sweeper: puts back on the queue what should be there, whatever was lost on the way."""

from __future__ import annotations

import logging
from datetime import timedelta

from webapp.kinds import KINDS
from webapp.records.database import now
from webapp.records.job import Job
from webapp.services import Services

# Younger ones are still on their way from the commit to the queue.
SETTLED = timedelta(seconds=5)
WORKER_LOST = "The worker that ran it was lost."

log = logging.getLogger(__name__)


def sweep(services: Services) -> None:
    """Take back what lost workers held, then queue what is due in SQL and on no queue.

    Several workers may do this at the same time: a job that is queued twice is claimed once.
    Raises LiveUnavailable.
    """
    with services.database.reading() as session:
        held = Job.held_by_lost_workers(session)
        waiting = Job.waiting_since(session, now() - SETTLED)
    for job in held:
        with services.database.transaction() as session:
            job.lose(session, WORKER_LOST, KINDS[job.kind].retries)
        log.warning("job=%s attempt=%s worker lost", job.id, job.attempt)
        # In case it was only frozen: its attempt is to find out that it is one no more.
        services.live.ask_to_stop(job.id, job.attempt)
        waiting.append(job.id)
    if waiting:
        for job_id in sorted(set(waiting) - services.queue.waiting()):
            services.queue.enqueue(job_id)
