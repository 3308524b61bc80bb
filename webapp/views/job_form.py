"""The form that starts jobs: what it asks for, and the job that comes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import request
from flask_login import current_user

from webapp.acceptance import Upload, accept, checked_priority, close_batch, open_batch, open_for
from webapp.current import services
from webapp.errors import JobError
from webapp.file_names import name_together
from webapp.kinds import OFFERED
from webapp.kinds.base import Kind
from webapp.moments import on_the_clock, zone_named
from webapp.records.job import Job
from webapp.uploads import incoming_of
from webapp.views import found


def accepted() -> Job:
    """A single file's job, or the batch of several's. Raises JobError with words for the sender."""
    files = uploads()
    if len(files) > 1:
        return _accepted_together(files)
    id = found.number(request.form.get("batch"))
    return _accepted(files[0] if files else None, open_for(current_user.id, found.job(id)) if id else None)


def params(kind: Kind) -> dict[str, Any]:
    """What the form says of a kind's parameters; what was left empty is not said."""
    return {name: request.form[name] for name in kind.Input.model_fields if request.form.get(name)}


def priority() -> str:
    return request.form.get("priority", "")


def uploads() -> list[Upload]:
    """The files of the form; a browser sends an empty part where none was chosen."""
    files = [file for file in request.files.getlist("file") if file.filename]
    return [Upload(incoming_of(file), file.filename or "") for file in files]


def _accepted_together(uploads: list[Upload]) -> Job:
    """One that is refused does not keep the others out."""
    name = name_together([upload.name for upload in uploads])
    batch = open_batch(services(), current_user.id, name, checked_priority(priority(), current_user.user))
    problems = []
    for upload in uploads:
        try:
            _accepted(upload, batch)
        except JobError as error:
            problems.append(str(error))
    close_batch(services(), batch)
    if problems:
        raise JobError(" ".join(problems))
    return batch


def _accepted(upload: Upload | None, batch: Job | None) -> Job:
    name = request.form.get("kind", "")
    return accept(
        services(),
        owner=current_user.user,
        kind_name=name,
        params=params(OFFERED[name]) if name in OFFERED else {},
        upload=upload,
        priority=priority(),
        run_at=_run_at(),
        batch=batch,
    )


def _run_at() -> datetime | None:
    if request.form.get("start") != "later":
        return None
    return on_the_clock(request.form.get("run_at", ""), zone_named(request.form.get("zone", "UTC")))
