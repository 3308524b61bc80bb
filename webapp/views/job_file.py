"""The file a job was given."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.downloads import download_input
from webapp.views import found

bp = Blueprint("job_file", __name__)


@bp.get("/jobs/<int:job_id>/file")
def show(job_id: int) -> Response:
    return download_input(found.job(job_id))
