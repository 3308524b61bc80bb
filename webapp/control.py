"""What people do to jobs: cancel them, have them tried anew. On a batch it is done to the jobs in it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from sqlalchemy.orm import Session

from webapp.acceptance import enqueue
from webapp.deletion import delete_files
from webapp.live.client import LiveUnavailable
from webapp.records.batch import Batch
from webapp.records.job import Job
from webapp.records.output import Output
from webapp.services import Services

# Why something was not done, for whoever asked for it.
TOO_LATE = {
    "cancel": "The job has ended, or was asked to stop already.",
    "retry": "There is nothing to try again: the job is on its way, or is done.",
    "delete": "The job has not ended yet. Cancel it first.",
}

log = logging.getLogger(__name__)


def cancel(services: Services, job: Job, *, by: str) -> bool:
    """Cancel what waits, ask what runs to stop; False if it has ended already."""
    with services.database.transaction() as session:
        asked = job.request_cancel(session, by=by)
        # Read again: it may have been claimed since, and it is the present attempt that has to hear of it.
        present = session.get_one(Job, job.id, populate_existing=True)
        running = job.cancel_its_jobs(session, by=by) if isinstance(job, Batch) and asked else [present]
    _ask_to_stop(services, running)
    return asked


def retry(services: Services, job: Job, *, by: str, afresh: bool = False) -> bool:
    """Have it tried anew, or at once if it rests; False if there is nothing to retry.

    It goes on from what earlier attempts kept, unless it is to begin `afresh`.
    """
    with services.database.transaction() as session:
        again = _retried(session, job, by, afresh=afresh)
        dropped = [key for one in again for key in Output.drop_all(session, one.id)] if afresh else []
    delete_files(services, dropped)
    for one in again:
        enqueue(services, one)
    return bool(again)


def _retried(session: Session, job: Job, by: str, *, afresh: bool) -> list[Job]:
    if isinstance(job, Batch):
        return job.retry_its_jobs(session, by)
    return [job] * job.retry(session, by, afresh=afresh)


def _ask_to_stop(services: Services, jobs: Iterable[Job]) -> None:
    for job in jobs:
        try:
            services.live.ask_to_stop(job.id, job.attempt)
        except LiveUnavailable as error:
            # The worker sees it in SQL too, a little later.
            log.warning("job=%s: the work could not be told to stop: %s", job.id, error)
            return
