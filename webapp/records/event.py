"""A job's history: one row for each thing that happened to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, bindparam, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.records.database import Base, UTCDateTime, now

# After these it waits for a worker; with those an attempt is over.
WAITS = ("queued", "released", "retried")
STOPS = ("released", "completed", "failed", "cancelled")


class Event(Base):
    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    name: Mapped[str]
    attempt: Mapped[int]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    @classmethod
    def note(cls, session: Session, *, job_id: int, name: str, attempt: int, detail: dict[str, Any]) -> None:
        values = {"job_id": job_id, "at": now(), "name": name, "attempt": attempt, "detail": detail}
        session.connection().execute(insert(cls), values)

    @classmethod
    def of(cls, session: Session, job_id: int) -> list[Event]:
        return list(session.scalars(OF_JOB, {"job": job_id}))

    @classmethod
    def last_of(cls, session: Session, job_ids: Iterable[int]) -> dict[int, Event]:
        """What happened to each of these jobs last."""
        last = select(func.max(cls.id)).where(cls.job_id.in_(job_ids)).group_by(cls.job_id)
        return {event.job_id: event for event in session.scalars(select(cls).where(cls.id.in_(last)))}


# Built once: it is read with every job that is looked at.
OF_JOB = select(Event).where(Event.job_id == bindparam("job")).order_by(Event.id)


@dataclass
class Attempt:
    """One try as the history tells it: seconds waited before and run, and how it ended; None while it runs."""

    number: int
    worker: str
    began_at: datetime
    waited: float
    ran: float | None = None
    end: str | None = None


def attempts_in(events: Iterable[Event]) -> list[Attempt]:
    """The attempts of a job, in order."""
    attempts: list[Attempt] = []
    waiting_since: datetime | None = None
    for event in events:
        running = attempts[-1] if attempts and attempts[-1].end is None else None
        if event.name == "claimed":
            waited = _seconds(waiting_since or event.at, event.at)
            attempts.append(Attempt(event.attempt, event.detail.get("worker") or "", event.at, waited))
        elif event.name in STOPS and running and event.attempt == running.number:
            running.ran, running.end = _seconds(running.began_at, event.at), event.name
        if event.name in WAITS:
            waiting_since = event.at
    return attempts


def _seconds(begin: datetime, end: datetime) -> float:
    # Clocks may be set back in between.
    return max((end - begin).total_seconds(), 0.0)
