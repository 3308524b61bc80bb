"""Cancelling a job."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, url_for
from flask_login import current_user

from webapp import control
from webapp.current import services
from webapp.problems import wants_fragment
from webapp.views import found

bp = Blueprint("job_cancellation", __name__)


@bp.post("/jobs/<int:job_id>/cancellation")
def create(job_id: int) -> Response:
    job = found.job(job_id)
    asked = control.cancel(services(), job, by=current_user.email)
    if wants_fragment():
        return Response(status=204)
    if not asked:
        flash("The job had ended already.")
    return redirect(url_for("jobs.show", job_id=job_id), 303)  # type: ignore[return-value]
