"""A sample document, for who has none at hand."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, url_for
from flask_login import current_user

from webapp.acceptance import Upload, accept
from webapp.current import services
from webapp.settings import PROJECT

SAMPLE = PROJECT / "webapp" / "samples" / "lighthouses.pdf"

bp = Blueprint("samples", __name__)


@bp.post("/samples")
def create() -> Response:
    incoming = services().files.receive(services().settings.max_upload)
    try:
        incoming.write(SAMPLE.read_bytes())
        upload = Upload(incoming, SAMPLE.name)
        job = accept(services(), owner=current_user.user, kind_name="ingest_document", params={}, upload=upload)
    finally:
        incoming.discard()
    return redirect(url_for("jobs.show", job_id=job.id), 303)  # type: ignore[return-value]
