"""The files that a job has made for people."""

from __future__ import annotations

from pathlib import PurePath

from flask import Blueprint, Response, send_file
from werkzeug.exceptions import NotFound

from webapp.current import services
from webapp.records.output import Output
from webapp.views import found

bp = Blueprint("job_outputs", __name__)


@bp.get("/jobs/<int:job_id>/outputs/<name>")
def show(job_id: int, name: str) -> Response:
    """Always as a download: what is made from people's files is never shown as a page of this site."""
    job = found.job(job_id)
    with services().database.reading() as session:
        output = Output.find(session, job.id, name)
    if output is None:
        raise NotFound("This job has made no such file.")
    try:
        file = services().files.read(output.key)
    except FileNotFoundError:
        raise NotFound("The file is not kept any more.") from None
    full_name = f"{PurePath(job.file_name or f'job-{job.id}').stem}-{output.name}"
    response = send_file(file, "application/octet-stream", as_attachment=True, download_name=full_name)
    response.content_length = output.size
    return response
