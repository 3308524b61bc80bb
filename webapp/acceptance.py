"""Taking a job on: check, keep the file, write the row; only then does the caller get an answer."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import IO, Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from webapp.content import check, is_archive
from webapp.errors import JobError
from webapp.file_names import clean_name
from webapp.files import BLOCK, Incoming, TooLarge
from webapp.kinds import KINDS, OFFERED
from webapp.kinds.base import Kind
from webapp.kinds.unpack import UnpackInput
from webapp.live.client import LiveUnavailable
from webapp.moments import start_at
from webapp.records.batch import Batch
from webapp.records.job import PRIORITIES, Job
from webapp.records.stored_file import StoredFile
from webapp.records.user import User
from webapp.services import Services

Also = Callable[[Session, Job], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upload:
    """A received file and the name its sender gave it."""

    incoming: Incoming
    name: str


@dataclass(frozen=True)
class Place:
    """Whose a job is, where and when it goes, and where it comes from. `entry` is given once in a batch."""

    owner_id: int
    priority: str
    run_at: datetime | None = None
    batch_id: int | None = None
    entry: str | None = None
    schedule_id: int | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


class BatchClosed(Exception):
    """The words are for whoever wanted to put something in."""


def nothing_more(_session: Session, _job: Job) -> None:
    """Nothing is written beside the job."""


def accept(
    services: Services,
    *,
    owner: User,
    kind_name: str,
    params: Mapping[str, Any],
    upload: Upload | None,
    priority: str = "",
    run_at: datetime | None = None,
    batch: Job | None = None,
    unpack: bool = True,
    also: Also = nothing_more,
) -> Job:
    """The new job, durable and on its way to a worker, or until `run_at` for the sweeper to put there; for an
    archive of files, the batch of their jobs. `also` writes with it what belongs to it.

    Raises JobError with words for the sender.
    """
    priority = checked_priority(priority, owner)
    kind = offered(kind_name)
    checked = checked_params(kind, params)
    if kind.accepts is not None and upload is None:
        raise JobError("Choose a file first.")
    place = Place(owner.id, priority, start_at(run_at) if run_at else None, batch.id if batch else None)
    if upload and unpack and kind.accepts and is_archive(upload.name, kind.accepts):
        return _accept_archive(services, kind, checked, upload, place, also)
    return _accept(services, kind, checked, upload, place, also)


def accept_from_archive(services: Services, unpacking: Job, key: str, name: str, stream: IO[bytes]) -> None:
    """A job for one file of an archive, in the archive's batch; nothing if it was started before.

    Raises JobError with words for the log.
    """
    wanted = UnpackInput.model_validate(unpacking.params)
    kind = offered(wanted.kind)
    place = Place(unpacking.owner_id, wanted.priority, batch_id=unpacking.batch_id, entry=key)
    with services.database.reading() as session:
        if Job.of_entry(session, unpacking.batch_id, key):
            return
    incoming = services.files.receive(services.settings.max_upload)
    try:
        shutil.copyfileobj(stream, incoming, BLOCK)
        _accept(services, kind, checked_params(kind, wanted.params), Upload(incoming, name), place)
    except TooLarge:
        raise JobError("It is larger than a file may be.") from None
    finally:
        incoming.discard()


def _accept_archive(
    services: Services, kind: Kind, params: dict[str, Any], upload: Upload, place: Place, also: Also
) -> Job:
    """Whoever gave a single archive is shown its batch; one in a batch is unpacked into that."""
    what = UnpackInput(kind=kind.name, params=params, priority=place.priority).model_dump(mode="json")
    if place.batch_id is not None:
        return _accept(services, KINDS["unpack"], what, upload, place, also)
    batch = open_batch(services, place.owner_id, clean_name(upload.name), place.priority, also)
    try:
        _accept(services, KINDS["unpack"], what, upload, replace(place, batch_id=batch.id))
    finally:
        close_batch(services, batch)
    return batch


def open_batch(services: Services, owner_id: int, name: str, priority: str, also: Also = nothing_more) -> Batch:
    """A batch that takes jobs until it is closed."""
    with services.database.transaction() as session:
        batch = Batch.open(session, owner_id=owner_id, name=name, priority=priority)
        also(session, batch)
        return batch


def open_for(owner_id: int, job: Job) -> Batch:
    """The job, if it is a batch that is open for this person's jobs. Raises BatchClosed."""
    if not isinstance(job, Batch) or not job.is_open or job.owner_id != owner_id:
        raise BatchClosed("This batch takes no more files.")
    return job


