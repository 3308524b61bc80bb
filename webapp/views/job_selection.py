"""One thing done to many jobs at once: those that are ticked in the list, or all that it lists."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from webapp import control
from webapp.current import services
from webapp.deletion import delete_jobs
from webapp.records.job import Job
from webapp.records.listing import matching, of_ids
from webapp.views import found
from webapp.views.jobs import wanted

# A request must come to its end; what is left can be done by another.
AT_ONCE = 1000

log = logging.getLogger(__name__)

bp = Blueprint("job_selection", __name__)


@bp.post("/jobs/selection")
def create() -> Response:
    done = ACTIONS.get(request.form.get("action", ""))
    if done is None:
        raise BadRequest("There is no such action.")
    verb, words = done
    jobs = _selected()
    count = verb(jobs)
    log.info("selection of %d jobs %s=%d by user=%s", len(jobs), words, count, current_user.id)
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


def _retry(jobs: Sequence[Job]) -> int:
    return sum(control.retry(services(), job, by=current_user.email) for job in jobs)


def _cancel(jobs: Sequence[Job]) -> int:
    return sum(control.cancel(services(), job, by=current_user.email) for job in jobs)


def _delete(jobs: Sequence[Job]) -> int:
    return len({job.id for job in jobs} & set(delete_jobs(services(), [job.id for job in jobs]).job_ids))


ACTIONS: dict[str, tuple[Callable[[Sequence[Job]], int], str]] = {
    "retry": (_retry, "started anew"),
    "cancel": (_cancel, "cancelled or asked to stop"),
    "delete": (_delete, "deleted"),
}


def _query() -> str:
    """The filter of the list, to come back to it."""
    query = urlsplit(request.full_path).query
    return f"?{query}" if query else ""


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
