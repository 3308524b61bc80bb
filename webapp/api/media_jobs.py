"""Contract C, media jobs: the same object by stream and by poll. Any kind of job can be read so."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response
from pydantic import BaseModel

from webapp.api import asking, telling
from webapp.api.call import Call
from webapp.api.job import output_url
from webapp.login import public
from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.state import JobState
from webapp.stream.wire import Message
from webapp.streaming import respond

GROUP = "Media jobs"

bp = Blueprint("media_jobs", __name__)


class MediaStatus(BaseModel):
    job_id: str
    status: telling.Status
    phase: str
    progress_percentage: float
    current_step: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str | None
    output_file: str | None
    timestamp: datetime


class MediaJob(Rendering):
    """`{"job_id": "42", "status": "processing", "phase": "TRANSCRIBING", …}`"""

    def parts(self, state: JobState) -> dict[str, Message]:
        return {"status": Message(telling.encoded(told(state)))}

    def stream(self, topic: Topic) -> str:
        return str(topic.id)


STREAM = MediaJob()


@bp.get("/api/v1/jobs/<job_id>/stream")
@public
@Call(summary="Follow a job", group=GROUP, events={"": MediaStatus}, refuses=(404,))
def stream(job_id: str) -> Response:
    user = asking.identity(ticket_for=asking.number(job_id))
    job = asking.watched(user, job_id)
    return respond(Topic("job", job.id), STREAM, name=str(job.id), who=user)


@bp.get("/api/v1/jobs/<job_id>/status")
@Call(summary="Read how a job goes", group=GROUP, answers=MediaStatus, refuses=(404,))
def status(job_id: str) -> MediaStatus:
    """What the stream says, once."""
    return told(asking.state(asking.identity(), job_id))


def told(state: JobState) -> MediaStatus:
    job = state.job
    return MediaStatus(
        job_id=str(job.id),
        status=telling.STATUS[job.state],
        phase=_phase(state),
        progress_percentage=telling.percent(state),
        current_step=telling.step(state),
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.finished_at,
        error_message=telling.error(state),
        output_file=output_url(state.files[-1]) if state.files and state.ended else None,
        timestamp=telling.changed_at(state),
    )


def _phase(state: JobState) -> str:
    if state.ended:
        return telling.STATUS[state.job.state].upper()
    stage = state.progress.stage if state.progress else None
    return stage.name.upper() if stage else "PENDING"
