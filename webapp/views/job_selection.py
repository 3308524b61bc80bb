"""One thing done to many jobs at once: those that are ticked in the list, or all that it lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from webapp.current import services
from webapp.records.job import Job
from webapp.records.listing import matching, of_ids
from webapp.selection import AT_ONCE, act
from webapp.views import found
from webapp.views.jobs import wanted

DONE = {"retry": "started anew", "cancel": "cancelled or asked to stop", "delete": "deleted"}

bp = Blueprint("job_selection", __name__)


@bp.post("/jobs/selection")
def create() -> Response:
    action = request.form.get("action", "")
    words = DONE.get(action)
    if words is None:
        raise BadRequest("There is no such action.")
    jobs = _selected()
    count = len(act(services(), action, jobs, by=current_user.email))
    flash(f"{_jobs(count)} {words}." if count == len(jobs) else f"{_jobs(count)} of {len(jobs)} {words}; {REST}")
    if len(jobs) == AT_ONCE:
        flash(f"That was for the first {AT_ONCE} only. There may be more: filter by state, and do it again.")
    return redirect(url_for("jobs.all") + _query(), 303)  # type: ignore[return-value]


REST = "for the others there was nothing to do."


def _selected() -> Sequence[Job]:
    """Those of them that this person may see."""
    with services().database.reading() as session:
        if "all" in request.form:
            return matching(session, replace(wanted(), before=None), limit=AT_ONCE)
        ids = [id for text in request.form.getlist("job") if (id := found.number(text))]
        jobs = of_ids(session, ids[:AT_ONCE])
    return [job for job in jobs if job.visible_to(current_user.id, is_admin=current_user.is_admin)]


def _query() -> str:
    """The filter of the list, to come back to it."""
    query = urlsplit(request.full_path).query
    return f"?{query}" if query else ""


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
