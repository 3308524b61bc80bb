"""Batches of uploads: opened before the first file is sent, closed after the last."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask_login import current_user

from webapp.acceptance import checked_priority, close_batch, open_batch, open_for
from webapp.current import services
from webapp.file_names import clean_name
from webapp.stream.load import load_job
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
    close_batch(services(), open_for(current_user.id, found.job(job_id)))
    return Response(status=204)
