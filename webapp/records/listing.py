"""Lists of jobs: what pages show, newest first. Only reading; what happens to a job stands in job.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session, aliased, undefer, undefer_group

from webapp.records.job import Job
from webapp.records.user import User

MOST_ACTIVE = 100
URGENCY = ("processing", "failed", "queued", "cancelled", "completed")
# What is asked again and again looks at no more than so many jobs.
LATELY = 1000
# Of what can be looked for, what one index finds in order.
INDEXED = (("batch_id",), ("schedule_id",), ("owner_id", "state"), ("kind", "state"), ("state",))


@dataclass(frozen=True)
class JobFilter:
    """Which jobs to list; None takes all. `before` is the id that the page before ended with.

    Jobs of a batch are listed where something is looked for; else the batch stands for them.
    """

    owner_id: int | None = None
    state: str | None = None
    kind: str | None = None
    owner_email: str | None = None
    text: str | None = None
    batch_id: int | None = None
    schedule_id: int | None = None
    before: int | None = None

    @property
    def looks_for_something(self) -> bool:
        return any((self.state, self.kind, self.owner_email, self.text, self.batch_id, self.schedule_id))

    @property
    def written(self) -> str:
        """As a text, the same for equal ones."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    @classmethod
    def read(cls, written: str) -> JobFilter:
        return cls(**json.loads(written))


def matching(session: Session, wanted: JobFilter, limit: int) -> list[Job]:
    """Newest first. A text is looked for in file names, and a number is a job's own."""
    query = select(Job).where(*_conditions(wanted, Job)).order_by(Job.id.desc()).limit(limit)
    return list(session.scalars(query))


def lately_matching(session: Session, wanted: JobFilter, limit: int) -> list[int]:
    """The ids of those that match, newest first: among the newest, however many jobs there are."""
    columns = (Job.id, Job.owner_id, Job.state, Job.kind, Job.file_name, Job.batch_id, Job.schedule_id)
    lately = select(*columns).order_by(Job.id.desc()).limit(LATELY)
    names = next((names for names in INDEXED if getattr(wanted, names[0]) is not None), ())
    for name in names:
        if (value := getattr(wanted, name)) is not None:
            lately = lately.where(getattr(Job, name) == value)
    job = aliased(Job, lately.subquery())
    # Sorted here: SQLite would put them into a tree of its own.
    return sorted(session.scalars(select(job.id).where(*_conditions(wanted, job))), reverse=True)[:limit]


def _conditions(wanted: JobFilter, job: Any) -> Iterator[ColumnElement[bool]]:
    for name in ("owner_id", "state", "kind", "batch_id", "schedule_id"):
        if (value := getattr(wanted, name)) is not None:
            yield getattr(job, name) == value
    if not wanted.looks_for_something:
        yield job.batch_id.is_(None)
    if wanted.owner_email:
        yield job.owner.has(User.email.icontains(wanted.owner_email, autoescape=True))
    if wanted.text:
        number = int(wanted.text) if wanted.text.isdecimal() and len(wanted.text) < 19 else 0
        yield job.file_name.icontains(wanted.text, autoescape=True) | (job.id == number)
    if wanted.before is not None:
        yield job.id < wanted.before


def of_ids(session: Session, ids: Sequence[int]) -> list[Job]:
    return list(session.scalars(select(Job).where(Job.id.in_(ids)).order_by(Job.id)))


def at_hand(session: Session, *, owner_id: int | None, newest: int) -> list[Job]:
    """The newest, and all that have not ended however old; newest first. A batch stands for its jobs."""
    query = select(Job).where(Job.batch_id.is_(None)).order_by(Job.id.desc()).limit(newest)
    jobs = session.scalars(_owned(query, owner_id).options(undefer_group("trace")))
    unfinished = (_owned(query, owner_id).where(Job.batch_id.is_(None)) for query in _active())
    found = {job.id: job for job in chain(jobs, *map(session.scalars, unfinished))}
    return sorted(found.values(), key=lambda job: -job.id)


def active(session: Session, *, kind: str) -> list[Job]:
    """Those that have not ended, and of them the ones that are next to; newest first."""
    found = chain.from_iterable(session.scalars(query.where(Job.kind == kind)) for query in _active())
    return sorted(found, key=lambda job: -job.id)


def newest(session: Session, *, owner_id: int | None, limit: int) -> list[Job]:
    """Newest first, with how far each had come when it ended."""
    query = select(Job).order_by(Job.id.desc()).limit(limit).options(undefer(Job.last_progress))
    return list(session.scalars(_owned(query, owner_id)))


def newest_named(session: Session, file_name: str, *, owner_id: int | None) -> Job | None:
    """The newest job with a file of that name."""
    query = select(Job).where(Job.file_name == file_name).order_by(Job.id.desc()).limit(1)
    return session.scalar(_owned(query, owner_id))


def counts(session: Session, *, owner_id: int | None) -> dict[str, int]:
    """How many jobs are in each state that any is in."""
    query = select(Job.state, func.count()).group_by(Job.state)
    rows = session.execute(query if owner_id is None else query.where(Job.owner_id == owner_id))
    return {state: count for state, count in rows}


def in_batch(session: Session, batch_id: int, *, limit: int) -> list[Job]:
    """What runs first, then what failed, what waits, and last what came to a good end."""
    order = case({state: place for place, state in enumerate(URGENCY)}, value=Job.state)
    return list(session.scalars(select(Job).where(Job.batch_id == batch_id).order_by(order, Job.id).limit(limit)))


def _active() -> list[Select[Job]]:
    """A query for each state: for both in one, SQLite would pass over all jobs that have ended."""
    oldest = select(Job).order_by(Job.id).limit(MOST_ACTIVE)
    return [oldest.where(Job.state == state) for state in ("processing", "queued")]


def _owned(query: Select[Job], owner_id: int | None) -> Select[Job]:
    return query if owner_id is None else query.where(Job.owner_id == owner_id)
