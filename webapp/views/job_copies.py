"""A job run again with changes: a new job, on the same file."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.exceptions import NotFound

from webapp.acceptance import accept_copy
from webapp.current import services
from webapp.errors import JobError
from webapp.kinds import OFFERED
from webapp.records.job import PRIORITIES, Job
from webapp.views import found, job_form

bp = Blueprint("job_copies", __name__)


@bp.get("/jobs/<int:job_id>/copies/new")
def new(job_id: int) -> str:
    job = _copyable(job_id)
    return _form(job, values=job.params, priority=NAMES[job.priority])


@bp.post("/jobs/<int:job_id>/copies")
def create(job_id: int) -> Response:
    job = _copyable(job_id)
    try:
        copy = accept_copy(
            services(),
            job,
            owner=current_user.user,
            params=job_form.params(OFFERED[job.kind]),
            priority=job_form.priority(),
        )
    except JobError as error:
        page = _form(job, request.form, job_form.priority(), problem=str(error))
        return make_response(page, 422)
    return redirect(url_for("jobs.show", job_id=copy.id), 303)  # type: ignore[return-value]


NAMES = {number: name for name, number in PRIORITIES.items()}


def _copyable(job_id: int) -> Job:
    job = found.job(job_id)
    if job.kind not in OFFERED:
        raise NotFound("This job can’t be run again by itself.")
    return job


def _form(job: Job, values: object, priority: str, problem: str | None = None) -> str:
    kind = OFFERED[job.kind]
    return render_template("jobs/copy.html", job=job, kind=kind, values=values, priority=priority, problem=problem)
