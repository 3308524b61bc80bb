"""One job's page, live: by stream, or by polling the same parts."""

from __future__ import annotations

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from webapp.conditional import conditional
from webapp.current import services
from webapp.stream.html import everything
from webapp.stream.load import load_job
from webapp.stream.names import Topic
from webapp.streaming import renderings, respond
from webapp.views import found

bp = Blueprint("job_stream", __name__)


@bp.get("/jobs/<int:job_id>/live")
def live(job_id: int) -> Response:
    found.watched(job_id)
    return respond(Topic("job", job_id), renderings().page, name=str(job_id))


@bp.get("/jobs/<int:job_id>/parts")
def parts(job_id: int) -> Response:
    found.watched(job_id)
    state = load_job(services(), job_id)
    if state is None:
        raise NotFound("There is no such job.")
    return conditional(everything(state, renderings().page))
