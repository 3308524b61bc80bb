"""Whose turn it is: higher priorities first, then the owners in turn, then the oldest job.

SQL is asked for a few counts; the rest is decided here, on plain values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from sqlalchemy import Select, bindparam, func, literal, select, union_all
from sqlalchemy.orm import Session

from webapp.records.batch import Batch
from webapp.records.job import BATCH, PRIORITIES, Job, due
from webapp.records.rule import EVERYTHING, why_held

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Group:
    """The jobs of one owner that wait at one priority; `served_at` is when the owner last had a turn."""

    priority: int
    owner_id: int
    count: int
    first_id: int
    served_at: datetime | None = None

    @property
    def rank(self) -> tuple[int, datetime, int]:
        return -self.priority, self.served_at or LONG_AGO, self.first_id


def next_of(groups: Sequence[Group]) -> int | None:
    """The job whose turn it is."""
    return min(groups, key=lambda group: group.rank).first_id if groups else None


def place_of(groups: Sequence[Group], priority: int, owner_id: int, own_ahead: int) -> int:
    """The place in the line, 1 being next, of a job that has so many of its owner's own ahead of it.

    True as long as nobody joins: by then each other owner has had a turn for each of this one's.
    """
    mine = next(group for group in groups if (group.priority, group.owner_id) == (priority, owner_id))
    ahead = own_ahead
    for group in groups:
        if group.priority > priority:
            ahead += group.count
        elif group.priority == priority and group is not mine:
            ahead += min(group.count, own_ahead + (group.rank < mine.rank))
    return ahead + 1


def next_job(session: Session) -> int | None:
    """The id of the job to claim now; None if nothing waits that may begin."""
    held = why_held(session)
    return None if EVERYTHING in held else next_of(_heads(session, without=(BATCH, *held)))


def may_begin(session: Session, at_most: int) -> list[int]:
    """The ids of jobs that could be claimed now, oldest first."""
    held = why_held(session)
    if EVERYTHING in held:
        return []
    waiting = select(Job.id).where(Job.state == "queued", due(), Job.kind.not_in((BATCH, *held)))
    return list(session.scalars(waiting.order_by(Job.id).limit(at_most)))


class Line:
    """The line as it is now, read once for however many jobs are asked about."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def place(self, job: Job) -> int | None:
        """A job's place in it; None if it is not in it."""
        if job.state != "queued" or job.resting or isinstance(job, Batch):
            return None
        same = (Job.owner_id == job.owner_id, Job.priority == job.priority, Job.id < job.id)
        waiting = (Job.state == "queued", Job.kind != BATCH, due())
        own_ahead = self._session.scalar(select(func.count()).where(*waiting, *same)) or 0
        return place_of(self._groups, job.priority, job.owner_id, own_ahead)

    @cached_property
    def held(self) -> dict[str, str]:
        """Which kinds may not begin now, and why."""
        return why_held(self._session)

    @cached_property
    def _groups(self) -> list[Group]:
        return _groups(self._session)


def _heads(session: Session, without: tuple[str, ...]) -> list[Group]:
    """The head of each group, leaving out kinds; nobody counts who stands behind it."""
    rows = session.connection().execute(HEADS, {"without": without})
    return [Group(priority, owner, 1, first_id, served_at) for priority, owner, first_id, served_at in rows if first_id]


def _groups(session: Session) -> list[Group]:
    waiting = (
        select(Job.priority, Job.owner_id, func.count(), func.min(Job.id))
        .where(Job.state == "queued", due(), Job.kind != BATCH)
        .group_by(Job.priority, Job.owner_id)
    )
    rows = session.execute(waiting).all()
    served = _served(session, {owner_id for _, owner_id, _, _ in rows}) if len(rows) > 1 else {}
    return [Group(*row, served_at=served.get(row[1])) for row in rows]


def _served(session: Session, owner_ids: set[int]) -> dict[int, datetime | None]:
    """When each owner last had a turn, by an index seek for each."""
    return {
        owner_id: session.scalar(select(func.max(Job.started_at)).where(Job.owner_id == owner_id))
        for owner_id in owner_ids
    }


def _seek_heads() -> Select[int, int, int | None, datetime | None]:
    """From owner to owner by index seeks, so that it takes no longer the more of their jobs wait."""
    each = union_all(*(select(literal(number).label("priority")) for number in PRIORITIES.values())).subquery()
    owners = select(func.min(Job.owner_id)).where(Job.state == "queued")
    first = owners.where(Job.priority == each.c.priority).scalar_subquery().label("owner")
    group = select(each.c.priority, first).cte("waiting_group", recursive=True)
    following = owners.where(Job.priority == group.c.priority, Job.owner_id > group.c.owner).scalar_subquery()
    group = group.union_all(select(group.c.priority, following).where(group.c.owner.is_not(None)))
    same = (Job.state == "queued", Job.priority == group.c.priority, Job.owner_id == group.c.owner)
    free = (due(), Job.kind.not_in(bindparam("without", expanding=True)))
    head = select(func.min(Job.id)).where(*same, *free).scalar_subquery()
    served = select(func.max(Job.started_at)).where(Job.owner_id == group.c.owner).scalar_subquery()
    return select(group.c.priority, group.c.owner, head, served).where(group.c.owner.is_not(None))


# Built once: building takes several times as long as running.
HEADS = _seek_heads()
