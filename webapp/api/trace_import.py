"""Contract E, trace import: how a job goes, as named events, and as one object."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from flask import Blueprint, Response
from pydantic import BaseModel

from webapp.api import asking, telling
from webapp.api.call import Call
from webapp.login import public
from webapp.stream.names import Topic
from webapp.stream.state import JobState
from webapp.stream.wire import Message
from webapp.streaming import respond

Status = Literal["queued", "running", "completed", "failed"]
GROUP = "Trace imports"
STATUS: dict[str, Status] = {
    "queued": "queued",
    "processing": "running",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "failed",
}

UNDERWAY: dict[str, Literal["queued", "running"]] = {"queued": "queued", "processing": "running"}

bp = Blueprint("trace_import", __name__)


class ImportProgress(BaseModel):
    status: Literal["queued", "running"]
    progress: float


class ImportCompleted(BaseModel):
    status: Literal["completed"]
    result: dict[str, Any]


class ImportFailed(BaseModel):
    status: Literal["failed"]
    error: str
    details: str


class ImportJob(BaseModel):
    id: str
    kind: str
    status: Status
    progress: float
    result: dict[str, Any] | None
    error: str | None
    details: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class Beat(BaseModel):
    """At least every 30 seconds."""


EVENTS: dict[str, type[BaseModel]] = {
    "progress": ImportProgress,
    "completed": ImportCompleted,
    "failed": ImportFailed,
    "heartbeat": Beat,
}


class TraceImport(telling.Beating):
    """`progress` events, then `completed` or `failed`."""

    def parts(self, state: JobState) -> dict[str, Message]:
        if state.ended:
            return {"state": _end(state)}
        said = ImportProgress(status=UNDERWAY[state.job.state], progress=telling.percent(state))
        return {"state": Message(telling.encoded(said), event="progress")} | self.beat()

    def stream(self, topic: Topic) -> str:
        return str(topic.id)


STREAM = TraceImport()


@bp.get("/api/jobs/<job_id>/stream")
@public
@Call(summary="Follow an import", group=GROUP, events=EVENTS, refuses=(404,))
def stream(job_id: str) -> Response:
    user = asking.identity(ticket_for=asking.number(job_id))
    job = asking.watched(user, job_id)
    return respond(Topic("job", job.id), STREAM, name=str(job.id), who=user)


@bp.get("/api/jobs/<job_id>")
@Call(summary="Read how an import goes", group=GROUP, answers=ImportJob, refuses=(404,))
def show(job_id: str) -> ImportJob:
    return _told(asking.state(asking.identity(), job_id))


def _end(state: JobState) -> Message:
    if state.job.state == "completed":
        return Message(
            telling.encoded(ImportCompleted(status="completed", result=state.job.result or {})), event="completed"
        )
    said = ImportFailed(status="failed", error=telling.error(state) or "", details=_details(state) or "")
    return Message(telling.encoded(said), event="failed")


def _told(state: JobState) -> ImportJob:
    job = state.job
    return ImportJob(
        id=str(job.id),
        kind=job.kind,
        status=STATUS[job.state],
        progress=telling.percent(state),
        result=job.result,
        error=telling.error(state),
        details=_details(state),
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.finished_at,
    )


def _details(state: JobState) -> str | None:
    """Where it stopped."""
    if telling.error(state) is None:
        return None
    if not state.job.attempt:
        return "It had not begun."
    return f"It stopped at “{telling.step(state)}”, in attempt {state.job.attempt}."
