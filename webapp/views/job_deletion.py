"""Deleting a job that has ended, with its history and its file."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, flash, redirect, url_for
from flask_login import current_user

from webapp.control import TOO_LATE
from webapp.current import services
from webapp.deletion import delete_jobs
from webapp.views import found

log = logging.getLogger(__name__)

bp = Blueprint("job_deletion", __name__)


@bp.post("/jobs/<int:job_id>/deletion")
def create(job_id: int) -> Response:
    job = found.job(job_id)
    if not delete_jobs(services(), [job.id]).job_ids:
        flash(TOO_LATE["delete"], "error")
        return redirect(url_for("jobs.show", job_id=job_id), 303)  # type: ignore[return-value]
    log.info("job=%s deleted by user=%s", job_id, current_user.id)
    flash(f"Job #{job_id} is deleted.")
    return redirect(url_for("jobs.all"), 303)  # type: ignore[return-value]
