"""Batches: jobs that came together. A batch is a job too, whose state follows from the jobs in it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Update, delete, func, select, update
from sqlalchemy.orm import Session, aliased

from webapp.records.database import Change, now
from webapp.records.job import ANEW, BATCH, ENDED, Job


class Batch(Job):
    __mapper_args__ = {"polymorphic_identity": BATCH}  # noqa: RUF012

    @classmethod
    def open(cls, session: Session, *, owner_id: int, name: str, priority: str = "normal") -> Batch:
        """One that jobs can be added to until it is closed; until then it does not end."""
        batch = cls.accept(session, kind=BATCH, owner_id=owner_id, params={}, file=None, priority=priority)
        batch.file_name, batch.is_open = name, True
        return batch

    @classmethod
    def abandoned(cls, session: Session, before: datetime) -> list[Batch]:
        """Open ones that were given nothing since then."""
        given = aliased(Job)
        fresh = select(given.id).where(given.batch_id == cls.id, given.created_at >= before).exists()
        open = (cls.state.not_in(ENDED), cls.is_open)
        return list(session.scalars(select(cls).where(*open, cls.created_at < before, ~fresh)))

    def takes_jobs(self, session: Session) -> bool:
        """Whether more jobs may be added to this batch now."""
        open = (Job.state.not_in(ENDED), Job.cancel_requested_at.is_(None))
        return session.scalar(select(Job.id).where(Job.id == self.id, *open).with_for_update()) is not None

    def close(self, session: Session) -> None:
        """No more jobs come to this batch. One that got none is not kept."""
        self._take_no_more(session)
        if self.tally(session):
            self.follow_its_jobs(session)
        else:
            session.execute(delete(Job).where(Job.id == self.id))
            Change("job", self.id, owner_id=self.owner_id, what="deleted").note(session)

    def _take_no_more(self, session: Session) -> None:
        session.execute(update(Job).where(Job.id == self.id).values(is_open=False))

    def tally(self, session: Session) -> Counter[str]:
        """How many jobs of this batch are in each state."""
        states = select(Job.state, func.count()).where(Job.batch_id == self.id).group_by(Job.state)
        return Counter({state: count for state, count in session.execute(states)})

    def cancel_its_jobs(self, session: Session, by: str) -> list[Job]:
        """Cancel what waits of this batch, and ask what runs to stop; these are returned."""
        waiting = update(Job).where(Job.batch_id == self.id, Job.state == "queued")
        for job in _updated(session, waiting.values(state="cancelled", finished_at=now())):
            job._happened(session, "cancelled", by=by)
        running = update(Job).where(Job.batch_id == self.id, Job.state == "processing")
        asked = running.where(Job.cancel_requested_at.is_(None)).values(cancel_requested_at=now())
        stopping = _updated(session, asked)
        for job in stopping:
            job._happened(session, "cancel_requested", by=by)
        # Not closed: one that was given nothing yet is kept, for whoever still fills it to be told.
        self._take_no_more(session)
        self.follow_its_jobs(session)
        return stopping

    def retry_its_jobs(self, session: Session, by: str) -> list[Job]:
        """Have tried anew what failed or was cancelled in this batch; these are returned."""
        again = update(Job).where(Job.batch_id == self.id, Job.state.in_(("failed", "cancelled")))
        retried = _updated(session, again.values(ANEW))
        for job in retried:
            job._happened(session, "retried", by=by)
        self.follow_its_jobs(session)
        return retried

    def follow_its_jobs(self, session: Session) -> None:
        """Bring a batch to the state that its jobs are in together."""
        batch = session.get_one(Batch, self.id, populate_existing=True, with_for_update=True)
        if batch.state == "processing" and (batch.is_open or batch._has_unfinished(session)):
            # Most of the time, and to be seen without counting thousands.
            return
        tally = batch.tally(session)
        state = batch._state_by(tally)
        if state == batch.state or (batch.ended and not tally):
            # Of jobs that are no longer kept nothing follows.
            return
        values: dict[str, Any] = {"state": state, "finished_at": None, "error": None, "result": None}
        if state in ENDED:
            result = {"jobs": tally.total()} | {name: tally[name] for name in ENDED}
            values |= {"finished_at": now(), "result": result}
        elif batch.ended:
            values["cancel_requested_at"] = None
        if state == "processing":
            values["started_at"] = batch.started_at or now()
        if state == "failed":
            values["error"] = f"{tally['failed']} of {tally.total()} jobs failed."
        session.execute(update(Job).where(Job.id == batch.id).values(values))
        batch._happened(session, "started" if state == "processing" else state)

    def _has_unfinished(self, session: Session) -> bool:
        unfinished = select(Job.id).where(Job.batch_id == self.id, Job.state.in_(("queued", "processing")))
        return session.scalar(unfinished.limit(1)) is not None

    def _state_by(self, tally: Counter[str]) -> str:
        unfinished = tally["queued"] + tally["processing"]
        if self.is_open or unfinished:
            begun = self.started_at or tally.total() > tally["queued"]
            return "processing" if begun else "queued"
        if tally["failed"]:
            return "failed"
        given_up = self.cancel_requested_at or not tally["completed"]
        return "cancelled" if given_up and (tally["cancelled"] or not tally) else "completed"


def _updated(session: Session, statement: Update) -> list[Job]:
    """The jobs that a conditional change changed."""
    ids = session.scalars(statement.returning(Job.id)).all()
    return list(session.scalars(select(Job).where(Job.id.in_(ids)), execution_options={"populate_existing": True}))
