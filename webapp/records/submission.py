"""Calls that were made under a key of the caller's: made again, they get the job that they got."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.records.database import Base, UTCDateTime, now

KEPT = timedelta(hours=24)


class Repeated(Exception):
    """The call was made before. `job_id` is what it got, None if it was another call under the same key."""

    def __init__(self, job_id: int | None) -> None:
        super().__init__("the call was made before")
        self.job_id = job_id


class Submission(Base):
    """`digest` tells what was asked for. It goes with its job, and after a day."""

    __tablename__ = "submissions"
    __table_args__ = (UniqueConstraint("owner_id", "key"), Index("ix_submissions_at", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str]
    digest: Mapped[str]
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)

    @classmethod
    def check(cls, session: Session, *, owner_id: int, key: str, digest: str) -> None:
        """Raises Repeated if the key was used."""
        same = select(cls).where(cls.owner_id == owner_id, cls.key == key, cls.at > now() - KEPT)
        earlier = session.scalar(same)
        if earlier:
            raise Repeated(earlier.job_id if earlier.digest == digest else None)

    @classmethod
    def note(cls, session: Session, *, owner_id: int, key: str, digest: str, job_id: int) -> None:
        """In the transaction that accepts the job: of two calls at the same time one is kept. Raises Repeated."""
        cls.check(session, owner_id=owner_id, key=key, digest=digest)
        session.execute(delete(cls).where(cls.owner_id == owner_id, cls.key == key))
        session.add(cls(owner_id=owner_id, key=key, digest=digest, job_id=job_id, at=now()))
        session.flush()

    @classmethod
    def forget_old(cls, session: Session) -> None:
        session.execute(delete(cls).where(cls.at <= now() - KEPT))
