"""Schedules: jobs that are made again and again, by a cron expression on the clocks of a time zone.

`next_at` is when the next run is due. Whoever moves it on takes that run, so that each is made once,
however many workers look; and it only ever moves on, so that a clock that is set back repeats nothing.
What was missed while no worker ran is made up for by one run: the next one is always still to come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from webapp.errors import JobError
from webapp.records.database import Base, UTCDateTime, changed, now
from webapp.records.stored_file import HasFile, StoredFile
from webapp.records.user import User
from webapp.recurrence import Recurrence

# Of one person. Each may make a job a minute.
MOST = 100
NAME_LENGTH = 100
# Sooner than this after its time a run is not called late.
LATE = timedelta(minutes=1)


@dataclass(frozen=True)
class Plan:
    """What people may change of a schedule: its name, when it runs, and how."""

    name: str
    recurrence: Recurrence
    priority: str = "normal"
    overlaps: bool = False


class Schedule(HasFile, Base):
    __tablename__ = "schedules"
    __table_args__ = (
        Index("ix_schedules_next_at", "next_at"),
        Index("ix_schedules_owner_id", "owner_id"),
        Index("ix_schedules_file_key", "file_key"),
        # A number is never given twice: an old page's buttons still name it.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str]
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    priority: Mapped[str]
    cron: Mapped[str]
    zone: Mapped[str]
    # Whether a job is made though the last one has not ended.
    overlaps: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # None while it is paused.
    next_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The newest run that was taken: when it was due, and when that was done.
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    taken_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The newest run that no job was made for, and why.
    skipped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    skipped_because: Mapped[str | None]
    paused_by: Mapped[str | None]
    owner: Mapped[User] = relationship(lazy="joined")

    # Reading

    @classmethod
    def due(cls, session: Session, at: datetime, limit: int = 100) -> list[Schedule]:
        """Those with a run to take; the longest due first."""
        return list(session.scalars(select(cls).where(cls.next_at <= at).order_by(cls.next_at, cls.id).limit(limit)))

    @classmethod
    def newest(cls, session: Session, *, owner_id: int | None, before: int | None, limit: int) -> list[Schedule]:
        """Newest first, without an owner everybody's; from the one that was made before `before`."""
        query = select(cls).order_by(cls.id.desc()).limit(limit)
        query = query if owner_id is None else query.where(cls.owner_id == owner_id)
        return list(session.scalars(query if before is None else query.where(cls.id < before)))

    @property
    def recurrence(self) -> Recurrence:
        return Recurrence(self.cron, self.zone)

    @property
    def plan(self) -> Plan:
        return Plan(self.name, self.recurrence, self.priority, self.overlaps)

    @property
    def was_late(self) -> bool:
        return bool(self.due_at and self.taken_at and self.taken_at - self.due_at > LATE)

    def visible_to(self, user_id: int, *, is_admin: bool) -> bool:
        return is_admin or self.owner_id == user_id

    # Verbs

    @classmethod
    def create(
        cls, session: Session, plan: Plan, *, owner_id: int, kind: str, params: dict[str, Any], file: StoredFile | None
    ) -> Schedule:
        """Raises JobError if this person has as many as may be."""
        if (session.scalar(select(func.count()).where(cls.owner_id == owner_id)) or 0) >= MOST:
            raise JobError(f"Nobody may have more than {MOST} schedules. Delete one that is not needed any more.")
        schedule = cls(owner_id=owner_id, kind=kind, params=params, created_at=now())
        schedule.file = file
        schedule._take_over(plan)
        schedule.next_at = schedule._next(now())
        session.add(schedule)
        session.flush()
        return schedule

    def change(self, session: Session, plan: Plan) -> None:
        """Have it run by another plan from now on; one that is paused stays so, and without a name it keeps its."""
        here = session.get_one(Schedule, self.id, populate_existing=True, with_for_update=True)
        here._take_over(plan if plan.name else replace(plan, name=here.name))
        here.next_at = here._next(now()) if here.paused_by is None else None

    def pause(self, session: Session, by: str) -> bool:
        """Make no more jobs. False if it is paused already."""
        running = update(Schedule).where(Schedule.id == self.id, Schedule.paused_by.is_(None))
        return changed(session, running.values(paused_by=by, next_at=None))

    def resume(self, session: Session, at: datetime | None = None) -> bool:
        """Go on with the next run that is to come. False if it is not paused."""
        paused = update(Schedule).where(Schedule.id == self.id, Schedule.paused_by.is_not(None))
        return changed(session, paused.values(paused_by=None, next_at=self._next(at or now())))

    def take_run(self, session: Session, at: datetime) -> bool:
        """Take the run that is due, as the only one who does; False if somebody else has, or changed it."""
        due_at = self.next_at
        waiting = update(Schedule).where(Schedule.id == self.id, Schedule.next_at == due_at)
        return changed(session, waiting.values(next_at=self._next(at), due_at=due_at, taken_at=at))

    def skip_run(self, session: Session, at: datetime, because: str) -> None:
        """Make no job for the run that was taken."""
        here = update(Schedule).where(Schedule.id == self.id)
        session.execute(here.values(skipped_at=at, skipped_because=because))

    def delete(self, session: Session) -> bool:
        """Its jobs stay. False if somebody else has done it."""
        found = session.get(Schedule, self.id, with_for_update=True)
        if found:
            session.delete(found)
            session.flush()
        return found is not None

    def _take_over(self, plan: Plan) -> None:
        self.name, self.priority, self.overlaps = plan.name, plan.priority, plan.overlaps
        self.cron, self.zone = plan.recurrence.cron, plan.recurrence.zone

    def _next(self, at: datetime) -> datetime | None:
        """After `at`, and after the newest run though the clock was set back: no time comes twice."""
        return self.recurrence.after(max(at, self.due_at or at))
