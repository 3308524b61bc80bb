"""Jobs of any kind: started by one call, listed, read and deleted."""

from __future__ import annotations

import json
import logging
from typing import Annotated, Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for
from flask_login import current_user
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from werkzeug.exceptions import Conflict

from webapp.acceptance import Upload, accept, open_for
from webapp.api import asking
from webapp.api.call import FORMS, JSON, Call, json_of
from webapp.api.idempotency import TAKES_KEY, Once, once
from webapp.api.job import JobBrief, JobFull, brief, full
from webapp.api.wanted_jobs import WantedJobs
from webapp.control import TOO_LATE
from webapp.current import services
from webapp.deletion import delete_jobs
from webapp.kinds import OFFERED
from webapp.moments import with_offset
from webapp.records.job import PRIORITIES, Job
from webapp.records.listing import matching
from webapp.uploads import incoming_of, takes_uploads

MOST_LISTED = 200
GROUP = "Jobs"

log = logging.getLogger(__name__)

bp = Blueprint("api_jobs", __name__)


def as_object(sent: Any) -> Any:
    """JSON, where a form sends it as text."""
    if not isinstance(sent, str):
        return sent
    try:
        sent = json.loads(sent or "{}")
    except (ValueError, RecursionError):
        raise ValueError("“params” is not JSON.") from None
    if not isinstance(sent, dict):
        raise ValueError("“params” is not a JSON object.")
    return sent


class NewJob(BaseModel):
    """Beside it, as `file`, the file for a kind that takes one."""

    # Without a kind the answer names those that there are.
    model_config = ConfigDict(json_schema_extra={"required": ["kind"]})

    kind: str = Field("", json_schema_extra={"enum": [*OFFERED]})
    params: Annotated[dict[str, Any], BeforeValidator(as_object)] = Field({}, description="What the kind may be asked.")
    priority: str = Field("", description="`high` is for admins.", json_schema_extra={"enum": [*PRIORITIES]})
    run_at: str = Field(
        "", description="Not to be begun before, with a zone.", json_schema_extra={"format": "date-time"}
    )
    batch: str | None = Field(None, description="An open batch of yours, to be put into it.")


class Accepted(BaseModel):
    job_id: str


class JobsQuery(WantedJobs):
    limit: int = Field(50, ge=1, le=MOST_LISTED)
    cursor: int | None = Field(None, ge=1, lt=2**63, description="`next` of the page before.")


class JobPage(BaseModel):
    """Newest first. Jobs of a batch are listed where something is looked for; else the batch stands for them."""

    jobs: list[JobBrief]
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")


@bp.post("/api/v1/jobs")
@takes_uploads
@Call(
    summary="Start a job",
    group=GROUP,
    body=NewJob,
    takes=(*FORMS, JSON),
    file=True,
    answers=Accepted,
    status=201,
    headers=TAKES_KEY,
    refuses=(404, 409, 413),
)
def create(body: NewJob) -> Response:
    """Answers once the job and its file are durable. An archive starts a batch, and its job is named."""
    file = request.files.get("file")
    upload = Upload(incoming_of(file), file.filename or "") if file and file.filename else None
    of_file = (upload.name, upload.incoming.sha256) if upload else None
    under_key = once(current_user.id, body.model_dump(), of_file)
    job_id, repeated = under_key.job_of(lambda: _accepted(body, upload, under_key))
    return made(Accepted(job_id=str(job_id)), job_id, repeated=repeated)


def made(said: BaseModel, job_id: int, *, repeated: bool = False) -> Response:
    """That a new job is there, or that an earlier call under the same key made it."""
    response = json_of(said, 201)
    response.headers["Location"] = url_for("api.api_jobs.show", job_id=job_id)
    if repeated:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _accepted(body: NewJob, upload: Upload | None, under_key: Once) -> Job:
    return accept(
        services(),
        owner=current_user.user,
        kind_name=body.kind,
        params=body.params,
        upload=upload,
        priority=body.priority,
        run_at=with_offset(body.run_at) if body.run_at else None,
        batch=open_for(current_user.id, asking.job(asking.identity(), body.batch)) if body.batch else None,
        also=under_key.note,
    )


@bp.get("/api/v1/jobs")
@Call(summary="List jobs", group=GROUP, query=JobsQuery, answers=JobPage)
def index(query: JobsQuery) -> Response:
    """Everybody’s for an admin, one’s own for a member."""
    user = asking.identity()
    with services().database.reading() as session:
        jobs = matching(session, query.filter_for(user, query.cursor), limit=query.limit + 1)
    page = jobs[: query.limit]
    cursor = str(page[-1].id) if len(jobs) > query.limit else None
    response = json_of(JobPage(jobs=[brief(job) for job in page], next=cursor))
    if cursor:
        following = {**request.args.to_dict(), "cursor": cursor}
        response.headers["Link"] = f'<{url_for("api.api_jobs.index")}?{urlencode(following)}>; rel="next"'
    return response


@bp.get("/api/v1/jobs/<job_id>")
@Call(summary="Read a job", group=GROUP, answers=JobFull, refuses=(404,))
def show(job_id: str) -> JobFull:
    """All that is true of it now: progress, stages, its place in the line, why it waits, the time left."""
    return full(asking.state(asking.identity(), job_id))


@bp.delete("/api/v1/jobs/<job_id>")
@Call(summary="Delete a job that has ended", group=GROUP, status=204, refuses=(404, 409))
def destroy(job_id: str) -> Response:
    """With its history and its file."""
    user = asking.identity()
    job = asking.job(user, job_id)
    if not delete_jobs(services(), [job.id]).job_ids:
        raise Conflict(TOO_LATE["delete"])
    log.info("job=%s deleted by user=%s", job.id, user.id)
    return Response(status=204)
