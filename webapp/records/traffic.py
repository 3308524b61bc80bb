"""What moves through the queue, in a few figures that come from indexes alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.records.database import now
from webapp.records.job import BATCH, Job, due

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Traffic:
    """Jobs by what they do now, and how those of the last 24 hours ended.

    `resting` are those that wait for a time to come; they are not among `waiting`.
    """

    running: int = 0
    waiting: int = 0
    resting: int = 0
    waiting_since: datetime | None = None
    completed: int = 0
    failed: int = 0

    @classmethod
    def now(cls, session: Session) -> Traffic:
        active = select(Job.state, func.count()).where(Job.state.in_(("queued", "processing")), Job.kind != BATCH)
        states = {state: count for state, count in session.execute(active.group_by(Job.state))}
        waiting = (Job.state == "queued", Job.kind != BATCH, due())
        since = func.coalesce(Job.run_at, Job.created_at)
        count = session.scalar(select(func.count()).where(*waiting)) or 0
        # Not grouped by state: to have them in that order, SQLite would read all jobs there are.
        completed, failed = (func.count().filter(Job.state == state) for state in ("completed", "failed"))
        ends = session.execute(select(completed, failed).where(Job.finished_at > now() - DAY)).one()
        return cls(
            running=states.get("processing", 0),
            waiting=count,
            resting=states.get("queued", 0) - count,
            waiting_since=session.scalar(select(since).where(*waiting).order_by(Job.id).limit(1)),
            completed=ends[0],
            failed=ends[1],
        )
