"""Lists of jobs: what pages show, newest first. Only reading; what happens to a job stands in job.py."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer_group

from webapp.records.job import Job
from webapp.records.user import User


@dataclass(frozen=True)
class JobFilter:
    """Which jobs to list; None takes all. `before` is the id that the page before ended with."""

    owner_id: int | None = None
    state: str | None = None
    kind: str | None = None
    owner_email: str | None = None
    text: str | None = None
    before: int | None = None


def matching(session: Session, wanted: JobFilter, limit: int) -> list[Job]:
    """Newest first. A text is looked for in file names, and a number is a job's own."""
    query = select(Job).order_by(Job.id.desc()).limit(limit)
    for column, value in ((Job.owner_id, wanted.owner_id), (Job.state, wanted.state), (Job.kind, wanted.kind)):
        query = query if value is None else query.where(column == value)
    if wanted.owner_email:
        query = query.where(Job.owner.has(User.email.icontains(wanted.owner_email, autoescape=True)))
    if wanted.text:
        number = int(wanted.text) if wanted.text.isdecimal() and len(wanted.text) < 19 else 0
        query = query.where(Job.file_name.icontains(wanted.text, autoescape=True) | (Job.id == number))
    if wanted.before is not None:
        query = query.where(Job.id < wanted.before)
    return list(session.scalars(query))


def at_hand(session: Session, *, owner_id: int | None, newest: int) -> list[Job]:
    """The newest, and all that have not ended however old; newest first."""
    query = select(Job).order_by(Job.id.desc()).limit(newest).options(undefer_group("trace"))
    jobs = session.scalars(query if owner_id is None else query.where(Job.owner_id == owner_id))
    found = {job.id: job for job in [*jobs, *active(session, owner_id=owner_id)]}
    return sorted(found.values(), key=lambda job: -job.id)


def active(session: Session, *, kind: str | None = None, owner_id: int | None = None, limit: int = 100) -> list[Job]:
    """Those that have not ended, and of them the ones that are next to; newest first."""
    query = select(Job).where(Job.state.in_(("queued", "processing"))).order_by(Job.id).limit(limit)
    query = query if kind is None else query.where(Job.kind == kind)
    query = query if owner_id is None else query.where(Job.owner_id == owner_id)
    return list(session.scalars(query))[::-1]
