"""What the stages of a job made and keep in files: for people to have, or for the next attempt to go on from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint, bindparam, delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.records.database import Base, Change, UTCDateTime, now
from webapp.records.job import Job


@dataclass(frozen=True)
class Made:
    """A file of a stage. Its `part` counts from 0; `whole` says that with it the stage can be skipped.

    `basis` tells what it was made from, by which code: made from anything else it is of no use. A lasting
    one stays when the job is completed. The rest is what to tell of the stage when it is skipped.
    """

    stage: str
    name: str
    key: str
    size: int
    sha256: str
    media_type: str
    basis: str
    part: int = 0
    whole: bool = False
    lasting: bool = False
    done: int = 0
    total: int | None = None
    seconds: float = 0.0
    counters: dict[str, int] = field(default_factory=dict)


class Output(Base):
    __tablename__ = "outputs"
    __table_args__ = (UniqueConstraint("job_id", "name", "part"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    stage: Mapped[str]
    name: Mapped[str]
    part: Mapped[int]
    key: Mapped[str] = mapped_column(index=True)
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str]
    basis: Mapped[str]
    whole: Mapped[bool]
    lasting: Mapped[bool]
    done: Mapped[int]
    total: Mapped[int | None]
    seconds: Mapped[float]
    counters: Mapped[dict[str, int]] = mapped_column(JSON)

    @classmethod
    def of(cls, session: Session, job_id: int) -> Sequence[Output]:
        """All of a job, in the order in which they were made."""
        return session.scalars(OF_JOB, {"job": job_id}).all()

    @classmethod
    def lasting_of(cls, session: Session, job_id: int) -> Sequence[Output]:
        """Those for people, in the order in which they were made."""
        return session.scalars(LASTING_OF_JOB, {"job": job_id}).all()

    @classmethod
    def find(cls, session: Session, job_id: int, name: str) -> Output | None:
        """One for people, by its name."""
        return session.scalar(select(cls).where(cls.job_id == job_id, cls.name == name, cls.lasting))

    @classmethod
    def keep(cls, session: Session, job_id: int, attempt: int, made: Made) -> list[str] | None:
        """Put it in the place of a former one; the keys of files that are needed no more.

        None if the attempt is not the job's present one: then nothing of it is kept.
        """
        present = select(Job.owner_id).where(Job.id == job_id, Job.attempt == attempt, Job.state == "processing")
        owner_id = session.scalar(present.with_for_update())
        if owner_id is None:
            return None
        same = delete(cls).where(cls.job_id == job_id, cls.name == made.name, cls.part == made.part)
        former = list(session.scalars(same.returning(cls.key)))
        # Past the unit of work, which takes as much time as half of the rest of keeping.
        session.connection().execute(insert(cls), {"job_id": job_id, "attempt": attempt, "at": now(), **vars(made)})
        if made.lasting:
            Change("job", job_id, owner_id=owner_id, what="output").note(session)
        return former

    @classmethod
    def drop(cls, session: Session, ids: Collection[int]) -> list[str]:
        """Forget them; the keys of their files, which the caller deletes."""
        return list(session.scalars(delete(cls).where(cls.id.in_(ids)).returning(cls.key)))

    @classmethod
    def drop_all(cls, session: Session, job_id: int) -> list[str]:
        return list(session.scalars(delete(cls).where(cls.job_id == job_id).returning(cls.key)))

    @classmethod
    def drop_spent(cls, session: Session, job_id: int) -> list[str]:
        """Forget what only another attempt would need; the keys of its files."""
        spent = delete(cls).where(cls.job_id == job_id, ~cls.lasting)
        return list(session.scalars(spent.returning(cls.key)))


# Built once: they are read with every job that is looked at.
OF_JOB = select(Output).where(Output.job_id == bindparam("job")).order_by(Output.id)
LASTING_OF_JOB = OF_JOB.where(Output.lasting)
