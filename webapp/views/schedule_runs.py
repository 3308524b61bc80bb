"""One more run of a schedule, at once."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, url_for
from flask_login import current_user

from webapp import scheduling
from webapp.current import services
from webapp.errors import JobError
from webapp.views import found

bp = Blueprint("schedule_runs", __name__)


@bp.post("/schedules/<int:schedule_id>/runs")
def create(schedule_id: int) -> Response:
    schedule = found.schedule(schedule_id)
    try:
        job = scheduling.run_now(services(), schedule, by=current_user.email)
    except JobError as error:
        flash(str(error), "error")
        return redirect(url_for("schedules.index"), 303)  # type: ignore[return-value]
    return redirect(url_for("jobs.show", job_id=job.id), 303)  # type: ignore[return-value]
