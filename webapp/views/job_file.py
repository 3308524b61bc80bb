"""The file a job was given."""

from __future__ import annotations

from flask import Blueprint, Response, send_file
from werkzeug.exceptions import NotFound

from webapp.current import services
from webapp.views import found

bp = Blueprint("job_file", __name__)


@bp.get("/jobs/<int:job_id>/file")
def show(job_id: int) -> Response:
    """Always as a download: what people upload is never shown as a page of this site."""
    job = found.job(job_id)
    if job.file_key is None:
        raise NotFound("This job has no file.")
    try:
        file = services().files.read(job.file_key)
    except FileNotFoundError:
        raise NotFound("The file is not kept any more.") from None
    return send_file(file, "application/octet-stream", as_attachment=True, download_name=job.file_name)
