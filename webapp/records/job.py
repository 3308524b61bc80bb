"""Jobs: the one state machine. Each change of state is one verb: guard, change, history row.

    queued ──claim──▶ processing ──complete──▶ completed
     │ ▲ ▲                │ │ └──────fail────▶ failed ────┐
     │ │ └──release───────┘ └─────cancelled──▶ cancelled ─┤
     │ └──────────────────────retry───────────────────────┘
     └──────────────request_cancel───────────▶ cancelled

The attempt number is the fence: what an older attempt says changes nothing.

A batch (records/batch.py) is a job too, but no worker takes it: its state follows from the jobs in it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from msgspec import to_builtins
from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Index,
    bindparam,
    case,
    false,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, undefer_group

from webapp.progress import LogLine, Progress
from webapp.records.database import AT_THAT_MOMENT, Base, Change, UTCDateTime, changed, now
from webapp.records.event import Event
from webapp.records.schedule import Schedule
from webapp.records.stored_file import HasFile, StoredFile
from webapp.records.user import User
from webapp.records.worker import Worker

STATES = ("queued", "processing", "completed", "failed", "cancelled")
ENDED = ("completed", "failed", "cancelled")
PRIORITIES = {"low": 0, "normal": 1, "high": 2}
BATCH = "batch"
MADE = text("schedule_id IS NOT NULL")
LONGEST_DELAY = 600.0
# What a job is made by having it tried anew.
ANEW: dict[str, Any] = {"state": "queued", "tries": 0, "run_at": None, "error": None, "worker_id": None}
ANEW |= {"started_at": None, "finished_at": None, "cancel_requested_at": None}


@dataclass(frozen=True)
class RetryPolicy:
    """How often a kind is tried, and how long it rests before the second try; later rests double."""

    tries: int = 3
    first_delay: float = 5.0

    def delay(self, tries: int) -> timedelta:
        """The rest after so many tries, give or take half: what failed together is not to retry together."""
        seconds = min(self.first_delay * 2 ** (tries - 1), LONGEST_DELAY)
        return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311


@dataclass(frozen=True)
class Trace:
    """What an attempt leaves to be seen once Redis has forgotten it."""

    progress: Progress | None = None
    lines: Sequence[LogLine] = ()


NO_TRACE = Trace()
NOTHING: Mapping[str, str] = {}


class Job(HasFile, Base):
    __tablename__ = "jobs"
    __table_args__ = (
        # Lists, newest first: whatever they are of must stand before the id, or ended jobs are passed over one by one.
        Index("ix_jobs_state_id", "state", "id"),
        Index("ix_jobs_kind_id", "kind", "id"),
        Index("ix_jobs_file_name_id", "file_name", "id"),
        Index("ix_jobs_kind_state_id", "kind", "state", "id"),
        Index("ix_jobs_batch_id_id", "batch_id", "id"),
        Index("ix_jobs_owner_id_id", "owner_id", "id"),
        Index("ix_jobs_owner_id_state_id", "owner_id", "state", "id"),
        Index("ix_jobs_owner_id_batch_id_id", "owner_id", "batch_id", "id"),
        # Who waits, and who had a turn when: asked at each claim, so by index alone.
        Index("ix_jobs_waiting", "state", "priority", "owner_id", "id", "run_at", "kind"),
        Index("ix_jobs_owner_id_started_at", "owner_id", "started_at"),
        # What is to be deleted first, and whose file it is.
        Index("ix_jobs_finished_at", "finished_at", "id", "state"),
        Index("ix_jobs_file_key", "file_key", "file_size"),
        Index("ix_jobs_batch_id_state", "batch_id", "state"),
        # An archive that is unpacked a second time gives no second job for what is in it.
        Index("ix_jobs_batch_id_entry", "batch_id", "entry", unique=True),
        # Few jobs are made by schedules.
        Index("ix_jobs_schedule_id", "schedule_id", "id", sqlite_where=MADE, postgresql_where=MADE),
        # A number is never given twice, though jobs are deleted: pages, messages and flags still name it.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column()
    state: Mapped[str] = mapped_column(default="queued")
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id", ondelete="SET NULL"), index=True)
    # The batch it belongs to, and its path in the archive that was unpacked for it.
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    entry: Mapped[str | None]
    # Of a batch: more jobs may still be added.
    is_open: Mapped[bool] = mapped_column(default=False, server_default=false())
    # The schedule that it was made by.
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey(Schedule.id, ondelete="SET NULL"))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    # Over the whole life of the job: the fence. `tries` begins anew when a person has it retried.
    attempt: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    priority: Mapped[int] = mapped_column(default=PRIORITIES["normal"], server_default=str(PRIORITIES["normal"]))
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("workers.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    error: Mapped[str | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON, deferred=True, deferred_group="trace")
    last_progress: Mapped[dict[str, Any] | None] = mapped_column(JSON, deferred=True, deferred_group="trace")
    last_lines: Mapped[list[Any] | None] = mapped_column(JSON, deferred=True, deferred_group="trace")
    # Links that show it elsewhere name the version they were made for: a new one voids them.
    embed_version: Mapped[int] = mapped_column(default=0, server_default="0")
    owner: Mapped[User] = relationship(lazy="joined")
    worker: Mapped[Worker | None] = relationship(lazy="joined")
    __mapper_args__ = {"polymorphic_on": case((kind == BATCH, BATCH), else_="job"), "polymorphic_identity": "job"}  # noqa: RUF012

    # Reading

    @classmethod
    def find(cls, session: Session, job_id: int) -> Job | None:
        """One job with all that belongs to it."""
        return session.scalars(WITH_TRACE, {"job": job_id}).one_or_none()

    @classmethod
    def of_document(cls, session: Session, document_id: str) -> list[Job]:
        return list(session.scalars(select(cls).where(cls.document_id == document_id).order_by(cls.id)))

    @classmethod
    def of_entry(cls, session: Session, batch_id: int | None, entry: str) -> int | None:
        """The job that was started for one file of an archive."""
        return session.scalar(select(cls.id).where(cls.batch_id == batch_id, cls.entry == entry))

    @classmethod
    def newest_of(cls, session: Session, schedule_id: int) -> Job | None:
        """The job that a schedule made last, if that is kept."""
        made = select(cls).where(cls.schedule_id == schedule_id)
        return session.scalar(made.order_by(cls.id.desc()).limit(1))

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def stopping(self) -> bool:
        """Somebody asked for it to stop, and it has not yet."""
        return not self.ended and self.cancel_requested_at is not None

    @property
    def resting(self) -> bool:
        """Queued, but not to be tried before `run_at`."""
        return self.state == "queued" and self.run_at is not None and self.run_at > now()

    @property
    def scheduled(self) -> bool:
        """It rests because it is for later, not after a try that failed."""
        return self.resting and self.attempt == 0

    @property
    def worker_name(self) -> str | None:
        return self.worker.name if self.worker else None

    def visible_to(self, user_id: int, *, is_admin: bool) -> bool:
        return is_admin or self.owner_id == user_id

    def present(self, session: Session) -> Job | None:
        """The job as it is now; None if this attempt is not its running one any more."""
        now = session.get(Job, self.id, populate_existing=True)
        return now if now and now.state == "processing" and now.attempt == self.attempt else None

    # Verbs

    @classmethod
    def accept(
        cls,
        session: Session,
        *,
        kind: str,
        owner_id: int,
        params: dict[str, Any],
        file: StoredFile | None,
        priority: str = "normal",
        batch_id: int | None = None,
        entry: str | None = None,
        run_at: datetime | None = None,
        schedule_id: int | None = None,
        detail: Mapping[str, str] = NOTHING,
    ) -> Self:
        """Take a job on: from here it is durable. `detail` is what its history says of where it comes from."""
        job = cls(kind=kind, state="queued", owner_id=owner_id, params=params, attempt=0, tries=0, created_at=now())
        job.priority, job.run_at, job.batch_id, job.entry = PRIORITIES[priority], run_at, batch_id, entry
        job.schedule_id, job.file = schedule_id, file
        session.add(job)
        session.flush()
        wait = {"not_before": f"{run_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"} if run_at else {}
        job._happened(session, "queued", **wait, **detail)
        return job

    @classmethod
    def claim(cls, session: Session, job_id: int, worker_id: int) -> Job | None:
        """Take a queued job for a worker, as its next attempt; None if there is nothing to take."""
        if not changed(session, TAKE, {"job": job_id, "worker": worker_id}):
            return None
        job = session.scalars(ONE, {"job": job_id}, execution_options={"populate_existing": True}).one()
        job._happened(session, "claimed", worker=job.worker_name)
        job._tell_batch(session)
        return job

    @classmethod
    def goes_on(cls, session: Session, job_id: int, attempt: int, stage: str) -> None:
        """An attempt takes over what earlier ones kept, and begins at this stage."""
        job = session.get(cls, job_id)
        if job and job.state == "processing" and job.attempt == attempt:
            job._happened(session, "resumed", **{"from": stage})

    def complete(self, session: Session, result: dict[str, Any], trace: Trace) -> bool:
        """End the attempt with its result; False if it is not the job's present attempt."""
        return self._end(session, "completed", trace, result=result, error=None)

    def fail(self, session: Session, error: str, trace: Trace) -> bool:
        return self._end(session, "failed", trace, error=error)

    def cancelled(self, session: Session, trace: Trace) -> bool:
        """The running attempt has stopped because it was asked to."""
        return self._end(session, "cancelled", trace)

    def request_cancel(self, session: Session, by: str) -> bool:
        """Cancel at once what waits; ask what runs to stop. False if it has ended already."""
        waiting = update(Job).where(Job.id == self.id, Job.state == "queued", Job.kind != BATCH)
        if changed(session, waiting.values(state="cancelled", finished_at=now())):
            self._happened(session, "cancelled", by=by)
            self._tell_batch(session)
            return True
        running = update(Job).where(Job.id == self.id, Job.state.not_in(ENDED), Job.cancel_requested_at.is_(None))
        if changed(session, running.values(cancel_requested_at=now())):
            self._happened(session, "cancel_requested", by=by)
            return True
        return False

    def revoke_embeds(self, session: Session, by: str) -> None:
        """Void every link that shows it elsewhere."""
        session.execute(update(Job).where(Job.id == self.id).values(embed_version=Job.embed_version + 1))
        self._happened(session, "embeds_revoked", by=by)

    def release(self, session: Session, reason: str, *, run_at: datetime | None = None) -> bool:
        """Give up the present attempt and go back to the queue, not to be tried before `run_at`."""
        values = {"state": "queued", "worker_id": None, "started_at": None, "run_at": run_at}
        if not self._change_present_attempt(session, values):
            return False
        self._happened(session, "released", reason=reason)
        return True

    def hand_back(self, session: Session, reason: str) -> bool:
        """The worker stops in good order: this try does not count."""
        if self._cancel_requested(session):
            return self.cancelled(session, NO_TRACE)
        released = self.release(session, reason)
        if released:
            session.execute(update(Job).where(Job.id == self.id).values(tries=Job.tries - 1))
        return released

    def lose(self, session: Session, reason: str, policy: RetryPolicy, trace: Trace = NO_TRACE) -> bool:
        """The worker is gone: try again at once while tries are left."""
        return self._try_again(session, reason, policy, trace, run_at=None)

    def stumble(self, session: Session, error: str, policy: RetryPolicy, trace: Trace) -> bool:
        """The attempt failed in a way that another may not: try again after a rest while tries are left."""
        return self._try_again(session, error, policy, trace, run_at=now() + policy.delay(self.tries))

    def _try_again(
        self, session: Session, error: str, policy: RetryPolicy, trace: Trace, *, run_at: datetime | None
    ) -> bool:
        if self._cancel_requested(session):
            return self.cancelled(session, trace)
        if self.tries >= policy.tries:
            return self.fail(session, error, trace)
        return self.release(session, error, run_at=run_at)

    def retry(self, session: Session, by: str, *, afresh: bool = False) -> bool:
        """Have an ended job tried anew, or at once one that rests. False if there is nothing to retry.

        `afresh` is for its history: the caller sees to it that nothing is kept to go on from.
        """
        ended = (Job.state.in_(("failed", "cancelled"))) | ((Job.state == "queued") & Job.run_at.is_not(None))
        again = update(Job).where(Job.id == self.id, Job.kind != BATCH, ended)
        if not changed(session, again.values(ANEW)):
            return False
        detail = {"from": "the beginning"} if afresh else {}
        self._happened(session, "hastened" if self.scheduled else "retried", by=by, **detail)
        self._tell_batch(session)
        return True

    def follow_its_jobs(self, session: Session) -> None:
        """Only a batch has jobs to follow (records/batch.py)."""
        raise TypeError(f"job {self.id} is no batch")

    def _tell_batch(self, session: Session) -> None:
        if self.batch_id is not None:
            session.get_one(Job, self.batch_id).follow_its_jobs(session)

    # Looking after

    @classmethod
    def held_by(cls, session: Session, worker_id: int) -> list[Job]:
        """Running jobs of one worker."""
        return list(session.scalars(select(cls).where(cls.state == "processing", cls.worker_id == worker_id)))

    @classmethod
    def held_by_lost_workers(cls, session: Session) -> list[Job]:
        """Running jobs whose worker has stopped, or was given up."""
        lost = (Worker.id.is_(None)) | Worker.stopped_at.is_not(None)
        running = select(cls).outerjoin(Worker, cls.worker_id == Worker.id).where(cls.state == "processing", lost)
        running = running.where(cls.kind != BATCH)
        return list(session.scalars(running))

    def _end(self, session: Session, state: str, trace: Trace, **values: Any) -> bool:
        values |= {
            "state": state,
            "finished_at": now(),
            "last_progress": to_builtins(trace.progress),
            "last_lines": to_builtins(trace.lines),
        }
        if not self._change_present_attempt(session, values):
            return False
        detail = {"error": values["error"]} if values.get("error") else {}
        self._happened(session, state, **detail)
        self._tell_batch(session)
        return True

    def _cancel_requested(self, session: Session) -> bool:
        return session.scalar(select(Job.cancel_requested_at).where(Job.id == self.id)) is not None

    def _change_present_attempt(self, session: Session, values: dict[str, Any]) -> bool:
        return changed(session, FENCED, {"job": self.id, "present": self.attempt, **values})

    def _happened(self, session: Session, name: str, **detail: Any) -> None:
        Event.note(session, job_id=self.id, name=name, attempt=self.attempt, detail=detail)
        Change("job", self.id, owner_id=self.owner_id, what=name).note(session)
        if self.batch_id is not None:
            Change("job", self.batch_id, owner_id=self.owner_id, what="in_batch").note(session)


def due() -> ColumnElement[bool]:
    """Not resting before another try, or until it is to start."""
    return or_(Job.run_at.is_(None), Job.run_at <= AT_THAT_MOMENT)


# What happens at each job is built once: building takes several times as long as running.
ONE = select(Job).where(Job.id == bindparam("job"))
WITH_TRACE = ONE.options(undefer_group("trace"))
TAKE = (
    update(Job)
    .where(Job.id == bindparam("job"), Job.state == "queued", due())
    .values(
        state="processing",
        attempt=Job.attempt + 1,
        tries=Job.tries + 1,
        worker_id=bindparam("worker"),
        started_at=AT_THAT_MOMENT,
        run_at=None,
    )
)
FENCED = update(Job).where(Job.id == bindparam("job"), Job.attempt == bindparam("present"), Job.state == "processing")
