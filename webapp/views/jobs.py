"""The start page with its drop zone and newest jobs, uploads, a job's page, and the list of all jobs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.exceptions import NotFound

from webapp.conditional import conditional
from webapp.current import services
from webapp.durations import in_words
from webapp.errors import JobError
from webapp.kinds import KINDS, OFFERED
from webapp.patience import limit_of
from webapp.problems import wants_fragment
from webapp.records.listing import JobFilter, matching
from webapp.stream.html import everything
from webapp.stream.load import load_job, load_jobs, load_rows
from webapp.stream.names import Topic
from webapp.streaming import renderings, respond
from webapp.uploads import takes_uploads
from webapp.views import found, job_form

PER_PAGE = 50
LIST = "jobs"
# What the list can be asked for.
FILTERS = ("state", "kind", "owner", "q", "batch", "schedule")

bp = Blueprint("jobs", __name__)


@bp.get("/")
def index() -> str:
    return _home(problem=None)


@bp.post("/jobs")
@takes_uploads
def create() -> Response | str:
    """A script gets the new job's card; a plain form is led to the new job."""
    try:
        job = job_form.accepted()
    except JobError as error:
        if wants_fragment():
            raise
        return make_response(_home(problem=str(error)), 422)
    if wants_fragment():
        return make_response(render_template("jobs/_card.html", state=load_job(services(), job.id)), 201)
    return redirect(url_for("jobs.show", job_id=job.id), 303)  # type: ignore[return-value]


@bp.get("/jobs/<int:job_id>")
def show(job_id: int) -> str:
    limit = limit_of(KINDS[found.watched(job_id).kind], services().settings)
    state = load_job(services(), job_id)
    if state is None:
        raise NotFound("There is no such job.")
    return render_template(
        "jobs/show.html",
        state=state,
        at_most=in_words(limit) if limit else None,
        stream_url=url_for("job_stream.live", job_id=job_id),
        parts_url=url_for("job_stream.parts", job_id=job_id),
    )


@bp.get("/jobs")
def all() -> str:
    """Everybody's for an admin, one's own for a member; filtered and paged by the query."""
    wish = wanted()
    with services().database.reading() as session:
        jobs = matching(session, wish, limit=PER_PAGE + 1)
    page = [job.id for job in jobs[:PER_PAGE]]
    last = page[-1] if len(jobs) > PER_PAGE else None
    name, shown = _watched(wish, page, last)
    return render_template(
        "jobs/all.html",
        states=load_rows(services(), page),
        kinds=list(KINDS.values()),
        next_before=last,
        filter=_filter(),
        counted=name == "job_matches",
        stream_url=url_for(f"{name}.live", **shown),
        parts_url=url_for(f"{name}.parts", **shown),
    )


def _watched(wish: JobFilter, page: list[int], last: int | None) -> tuple[str, dict[str, Any]]:
    """What a page of the list watches: the resource, and the query that it is asked with."""
    if wish.before is not None:
        return "job_rows", {"job": page}
    if page and not wish.looks_for_something:
        # Any new job comes on top.
        return "job_rows", {"job": page, "newest": page[0]}
    return "job_matches", {"job": page, "oldest": last, **_filter()}


def _filter() -> dict[str, str | None]:
    return {name: request.args.get(name) or None for name in FILTERS}


@bp.get("/jobs/live")
def live() -> Response:
    """The stream of the start page."""
    topic, newest = Topic("jobs", current_user.id), found.number(request.args.get("newest")) or 0
    return respond(topic, renderings().list, name=LIST, after=newest)


@bp.get("/jobs/parts")
def parts() -> Response:
    """What the stream would say, for pages that poll."""
    state = load_jobs(services(), current_user.id)
    newest = found.number(request.args.get("newest")) or 0
    fresh = renderings().list.tail(state, newest)
    # A card that is on the page already is not put there again, so its parts are told too.
    known = (everything(job, renderings().card) for job in state.jobs)
    return conditional((fresh.data if fresh else "") + "".join(known))


def wanted() -> JobFilter:
    """The filter in the query; nobody but an admin looks at other people's jobs."""
    return JobFilter(
        owner_id=None if current_user.is_admin else current_user.id,
        state=request.args.get("state") or None,
        kind=request.args.get("kind") or None,
        owner_email=request.args.get("owner") or None,
        text=request.args.get("q") or None,
        batch_id=found.number(request.args.get("batch")),
        schedule_id=found.number(request.args.get("schedule")),
        before=found.number(request.args.get("before")),
    )


def _home(problem: str | None) -> str:
    state = load_jobs(services(), current_user.id)
    return render_template(
        "jobs/index.html",
        states=state.jobs,
        kinds=list(OFFERED.values()),
        max_upload=services().settings.max_upload,
        problem=problem,
        stream_url=url_for("jobs.live", newest=state.position),
        parts_url=url_for("jobs.parts", newest=state.position),
    )