def close_batch(services: Services, batch: Batch) -> None:
    with services.database.transaction() as session:
        batch.close(session)


def accept_copy(
    services: Services,
    job: Job,
    *,
    owner: User,
    params: Mapping[str, Any],
    priority: str,
    also: Also = nothing_more,
) -> Job:
    """A new job of the same kind on the same file. Raises JobError with words for whoever asked."""
    kind = offered(job.kind)
    checked, place = checked_params(kind, params), Place(owner.id, checked_priority(priority, owner))
    with services.database.transaction(durable=True) as session:
        # While its row stands, its file does.
        if session.get(Job, job.id, populate_existing=True) is None:
            raise JobError("The job has been deleted since, and its file with it.")
        copy = written(session, kind, checked, job.file, place)
        also(session, copy)
    enqueue(services, copy)
    return copy


def _accept(
    services: Services,
    kind: Kind,
    params: dict[str, Any],
    upload: Upload | None,
    place: Place,
    also: Also = nothing_more,
) -> Job:
    file = stored_file(services, kind, upload) if upload else None
    try:
        with services.database.transaction(durable=True) as session:
            job = written(session, kind, params, file, place)
            also(session, job)
    except BaseException:
        if file:
            services.files.delete(file.key)
        raise
    if upload:
        upload.incoming.discard()
    if not job.resting:
        enqueue(services, job)
    return job


def written(session: Session, kind: Kind, params: dict[str, Any], file: StoredFile | None, place: Place) -> Job:
    """The rows of a new job, once all is checked. Raises JobError if its batch takes no more."""
    if place.batch_id is not None and not session.get_one(Batch, place.batch_id).takes_jobs(session):
        raise JobError("Its batch has ended or been cancelled, and takes no more jobs.")
    job = Job.accept(session, kind=kind.name, params=params, file=file, **vars(place))
    kind.prepare(session, job)
    return job


def checked_priority(asked: str, owner: User) -> str:
    """`normal` if none is asked for. Raises JobError for one that there is not, or that this person may not give."""
    priority = asked or "normal"
    if priority not in PRIORITIES:
        raise JobError(f"There is no priority “{priority[:100]}”. There are: {', '.join(PRIORITIES)}.")
    if priority == "high" and not owner.is_admin:
        raise JobError("Only an admin may give a job high priority.")
    return priority


def enqueue(services: Services, job: Job) -> None:
    """Put a job on the queue, or leave that to the sweeper while Redis is away."""
    try:
        services.queue.enqueue(job.id)
    except LiveUnavailable as error:
        log.warning("job=%s waits for the sweeper: %s", job.id, error)


def offered(name: str) -> Kind:
    """A kind that people may ask for. Raises JobError."""
    if name not in OFFERED:
        raise JobError(f"There is no kind of job “{name[:100]}”. There are: {', '.join(OFFERED)}.")
    return OFFERED[name]


def checked_params(kind: Kind, params: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return kind.Input.model_validate(params).model_dump(mode="json")
    except ValidationError as error:
        raise JobError.of_fields(error) from None


def stored_file(services: Services, kind: Kind, upload: Upload) -> StoredFile:
    if kind.accepts is None:
        raise JobError(f"“{kind.label}” takes no file.")
    name = clean_name(upload.name)
    upload.incoming.flush()
    media_type = check(upload.incoming.path, name, kind.accepts)
    size, sha256 = upload.incoming.size, upload.incoming.sha256
    return StoredFile(services.files.keep(upload.incoming), name, size, sha256, media_type)
