"""A filtered table of jobs, live: its rows, and how many match that are not on the page; by stream or by polling."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request

from webapp.conditional import conditional
from webapp.current import services
from webapp.stream.html import JobMatchesHtml, everything
from webapp.stream.load import load_rows
from webapp.stream.matches import load_matches, matches_of
from webapp.streaming import renderings, respond
from webapp.views import found
from webapp.views.job_rows import shown
from webapp.views.jobs import wanted

bp = Blueprint("job_matches", __name__)


@bp.get("/jobs/matches/live")
def live() -> Response:
    return respond(matches_of(wanted()), _matches(), name="matches")


@bp.get("/jobs/matches/parts")
def parts() -> Response:
    table = _matches()
    newer = everything(load_matches(services(), matches_of(wanted())), table)
    rows = (everything(state, table.item) for state in load_rows(services(), table.shown))
    return conditional(newer + "".join(rows))


def _matches() -> JobMatchesHtml:
    """`oldest` where there are more pages: what is older stands on those."""
    oldest = found.number(request.args.get("oldest")) or 0
    return JobMatchesHtml(current_app.jinja_env, renderings().row, shown(), oldest)
