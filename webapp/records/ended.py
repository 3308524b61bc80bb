"""Ended jobs, oldest first: what their files take, and their removal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Row, delete, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from webapp.records.database import Change
from webapp.records.document import Document
from webapp.records.job import BATCH, ENDED, Job
from webapp.records.output import Output
from webapp.records.schedule import Schedule

# How many values a statement may hold on every SQLite is 999.
VALUES_A_STATEMENT = 500


class Ended(NamedTuple):
    """`files`: its own and its outputs', key → size."""

    id: int
    finished_at: datetime
    files: dict[str, int]


class Files(NamedTuple):
    """How many files jobs and schedules name, and their bytes."""

    number: int
    bytes: int


@dataclass(frozen=True)
class Removed:
    """What went: jobs, their files that no other job uses (key → size), and documents that nobody could read."""

    job_ids: Sequence[int]
    files: dict[str, int]
    document_ids: Sequence[str]


def oldest(session: Session, *, after: Ended | None, limit: int) -> list[Ended]:
    """The next ones in the order in which they ended. What a batch still counts on has not."""
    batch = aliased(Job)
    in_batch = select(batch.id).where(batch.id == Job.batch_id, batch.state.not_in(ENDED)).exists()
    columns = (Job.id, Job.finished_at, Job.file_key, Job.file_size)
    query = select(*columns).where(Job.finished_at.is_not(None), ~in_batch)
    if after:
        query = query.where(tuple_(Job.finished_at, Job.id) > (after.finished_at, after.id))
    rows = session.execute(query.order_by(Job.finished_at, Job.id).limit(limit)).all()
    made = _outputs(session, Job.id.in_([row.id for row in rows]))
    return [Ended(id, moment, _file(key, size) | made[id]) for id, moment, key, size in rows if moment]


def _file(key: str | None, size: int | None) -> dict[str, int]:
    return {key: size or 0} if key else {}


def _outputs(session: Session, which: ColumnElement[bool]) -> dict[int, dict[str, int]]:
    """The files that these jobs made, by job."""
    made: dict[int, dict[str, int]] = defaultdict(dict)
    query = select(Output.job_id, Output.key, Output.size).where(Output.job_id.in_(select(Job.id).where(which)))
    for job_id, key, size in session.execute(query):
        made[job_id][key] = size
    return made


def stored(session: Session) -> Files:
    """Those of jobs and schedules, each of which counts once however many use it, and those that jobs made."""
    of_jobs = select(func.max(Job.file_size).label("size")).where(Job.file_key.is_not(None)).group_by(Job.file_key)
    jobs_too = select(Job.id).where(Job.file_key == Schedule.file_key).exists()
    of_schedules = select(func.max(Schedule.file_size)).where(Schedule.file_key.is_not(None), ~jobs_too)
    size = of_jobs.union_all(of_schedules.group_by(Schedule.file_key)).subquery().c.size
    given = session.execute(select(func.count(), func.coalesce(func.sum(size), 0))).one()
    made = session.execute(select(func.count(), func.coalesce(func.sum(Output.size), 0))).one()
    return Files(given[0] + made[0], given[1] + made[1])


def uses(session: Session, keys: Iterable[str]) -> Counter[str]:
    """How many jobs and schedules use each of these files. What else may come to use files is to be counted here."""
    counts: Counter[str] = Counter()
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), VALUES_A_STATEMENT):
        for column in (Job.file_key, Schedule.file_key, Output.key):
            some = column.in_(wanted[start : start + VALUES_A_STATEMENT])
            rows = session.execute(select(column, func.count()).where(some).group_by(column))
            counts.update({key: count for key, count in rows if key})
    return counts


def remove(session: Session, job_ids: Sequence[int]) -> Removed:
    """Delete those of these jobs that have ended, with their history; with a batch, the jobs in it.

    Documents stay: people search them. Only what was never read to its end goes with its last job. The
    caller deletes the files, and what else is kept of the documents.
    """
    batches = select(Job.id).where(Job.id.in_(job_ids), Job.kind == BATCH, Job.state.in_(ENDED))
    made = _outputs(session, Job.id.in_(job_ids) | Job.batch_id.in_(batches))
    # First what is in them: the database itself would delete that without a word of it.
    rows = [*_deleted(session, Job.batch_id.in_(batches)), *_deleted(session, Job.id.in_(job_ids))]
    for row in rows:
        Change("job", row.id, owner_id=row.owner_id, what="deleted").note(session)
    sizes = {key: size for row in rows for key, size in (_file(row.file_key, row.file_size) | made[row.id]).items()}
    used = uses(session, sizes)
    return Removed(
        job_ids=[row.id for row in rows],
        files={key: size for key, size in sizes.items() if not used[key]},
        document_ids=_remove_unread(session, {row.document_id for row in rows if row.document_id}),
    )


def _deleted(
    session: Session, which: ColumnElement[bool]
) -> Sequence[Row[int, int, str | None, int | None, str | None]]:
    columns = (Job.id, Job.owner_id, Job.file_key, Job.file_size, Job.document_id)
    doomed = delete(Job).where(which, Job.state.in_(ENDED)).returning(*columns)
    return session.execute(doomed, execution_options={"synchronize_session": False}).all()


def _remove_unread(session: Session, document_ids: set[str]) -> list[str]:
    named = select(Job.id).where(Job.document_id == Document.id).exists()
    unread = delete(Document).where(Document.id.in_(document_ids), Document.ingested_at.is_(None), ~named)
    removed = session.execute(unread.returning(Document.id), execution_options={"synchronize_session": False})
    return list(removed.scalars())
