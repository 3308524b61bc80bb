"""Contract A, document status: upload a document, then watch one fraction and one step."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field

from webapp.acceptance import Upload, accept
from webapp.api import asking, telling
from webapp.api.call import FORMS, Call
from webapp.current import services
from webapp.login import public
from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.state import JobState
from webapp.stream.wire import Message
from webapp.streaming import respond
from webapp.uploads import incoming_of, takes_uploads

Status = Literal["queued", "processing", "completed", "failed"]
STATUS: dict[str, Status] = {
    "queued": "queued",
    "processing": "processing",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "failed",
}
GROUP = "Documents"

bp = Blueprint("document_status", __name__)


class NewDocument(BaseModel):
    """The document goes beside it, as `file`."""


class AcceptedDocument(BaseModel):
    documentId: str
    jobId: str


class Ingestion(BaseModel):
    status: Status
    progress: float = Field(description="0 to 1.")
    step: str = Field(description="The stage.", examples=["parsing-document"])
    error: str | None = Field(default=None, description="Only of what failed.")


class DocumentStatus(Rendering):
    """`{"status": "processing", "progress": 0.25, "step": "parsing-document"}`"""

    def parts(self, state: JobState) -> dict[str, Message]:
        return {"status": Message(telling.encoded(_status(state)))}

    def stream(self, topic: Topic) -> str:
        return str(topic.id)


STREAM = DocumentStatus()


@bp.post("/api/documents")
@takes_uploads
@Call(
    summary="Upload a document",
    group=GROUP,
    body=NewDocument,
    takes=FORMS[:1],
    file=True,
    answers=AcceptedDocument,
    status=201,
    refuses=(403, 413),
)
def create(body: NewDocument) -> AcceptedDocument:
    """Answers once the file and the job are durable."""
    user = asking.admin()
    file = request.files.get("file")
    upload = Upload(incoming_of(file), file.filename or "") if file and file.filename else None
    job = accept(services(), owner=user.user, kind_name="ingest_document", params={}, upload=upload, unpack=False)
    return AcceptedDocument(documentId=job.document_id or "", jobId=str(job.id))


@bp.get("/api/jobs/<job_id>/events")
@public
@Call(summary="Follow a document", group=GROUP, events={"": Ingestion}, refuses=(403, 404))
def events(job_id: str) -> Response:
    user = asking.admin(ticket_for=asking.number(job_id))
    job = asking.watched(user, job_id)
    return respond(Topic("job", job.id), STREAM, name=str(job.id), who=user)


def _status(state: JobState) -> Ingestion:
    said = Ingestion(
        status=STATUS[state.job.state], progress=round(telling.fraction(state), 4), step=telling.step(state)
    )
    if error := telling.error(state):
        said.error = error
    return said
