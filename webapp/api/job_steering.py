"""What people do to jobs: cancel them, have them tried anew, run them again with changes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from pydantic import BaseModel, BeforeValidator, Field
from werkzeug.exceptions import Conflict

from webapp import control
from webapp.acceptance import accept_copy
from webapp.api import asking
from webapp.api.call import Call
from webapp.api.idempotency import TAKES_KEY, once
from webapp.api.job import JobFull, full
from webapp.api.jobs import GROUP, Accepted, as_object, made
from webapp.current import services
from webapp.records.job import PRIORITIES

bp = Blueprint("job_steering", __name__)


class NewAttempt(BaseModel):
    begin_from: Literal["kept", "beginning"] = Field(
        "kept", alias="from", description="`kept` goes on where the last attempt came to."
    )


class Copy(BaseModel):
    params: Annotated[dict[str, Any] | None, BeforeValidator(as_object)] = Field(
        None, description="What the kind may be asked; without it, the same again."
    )
    priority: str = Field("", json_schema_extra={"enum": [*PRIORITIES]})


@bp.post("/api/v1/jobs/<job_id>/cancellation")
@Call(summary="Cancel a job", group=GROUP, answers=JobFull, refuses=(404, 409))
def cancel(job_id: str) -> JobFull:
    """At once what waits; what runs is asked to stop. On a batch it is done to the jobs in it."""
    user = asking.identity()
    if not control.cancel(services(), asking.job(user, job_id), by=user.email):
        raise Conflict(control.TOO_LATE["cancel"])
    return full(asking.state(user, job_id))


@bp.post("/api/v1/jobs/<job_id>/attempts")
@Call(summary="Try a job again", group=GROUP, body=NewAttempt, answers=JobFull, refuses=(404, 409))
def retry(job_id: str, body: NewAttempt) -> JobFull:
    """What failed or was cancelled, or at once what rests. On a batch it is done to the jobs in it."""
    user = asking.identity()
    job, afresh = asking.job(user, job_id), body.begin_from == "beginning"
    if not control.retry(services(), job, by=user.email, afresh=afresh):
        raise Conflict(control.TOO_LATE["retry"])
    return full(asking.state(user, job_id))


@bp.post("/api/v1/jobs/<job_id>/copies")
@Call(
    summary="Run a job again with changes",
    group=GROUP,
    body=Copy,
    answers=Accepted,
    status=201,
    headers=TAKES_KEY,
    refuses=(404,),
)
def copy(job_id: str, body: Copy) -> Response:
    """A new job of the same kind on the same file."""
    user = asking.identity()
    job = asking.job(user, job_id)
    params = job.params if body.params is None else body.params
    under_key = once(user.id, "copy", job.id, body.model_dump())
    copy_id, repeated = under_key.job_of(
        lambda: accept_copy(
            services(), job, owner=user.user, params=params, priority=body.priority, also=under_key.note
        )
    )
    return made(Accepted(job_id=str(copy_id)), copy_id, repeated=repeated)
