"""The rows of a table of jobs, live: by stream, or by polling the same rows."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from flask_login import current_user

from webapp.conditional import conditional
from webapp.current import services
from webapp.records.listing import of_ids
from webapp.stream.html import JobRowsHtml, everything
from webapp.stream.load import load_jobs, load_rows
from webapp.stream.names import EVERYBODY, Topic
from webapp.streaming import renderings, respond
from webapp.views import found
from webapp.views.jobs import PER_PAGE

bp = Blueprint("job_rows", __name__)


@bp.get("/jobs/rows/live")
def live() -> Response:
    rows = _rows()
    return respond(Topic("jobs", _owner()), rows, name="jobs", after=rows.newest)


@bp.get("/jobs/rows/parts")
def parts() -> Response:
    rows = _rows()
    newer = rows.tail(load_jobs(services(), _owner()), rows.newest)
    known = (everything(state, rows.item) for state in load_rows(services(), rows.shown))
    return conditional((newer.data if newer else "") + "".join(known))


def shown() -> tuple[int, ...]:
    """The jobs whose rows the page has, as far as this person may see them."""
    asked = [id for text in request.args.getlist("job")[:PER_PAGE] if (id := found.number(text))]
    with services().database.reading() as session:
        jobs = of_ids(session, asked)
    return tuple(job.id for job in jobs if job.visible_to(current_user.id, is_admin=current_user.is_admin))


def _rows() -> JobRowsHtml:
    """The page's rows; `newest` where new jobs belong on top."""
    newest = found.number(request.args.get("newest"))
    return JobRowsHtml(current_app.jinja_env, renderings().row, shown(), newest)


def _owner() -> int:
    return EVERYBODY if current_user.is_admin else current_user.id
