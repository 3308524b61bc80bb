"""Worker processes: a row each, alive while its heartbeat is recent."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.records.database import Base, UTCDateTime, now

LEASE = timedelta(seconds=20)
FORGET_AFTER = timedelta(days=1)


class Worker(Base):
    __tablename__ = "workers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @classmethod
    def register(cls, session: Session, name: str) -> Worker:
        session.execute(delete(cls).where(cls.seen_at < now() - FORGET_AFTER))
        worker = cls(name=name, started_at=now(), seen_at=now())
        session.add(worker)
        session.flush()
        return worker

    @classmethod
    def beat(cls, session: Session, worker_id: int) -> None:
        session.execute(update(cls).where(cls.id == worker_id).values(seen_at=now()))

    @classmethod
    def stop(cls, session: Session, worker_id: int) -> None:
        session.execute(update(cls).where(cls.id == worker_id).values(stopped_at=now()))

    @classmethod
    def alive_count(cls, session: Session) -> int:
        alive = select(func.count()).where(cls.seen_at > now() - LEASE, cls.stopped_at.is_(None))
        return session.scalar(alive) or 0
