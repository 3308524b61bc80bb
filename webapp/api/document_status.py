"""Contract A, document status: upload a document, then watch one fraction and one step."""

from __future__ import annotations

import json

from flask import Blueprint, Response, request

from webapp.acceptance import Upload, accept
from webapp.api import asking, telling
from webapp.current import services
from webapp.login import public
from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.state import JobState
from webapp.stream.wire import Message
from webapp.streaming import respond
from webapp.uploads import incoming_of, takes_uploads

STATUS = {"cancelled": "failed"}

bp = Blueprint("document_status", __name__)


class DocumentStatus(Rendering):
    """`{"status": "processing", "progress": 0.25, "step": "parsing-document"}`"""

    def parts(self, state: JobState) -> dict[str, Message]:
        return {"status": Message(json.dumps(_status(state)))}

    def stream(self, state: JobState) -> str:
        return str(state.job.id)


STREAM = DocumentStatus()


@bp.post("/api/documents")
@takes_uploads
def create() -> tuple[dict[str, str], int]:
    user = asking.admin()
    file = request.files.get("file")
    upload = Upload(incoming_of(file), file.filename or "") if file and file.filename else None
    job = accept(services(), owner=user.user, kind_name="ingest_document", params={}, upload=upload, unpack=False)
    return {"documentId": job.document_id or "", "jobId": str(job.id)}, 201


@bp.get("/api/jobs/<job_id>/events")
@public
def events(job_id: str) -> Response:
    user = asking.admin(ticket_for=asking.number(job_id))
    job = asking.job(user, job_id)
    return respond(Topic("job", job.id), STREAM, name=str(job.id), who=user)


def _status(state: JobState) -> dict[str, object]:
    status: dict[str, object] = {
        "status": STATUS.get(state.job.state, state.job.state),
        "progress": round(telling.fraction(state), 4),
        "step": telling.step(state),
    }
    if error := telling.error(state):
        status["error"] = error
    return status
