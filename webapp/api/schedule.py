"""A schedule as programs get it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from webapp import scheduling
from webapp.api.asking import number
from webapp.api.job import KeptFile, Priority
from webapp.current import services
from webapp.login import Identity
from webapp.records.job import Job
from webapp.records.schedule import Schedule


class ScheduleFull(BaseModel):
    id: str
    name: str
    kind: str
    owner: str = Field(description="Email of whoever its jobs belong to.")
    params: dict[str, Any]
    file: KeptFile | None
    priority: Priority
    cron: str
    zone: str
    words: str = Field(description="What the cron expression means.")
    overlaps: bool = Field(description="Whether a job is made though the last one has not ended.")
    created_at: datetime
    paused_by: str | None
    stopped_because: str | None = Field(description="Why it makes no jobs at present, though it is not paused.")
    next_at: datetime | None = Field(description="When the next run is due; null while it is paused.")
    due_at: datetime | None = Field(description="When its newest run was due.")
    taken_at: datetime | None = Field(description="When that was seen to: later, where it had been missed.")
    skipped_at: datetime | None = Field(description="When a run was last skipped.")
    skipped_because: str | None
    last_job_id: str | None = Field(description="The job it made last, if that is kept.")


def full(session: Session, schedule: Schedule) -> ScheduleFull:
    last_job = Job.newest_of(session, schedule.id)
    file = schedule.file
    return ScheduleFull(
        id=str(schedule.id),
        owner=schedule.owner.email,
        file=KeptFile(name=file.name, size=file.size, media_type=file.media_type, sha256=file.sha256) if file else None,
        words=schedule.recurrence.words(),
        stopped_because=scheduling.obstacle(schedule),
        last_job_id=str(last_job.id) if last_job else None,
        **{name: getattr(schedule, name) for name in SAME},
    )


SAME = (
    *("name", "kind", "params", "priority", "cron", "zone", "overlaps", "created_at", "paused_by"),
    *("next_at", "due_at", "taken_at", "skipped_at", "skipped_because"),
)


def present(schedule_id: int) -> ScheduleFull:
    """As it is now. Raises NotFound."""
    with services().database.reading() as session:
        schedule = session.get(Schedule, schedule_id)
        if schedule is None:
            raise NotFound("There is no such schedule.")
        return full(session, schedule)


def found(asking: Identity, schedule_id: str) -> Schedule:
    """One that the person may know of. Raises NotFound."""
    with services().database.reading() as session:
        schedule = session.get(Schedule, number(schedule_id))
    if schedule is None or not schedule.visible_to(asking.id, is_admin=asking.is_admin):
        raise NotFound("There is no such schedule.")
    return schedule
