"""Batches: opened, filled by submitting jobs into them, and closed. A batch is read and steered as the job it is."""

from __future__ import annotations

from flask import Blueprint, Response
from pydantic import BaseModel, Field

from webapp.acceptance import checked_priority, close_batch, open_batch, open_for
from webapp.api import asking
from webapp.api.call import Call
from webapp.api.idempotency import TAKES_KEY, once
from webapp.api.job import JobFull, full
from webapp.api.jobs import GROUP, made
from webapp.current import services
from webapp.file_names import LONGEST_NAME, tidy
from webapp.records.job import PRIORITIES

bp = Blueprint("api_batches", __name__)


class NewBatch(BaseModel):
    name: str = Field("", max_length=LONGEST_NAME, description="What people see it called.")
    priority: str = Field(
        "", description="Of the batch; its jobs have their own.", json_schema_extra={"enum": [*PRIORITIES]}
    )


@bp.post("/api/v1/batches")
@Call(summary="Open a batch", group=GROUP, body=NewBatch, answers=JobFull, status=201, headers=TAKES_KEY)
def create(body: NewBatch) -> Response:
    """Put jobs into it by their `batch`, and close it: one that is given nothing for an hour is closed by itself."""
    user = asking.identity()
    priority, name = checked_priority(body.priority, user.user), tidy(body.name) or "Batch"
    under_key = once(user.id, "batch", body.model_dump())
    job_id, repeated = under_key.job_of(lambda: open_batch(services(), user.id, name, priority, under_key.note))
    return made(full(asking.state(user, str(job_id))), job_id, repeated=repeated)


@bp.post("/api/v1/batches/<job_id>/closing")
@Call(summary="Close a batch", group=GROUP, status=204, refuses=(404, 409))
def close(job_id: str) -> Response:
    """It ends when its jobs have ended. One that was given none is not kept."""
    user = asking.identity()
    close_batch(services(), open_for(user.id, asking.job(user, job_id)))
    return Response(status=204)
