"""Cancelling a job."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, flash, redirect, url_for
from flask_login import current_user

from webapp.current import services
from webapp.live.client import LiveUnavailable
from webapp.problems import wants_fragment
from webapp.views import found

log = logging.getLogger(__name__)

bp = Blueprint("job_cancellation", __name__)


@bp.post("/jobs/<int:job_id>/cancellation")
def create(job_id: int) -> Response:
    job = found.job(job_id)
    with services().database.transaction() as session:
        asked = job.request_cancel(session, by=current_user.email)
    try:
        services().live.ask_to_stop(job.id, job.attempt)
    except LiveUnavailable as error:
        # The worker sees it in SQL too, a little later.
        log.warning("job=%s: the work could not be told to stop: %s", job.id, error)
    if wants_fragment():
        return Response(status=204)
    if not asked:
        flash("The job had ended already.")
    return redirect(url_for("jobs.show", job_id=job_id), 303)  # type: ignore[return-value]
