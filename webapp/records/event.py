"""A job's history: one row for each thing that happened to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.records.database import Base, UTCDateTime, now


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
        return list(session.scalars(select(cls).where(cls.job_id == job_id).order_by(cls.id)))

    @classmethod
    def last_of(cls, session: Session, job_ids: Iterable[int]) -> dict[int, Event]:
        """What happened to each of these jobs last."""
        last = select(func.max(cls.id)).where(cls.job_id.in_(job_ids)).group_by(cls.job_id)
        return {event.job_id: event for event in session.scalars(select(cls).where(cls.id.in_(last)))}
