"""The files that a job has made for people."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.downloads import download_output
from webapp.views import found

bp = Blueprint("job_outputs", __name__)


@bp.get("/jobs/<int:job_id>/outputs/<name>")
def show(job_id: int, name: str) -> Response:
    return download_output(found.job(job_id), name)
