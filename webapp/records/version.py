"""Whether a job is still as it was read: what tells it, and for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from webapp.records.job import Job

# What people and workers do to a job changes some of it.
TELLING = ("state", "attempt", "worker_id", "cancel_requested_at", "priority", "run_at", "embed_version", "is_open")
# Below the number of variables that a statement may have.
AT_ONCE = 5_000
THESE = select(Job.id, *(getattr(Job, name) for name in TELLING)).where(Job.id.in_(bindparam("ids", expanding=True)))

Version = tuple[Any, ...]


def version_of(job: Job) -> Version:
    return tuple(getattr(job, name) for name in TELLING)


def versions(session: Session, job_ids: Sequence[int]) -> dict[int, Version]:
    """By id, of those that are there."""
    parts = (job_ids[start : start + AT_ONCE] for start in range(0, len(job_ids), AT_ONCE))
    return {id: tuple(version) for part in parts for id, *version in session.execute(THESE, {"ids": part})}
