"""Of a job only what it takes to say who may watch it: pages come back by thousands after a restart."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, select

from webapp.records.database import Database
from webapp.records.job import Job


class Glimpse(NamedTuple):
    id: int
    kind: str
    owner_id: int

    def visible_to(self, user_id: int, *, is_admin: bool) -> bool:
        return is_admin or self.owner_id == user_id


THIS = select(Job.id, Job.kind, Job.owner_id).where(Job.id == bindparam("job"))


def glimpse(database: Database, job_id: int) -> Glimpse | None:
    row = database.glance(THIS, {"job": job_id})
    return Glimpse(*row) if row else None
