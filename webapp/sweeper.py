"""The sweeper: puts back on the queue what should be there, whatever was lost on the way."""

from __future__ import annotations

import logging
from datetime import timedelta

from webapp.kinds import KINDS
from webapp.records.database import now
from webapp.records.job import Job, RetryPolicy
from webapp.services import Services

# Younger ones are still on their way from the commit to the queue.
SETTLED = timedelta(seconds=5)
# An upload may take long; this much longer than the one before it none does.
ABANDONED = timedelta(hours=1)
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
        take_back(services, job)
        waiting.append(job.id)
    if waiting:
        for job_id in sorted(set(waiting) - services.queue.waiting()):
            services.queue.enqueue(job_id)


def close_abandoned(services: Services) -> None:
    """Close the batches whose sender went away before the last file: they could not end."""
    with services.database.transaction() as session:
        for batch in Job.abandoned_batches(session, now() - ABANDONED):
            batch.close(session)
            log.warning("batch=%s closed: its sender has gone", batch.id)


def take_back(services: Services, job: Job) -> None:
    """Release what a lost worker held. If it was only frozen, it finds out that its attempt is one no more."""
    kind = KINDS.get(job.kind)
    with services.database.transaction() as session:
        job.lose(session, WORKER_LOST, kind.retries if kind else RetryPolicy())
    log.warning("job=%s attempt=%s worker lost", job.id, job.attempt)
