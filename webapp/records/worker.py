"""Worker processes: a row each, with the last sign of life that each has given."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.records.database import Base, UTCDateTime, changed, now

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
        session.execute(delete(cls).where(cls.seen_at < now() - FORGET_AFTER, cls.stopped_at.is_not(None)))
        worker = cls(name=name, started_at=now(), seen_at=now())
        session.add(worker)
        session.flush()
        return worker

    @classmethod
    def beat(cls, session: Session, worker_id: int) -> bool:
        """Give a sign of life; False if the others hold this worker for lost."""
        return changed(session, HERE, {"worker": worker_id, "seen_at": now()})

    @classmethod
    def leave(cls, session: Session, worker_id: int) -> None:
        """Say goodbye, the last sign of all."""
        at = now()
        changed(session, HERE, {"worker": worker_id, "seen_at": at, "stopped_at": at})

    @classmethod
    def stop(cls, session: Session, worker_ids: Collection[int]) -> None:
        """These are lost: what they held goes to others, and they take nothing more."""
        session.execute(update(cls).where(cls.id.in_(worker_ids), cls.stopped_at.is_(None)).values(stopped_at=now()))

    @classmethod
    def signs(cls, session: Session) -> dict[int, datetime]:
        """The last sign of each that has not stopped."""
        return dict(session.execute(select(cls.id, cls.seen_at).where(cls.stopped_at.is_(None))).all())

    @classmethod
    def recent(cls, session: Session, within: timedelta) -> list[Worker]:
        """Those that gave a sign within this time, newest first."""
        return list(session.scalars(select(cls).where(cls.seen_at > now() - within).order_by(cls.id.desc())))

    def is_lost(self, lease: timedelta) -> bool:
        """It gives no sign, or was given up: who says goodbye gives a sign by that."""
        return self.seen_at < (self.stopped_at or now() - lease)

    @classmethod
    def alive_count(cls, session: Session, lease: timedelta) -> int:
        """How many gave a sign within their lease: to be told to people. What is decided, Roster decides."""
        alive = select(func.count()).where(cls.seen_at > now() - lease, cls.stopped_at.is_(None))
        return session.scalar(alive) or 0


# Built once, since it is asked at each claim.
HERE = update(Worker).where(Worker.id == bindparam("worker"), Worker.stopped_at.is_(None))
