"""Batches of uploads: opened before the first file is sent, closed after the last."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask_login import current_user
from werkzeug.exceptions import Conflict

from webapp.acceptance import checked_priority, close_batch, open_batch
from webapp.content import clean_name
from webapp.current import services
from webapp.records.batch import Batch
from webapp.stream.state import load_job
from webapp.views import found

bp = Blueprint("batches", __name__)


@bp.post("/batches")
def create() -> Response:
    """Answers with the batch's card, as the start page shows it."""
    priority = checked_priority(request.form.get("priority", ""), current_user.user)
    batch = open_batch(services(), current_user.id, clean_name(request.form.get("name", "")), priority)
    card = make_response(render_template("jobs/_card.html", state=load_job(services(), batch.id)), 201)
    card.headers["Location"] = url_for("jobs.show", job_id=batch.id)
    return card


@bp.post("/batches/<int:job_id>/closing")
def close(job_id: int) -> Response:
    close_batch(services(), own(job_id))
    return Response(status=204)


def own(job_id: int) -> Batch:
    """A batch that is open for this person's jobs. Raises NotFound or Conflict."""
    batch = found.job(job_id)
    if not isinstance(batch, Batch) or not batch.is_open or batch.owner_id != current_user.id:
        raise Conflict("This batch takes no more files.")
    return batch
