"""Schedules: the list of them, making one, and changing when and how it runs."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.exceptions import NotFound

from webapp import scheduling
from webapp.acceptance import offered
from webapp.current import services
from webapp.errors import JobError
from webapp.kinds import KINDS, OFFERED
from webapp.records.job import Job
from webapp.records.schedule import Schedule
from webapp.uploads import takes_uploads
from webapp.views import found, job_form, schedule_form
from webapp.views.schedule_form import Form

PER_PAGE = 50

bp = Blueprint("schedules", __name__)


@bp.get("/schedules")
def index() -> str:
    """Everybody's for an admin, one's own for a member."""
    owner_id = None if current_user.is_admin else current_user.id
    before = found.number(request.args.get("before"))
    with services().database.reading() as session:
        schedules = Schedule.newest(session, owner_id=owner_id, before=before, limit=PER_PAGE + 1)
        page = schedules[:PER_PAGE]
        last_jobs = {schedule.id: Job.newest_of(session, schedule.id) for schedule in page}
    return render_template(
        "schedules/index.html",
        schedules=page,
        last_jobs=last_jobs,
        kinds=KINDS,
        obstacle=scheduling.obstacle,
        next_before=page[-1].id if len(schedules) > PER_PAGE else None,
    )


@bp.get("/schedules/new")
def new() -> str:
    """`?job=` begins with what that job is."""
    return _new_page(Form.new(), _job(request.args.get("job")))


@bp.post("/schedules")
@takes_uploads
def create() -> Response:
    job, form = _job(request.form.get("job")), Form.sent()
    if form.only_checked:
        return make_response(_new_page(form, job))
    try:
        schedule = _created(form, job)
    except JobError as error:
        return make_response(_new_page(form, job, problem=str(error)), 422)
    flash(f"“{schedule.name}” is scheduled.")
    return redirect(url_for("schedules.index"), 303)  # type: ignore[return-value]


@bp.get("/schedules/<int:schedule_id>")
def show(schedule_id: int) -> str:
    schedule = found.schedule(schedule_id)
    return _page(schedule, Form.of(schedule))


@bp.post("/schedules/<int:schedule_id>")
def update(schedule_id: int) -> Response:
    schedule, form = found.schedule(schedule_id), Form.sent()
    if form.only_checked:
        return make_response(_page(schedule, form))
    try:
        plan = form.plan(schedule.owner)
        with services().database.transaction() as session:
            schedule.change(session, plan)
    except JobError as error:
        return make_response(_page(schedule, form, problem=str(error)), 422)
    flash(f"“{plan.name}” is changed.")
    return redirect(url_for("schedules.index"), 303)  # type: ignore[return-value]


def _job(number: str | None) -> Job | None:
    """The one to be repeated. Raises NotFound."""
    job = found.job(found.number(number) or 0) if number is not None else None
    if job and job.kind not in OFFERED:
        raise NotFound("This job can’t be repeated by itself.")
    return job


def _created(form: Form, job: Job | None) -> Schedule:
    owner = current_user.user
    plan = form.plan(owner)
    if job:
        return scheduling.repeat(services(), plan, job, owner=owner)
    kind, upload = offered(request.form.get("kind", "")), next(iter(job_form.uploads()), None)
    return scheduling.create(services(), plan, kind, owner=owner, params=job_form.params(kind), upload=upload)


def _new_page(form: Form, job: Job | None, problem: str | None = None) -> str:
    return render_template(
        "schedules/new.html",
        form=form,
        job=job,
        kinds=OFFERED,
        zones=schedule_form.zones(form.zone),
        preview=form.preview(),
        max_upload=services().settings.max_upload,
        problem=problem,
    )


def _page(schedule: Schedule, form: Form, problem: str | None = None) -> str:
    with services().database.reading() as session:
        last_job = Job.newest_of(session, schedule.id)
    return render_template(
        "schedules/show.html",
        schedule=schedule,
        form=form,
        last_job=last_job,
        kinds=KINDS,
        obstacle=scheduling.obstacle,
        zones=schedule_form.zones(form.zone),
        preview=form.preview(),
        problem=problem,
    )
