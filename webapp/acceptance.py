"""Taking a job on: check, keep the file, write the row; only then does the caller get an answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from webapp.content import check, clean_name
from webapp.errors import JobError
from webapp.files import Incoming
from webapp.kinds import KINDS
from webapp.kinds.base import Kind
from webapp.live.client import LiveUnavailable
from webapp.moments import start_at
from webapp.records.job import PRIORITIES, Job, StoredFile
from webapp.records.user import User
from webapp.services import Services

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upload:
    """A received file and the name its sender gave it."""

    incoming: Incoming
    name: str


def accept(
    services: Services,
    *,
    owner: User,
    kind_name: str,
    params: Mapping[str, Any],
    upload: Upload | None,
    priority: str = "",
    run_at: datetime | None = None,
) -> Job:
    """The new job, durable and on its way to a worker, or until `run_at` for the sweeper to put there.

    Raises JobError with words for the sender.
    """
    priority = _priority(priority, owner)
    run_at = start_at(run_at) if run_at else None
    kind = KINDS.get(kind_name)
    if kind is None:
        raise JobError(f"There is no kind of job “{kind_name[:100]}”. There are: {', '.join(KINDS)}.")
    checked = _checked(kind, params)
    file = _stored(services, kind, upload) if upload else None
    if kind.accepts is not None and file is None:
        raise JobError("Choose a file first.")
    try:
        with services.database.transaction() as session:
            job = Job.accept(
                session,
                kind=kind.name,
                owner_id=owner.id,
                params=checked,
                file=file,
                priority=priority,
                run_at=run_at,
            )
            kind.prepare(session, job)
    except BaseException:
        if file:
            services.files.delete(file.key)
        raise
    if upload:
        upload.incoming.discard()
    if not job.resting:
        enqueue(services, job)
    return job


def enqueue(services: Services, job: Job) -> None:
    """Put a job on the queue, or leave that to the sweeper while Redis is away."""
    try:
        services.queue.enqueue(job.id)
    except LiveUnavailable as error:
        log.warning("job=%s waits for the sweeper: %s", job.id, error)


def _priority(asked: str, owner: User) -> str:
    priority = asked or "normal"
    if priority not in PRIORITIES:
        raise JobError(f"There is no priority “{priority[:100]}”. There are: {', '.join(PRIORITIES)}.")
    if priority == "high" and not owner.is_admin:
        raise JobError("Only an admin may give a job high priority.")
    return priority


def _checked(kind: Kind, params: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return kind.Input.model_validate(params).model_dump(mode="json")
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
        raise JobError("; ".join(problems)[:1000]) from None


def _stored(services: Services, kind: Kind, upload: Upload) -> StoredFile:
    if kind.accepts is None:
        raise JobError(f"“{kind.label}” takes no file.")
    name = clean_name(upload.name)
    upload.incoming.flush()
    media_type = check(Path(upload.incoming.path), name, kind.accepts)
    size, sha256 = upload.incoming.size, upload.incoming.sha256
    return StoredFile(services.files.keep(upload.incoming), name, size, sha256, media_type)
