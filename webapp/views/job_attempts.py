"""Another attempt at a job: one that failed or was cancelled, or that rests before its next try."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from webapp import control
from webapp.current import services
from webapp.problems import wants_fragment
from webapp.views import found

KEPT, BEGINNING = "kept", "beginning"

bp = Blueprint("job_attempts", __name__)


@bp.post("/jobs/<int:job_id>/attempts")
def create(job_id: int) -> Response:
    """`from` is `kept`, which goes on where the last attempt came to, or `beginning`."""
    job, begin = found.job(job_id), request.form.get("from", KEPT)
    if begin not in (KEPT, BEGINNING):
        raise BadRequest("An attempt begins from “kept” or from “beginning”.")
    again = control.retry(services(), job, by=current_user.email, afresh=begin == BEGINNING)
    if wants_fragment():
        return Response(status=204)
    if not again:
        flash(control.TOO_LATE["retry"])
    return redirect(url_for("jobs.show", job_id=job_id), 303)  # type: ignore[return-value]
