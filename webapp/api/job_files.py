"""The file a job was given, and those that it made."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.api import asking
from webapp.api.call import BYTES, Call
from webapp.api.jobs import GROUP
from webapp.downloads import download_input, download_output

bp = Blueprint("job_files", __name__)


@bp.get("/api/v1/jobs/<job_id>/file")
@Call(summary="Download the file it was given", group=GROUP, media_type=BYTES, refuses=(404,))
def file(job_id: str) -> Response:
    return download_input(asking.job(asking.identity(), job_id))


@bp.get("/api/v1/jobs/<job_id>/outputs/<name>")
@Call(summary="Download a file that it made", group=GROUP, media_type=BYTES, refuses=(404,))
def output(job_id: str, name: str) -> Response:
    return download_output(asking.job(asking.identity(), job_id), name)
