"""Any kind of job, by one call."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, request
from flask_login import current_user

from webapp.acceptance import Upload, accept
from webapp.current import services
from webapp.errors import JobError
from webapp.moments import with_offset
from webapp.uploads import incoming_of, takes_uploads

bp = Blueprint("api_jobs", __name__)


@bp.post("/api/v1/jobs")
@takes_uploads
def create() -> tuple[dict[str, str], int]:
    """Multipart: `kind`, `file` where the kind takes one, `params` as a JSON object, `priority`, `run_at`."""
    file = request.files.get("file")
    upload = Upload(incoming_of(file), file.filename or "") if file and file.filename else None
    job = accept(
        services(),
        owner=current_user.user,
        kind_name=request.form.get("kind", ""),
        params=_params(),
        upload=upload,
        priority=request.form.get("priority", ""),
        run_at=with_offset(run_at) if (run_at := request.form.get("run_at")) else None,
    )
    return {"job_id": str(job.id)}, 201


def _params() -> dict[str, Any]:
    try:
        params = json.loads(request.form.get("params") or "{}")
    except (ValueError, RecursionError):
        raise JobError("“params” is not JSON.") from None
    if not isinstance(params, dict):
        raise JobError("“params” is not a JSON object.")
    return params
