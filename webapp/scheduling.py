"""Schedules at work: what they are made of, and the jobs they make when those are due."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webapp.acceptance import (
    Also,
    Place,
    Upload,
    checked_params,
    enqueue,
    nothing_more,
    offered,
    stored_file,
    written,
)
from webapp.deletion import delete_files
from webapp.errors import JobError
from webapp.kinds import KINDS
from webapp.kinds.base import Kind
from webapp.records import ended
from webapp.records.database import now
from webapp.records.job import Job
from webapp.records.schedule import NAME_LENGTH, Plan, Schedule
from webapp.records.stored_file import StoredFile
from webapp.records.user import User
from webapp.services import Services

log = logging.getLogger(__name__)


def create(
    services: Services, plan: Plan, kind: Kind, *, owner: User, params: Mapping[str, Any], upload: Upload | None
) -> Schedule:
    """A schedule with a file of its own, named like that if its plan has no name. Raises JobError with words."""
    checked = checked_params(kind, params)
    if kind.accepts is not None and upload is None:
        raise JobError("Choose a file first.")
    file = stored_file(services, kind, upload) if upload else None
    try:
        with services.database.transaction() as session:
            named = _named(plan, kind, file)
            schedule = Schedule.create(session, named, owner_id=owner.id, kind=kind.name, params=checked, file=file)
    except BaseException:
        if file:
            services.files.delete(file.key)
        raise
    if upload:
        upload.incoming.discard()
    return schedule


def repeat(services: Services, plan: Plan, job: Job, *, owner: User) -> Schedule:
    """A schedule of jobs like this one, on the same file. Raises JobError with words for whoever asked."""
    kind = offered(job.kind)
    checked = checked_params(kind, job.params)
    with services.database.transaction() as session:
        # While its row stands, its file does.
        if session.get(Job, job.id, populate_existing=True, with_for_update=True) is None:
            raise JobError("The job has been deleted since, and its file with it.")
        named = _named(plan, kind, job.file)
        return Schedule.create(session, named, owner_id=owner.id, kind=kind.name, params=checked, file=job.file)


def delete(services: Services, schedule: Schedule) -> None:
    """Its jobs stay, and its file while one of them has it."""
    with services.database.transaction() as session:
        schedule.delete(session)
        keys = {schedule.file_key} if schedule.file_key else set()
        unused = keys - ended.uses(session, keys).keys()
    delete_files(services, unused)


def run_due(services: Services, at: datetime | None = None) -> None:
    """Make the jobs that are due. Several workers may do this at the same time: each run is taken once."""
    moment = at or now()
    with services.database.reading() as session:
        due = Schedule.due(session, moment)
    for schedule in due:
        try:
            with services.database.transaction() as session:
                job = _take_run(session, schedule, moment)
        except OperationalError:
            raise
        except Exception:
            # The others must not wait for this one.
            log.exception("schedule=%s could not run", schedule.id)
        else:
            if job:
                enqueue(services, job)


def run_now(services: Services, schedule: Schedule, *, by: str, also: Also = nothing_more) -> Job:
    """One more job, beside those that are due. Raises JobError with words for whoever asked."""
    if problem := obstacle(schedule):
        raise JobError(problem)
    with services.database.transaction() as session:
        # While its row stands, its file does.
        if session.get(Schedule, schedule.id, with_for_update=True) is None:
            raise JobError("The schedule has been deleted since, and its file with it.")
        job = _make(session, schedule, by=by)
        also(session, job)
    enqueue(services, job)
    return job


def obstacle(schedule: Schedule) -> str | None:
    """Why it makes no jobs at present, in words."""
    if schedule.owner.disabled_at:
        return f"{schedule.owner.email} is disabled. It goes on once an admin lets them in again."
    if schedule.kind not in KINDS:
        return f"There is no kind of job “{schedule.kind}” any more."
    try:
        checked_params(KINDS[schedule.kind], schedule.params)
    except JobError as error:
        return f"Its parameters are accepted no more: {error}"
    return None


def _named(plan: Plan, kind: Kind, file: StoredFile | None) -> Plan:
    return plan if plan.name else replace(plan, name=(file.name if file else kind.label)[:NAME_LENGTH])


def _take_run(session: Session, schedule: Schedule, at: datetime) -> Job | None:
    due_at = schedule.next_at
    if due_at is None or not schedule.take_run(session, at):
        return None
    if because := obstacle(schedule) or _overlap(session, schedule):
        schedule.skip_run(session, at, because)
        log.info("schedule=%s skipped: %s", schedule.id, because)
        return None
    job = _make(session, schedule, due=f"{due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    log.info("schedule=%s job=%s due=%s", schedule.id, job.id, due_at)
    return job


def _overlap(session: Session, schedule: Schedule) -> str | None:
    last = None if schedule.overlaps else Job.newest_of(session, schedule.id)
    return f"Job #{last.id} had not ended yet." if last and not last.ended else None


def _make(session: Session, schedule: Schedule, **detail: str) -> Job:
    kind = KINDS[schedule.kind]
    # Its owner may have been an admin when it was made.
    demoted = schedule.priority == "high" and not schedule.owner.is_admin
    place = Place(
        schedule.owner_id,
        "normal" if demoted else schedule.priority,
        schedule_id=schedule.id,
        detail={"schedule": schedule.name, **detail},
    )
    return written(session, kind, checked_params(kind, schedule.params), schedule.file, place)
