"""The start page with its drop zone and newest jobs, uploads, a job's page, and the list of all jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_login import current_user

from webapp.acceptance import Upload, accept
from webapp.current import services
from webapp.errors import JobError
from webapp.kinds import KINDS
from webapp.moments import on_the_clock, zone_named
from webapp.problems import wants_fragment
from webapp.records.job import Job
from webapp.records.listing import JobFilter, matching
from webapp.stream.html import everything
from webapp.stream.names import Topic
from webapp.stream.state import JobState, load_job, load_jobs
from webapp.streaming import renderings, respond
from webapp.uploads import incoming_of, takes_uploads
from webapp.views import found
from webapp.views.conditional import conditional

PER_PAGE = 50
# The largest number that SQLite takes.
MOST = 2**63
LIST = "jobs"

bp = Blueprint("jobs", __name__)


@bp.get("/")
def index() -> str:
    return _home(problem=None)


@bp.post("/jobs")
@takes_uploads
def create() -> Response | str:
    """A script gets the new job's card; a plain form is led to the new job."""
    try:
        jobs = [_accepted(upload) for upload in _uploads()]
    except JobError as error:
        if wants_fragment():
            raise
        return make_response(_home(problem=str(error)), 422)
    if wants_fragment():
        states = [load_job(services(), job.id) for job in jobs]
        return make_response("".join(render_template("jobs/_card.html", state=state) for state in states), 201)
    only = jobs[0] if len(jobs) == 1 else None
    return redirect(url_for("jobs.show", job_id=only.id) if only else url_for("jobs.index"), 303)  # type: ignore[return-value]


@bp.get("/jobs/<int:job_id>")
def show(job_id: int) -> str:
    found.job(job_id)
    return render_template(
        "jobs/show.html",
        state=load_job(services(), job_id),
        stream_url=url_for("job_stream.live", job_id=job_id),
        parts_url=url_for("job_stream.parts", job_id=job_id),
    )


@bp.get("/jobs")
def all() -> str:
    """Everybody's for an admin, one's own for a member; filtered and paged by the query."""
    wanted = JobFilter(
        owner_id=None if current_user.is_admin else current_user.id,
        state=request.args.get("state") or None,
        kind=request.args.get("kind") or None,
        owner_email=request.args.get("owner") or None,
        text=request.args.get("q") or None,
        before=_number("before"),
    )
    with services().database.reading() as session:
        jobs = matching(session, wanted, limit=PER_PAGE + 1)
    page = jobs[:PER_PAGE]
    return render_template(
        "jobs/all.html",
        states=[JobState(job, KINDS[job.kind]) for job in page],
        kinds=list(KINDS.values()),
        next_before=page[-1].id if len(jobs) > PER_PAGE else None,
    )


@bp.get("/jobs/live")
def live() -> Response:
    """The stream of the start page."""
    topic, newest = Topic("jobs", current_user.id), _number("newest") or 0
    return respond(topic, renderings().list, name=LIST, after=newest)


@bp.get("/jobs/parts")
def parts() -> Response:
    """What the stream would say, for pages that poll."""
    state = load_jobs(services(), current_user.id)
    newest = _number("newest") or 0
    fresh = renderings().list.tail(state, newest)
    # A card that is on the page already is not put there again, so its parts are told too.
    known = (everything(job, renderings().card) for job in state.jobs)
    return conditional((fresh.data if fresh else "") + "".join(known))


def _number(name: str) -> int | None:
    """A number of the query, if it is one that a job may have."""
    number = request.args.get(name, type=int)
    return number if number is not None and 0 <= number < MOST else None


def _home(problem: str | None) -> str:
    state = load_jobs(services(), current_user.id)
    return render_template(
        "jobs/index.html",
        states=state.jobs,
        kinds=list(KINDS.values()),
        max_upload=services().settings.max_upload,
        problem=problem,
        stream_url=url_for("jobs.live", newest=state.position),
        parts_url=url_for("jobs.parts", newest=state.position),
    )


def _uploads() -> list[Upload | None]:
    """The files of the form; a browser sends an empty part where none was chosen."""
    files = [file for file in request.files.getlist("file") if file.filename]
    return [Upload(incoming_of(file), file.filename or "") for file in files] or [None]


def _accepted(upload: Upload | None) -> Job:
    kind = KINDS.get(request.form.get("kind", ""))
    names = kind.Input.model_fields if kind else {}
    params: dict[str, Any] = {name: request.form[name] for name in names if request.form.get(name)}
    return accept(
        services(),
        owner=current_user.user,
        kind_name=request.form.get("kind", ""),
        params=params,
        upload=upload,
        priority=request.form.get("priority", ""),
        run_at=_run_at(),
    )


def _run_at() -> datetime | None:
    if request.form.get("start") != "later":
        return None
    return on_the_clock(request.form.get("run_at", ""), zone_named(request.form.get("zone", "UTC")))
