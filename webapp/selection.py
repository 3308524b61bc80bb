"""One thing done to many jobs at once, by pages and programs alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from webapp import control
from webapp.deletion import delete_jobs
from webapp.records.job import Job
from webapp.services import Services

# A request must come to its end; what is left can be done by another.
AT_ONCE = 1000
Verb = Callable[[Services, Sequence[Job], str], set[int]]

log = logging.getLogger(__name__)


def act(services: Services, action: str, jobs: Sequence[Job], *, by: str) -> set[int]:
    """The numbers of those to which it was done: for the others there was nothing to do any more, or not yet."""
    done = ACTIONS[action](services, jobs, by)
    log.info("selection of %d jobs: %s=%d by %s", len(jobs), action, len(done), by)
    return done


def _cancel(services: Services, jobs: Sequence[Job], by: str) -> set[int]:
    return {job.id for job in jobs if control.cancel(services, job, by=by)}


def _retry(services: Services, jobs: Sequence[Job], by: str) -> set[int]:
    return {job.id for job in jobs if control.retry(services, job, by=by)}


def _delete(services: Services, jobs: Sequence[Job], by: str) -> set[int]:
    return {job.id for job in jobs} & set(delete_jobs(services, [job.id for job in jobs]).job_ids)


ACTIONS: Mapping[str, Verb] = {"cancel": _cancel, "retry": _retry, "delete": _delete}
