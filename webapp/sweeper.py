"""The sweeper: puts back on the queue what should be there, whatever was lost on the way."""

from __future__ import annotations

import logging
from datetime import timedelta

from webapp.kinds import KINDS
from webapp.records.batch import Batch
from webapp.records.database import now
from webapp.records.job import Job, RetryPolicy
from webapp.records.line import may_begin
from webapp.services import Services

# An upload may take long; this much longer than the one before it none does.
ABANDONED = timedelta(hours=1)
# Messages that one sweep may add: the next one comes soon.
AT_MOST = 1000
WORKER_LOST = "The worker that ran it was lost."

log = logging.getLogger(__name__)


def sweep(services: Services) -> None:
    """Take back what lost workers held, then see to it that there is a message for each job that may begin.

    Which job a message was for does not matter, since workers decide whose turn it is. Several may sweep at
    the same time: a message too many finds nothing to claim. Raises LiveUnavailable.
    """
    with services.database.reading() as session:
        held = Job.held_by_lost_workers(session)
    for job in held:
        take_back(services, job)
    with services.database.reading() as session:
        waiting = may_begin(session, AT_MOST)
    for job_id in waiting[len(services.queue) :] if waiting else ():
        services.queue.enqueue(job_id)


def close_abandoned(services: Services) -> None:
    """Close the batches whose sender went away before the last file: they could not end."""
    with services.database.transaction() as session:
        for batch in Batch.abandoned(session, now() - ABANDONED):
            batch.close(session)
            log.warning("batch=%s closed: its sender has gone", batch.id)


def take_back(services: Services, job: Job) -> None:
    """Release what a lost worker held. If it was only frozen, it finds out that its attempt is one no more."""
    kind = KINDS.get(job.kind)
    trace = services.live.last_word(job.id, job.attempt)
    with services.database.transaction() as session:
        job.lose(session, WORKER_LOST, kind.retries if kind else RetryPolicy(), trace)
    log.warning("job=%s attempt=%s worker lost", job.id, job.attempt)
