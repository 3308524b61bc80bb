"""All that is true of a job, as it changes, and its log: for programs that show as much as the pages do."""

from __future__ import annotations

from typing import ClassVar

from flask import Blueprint, Response
from pydantic import BaseModel

from webapp.api import asking, telling
from webapp.api.call import Call
from webapp.api.job import JobFull, full
from webapp.api.job_history import LogEntry, entries
from webapp.api.jobs import GROUP
from webapp.login import public
from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.state import JobState
from webapp.stream.wire import Message
from webapp.streaming import respond

bp = Blueprint("job_following", __name__)


class LogLines(BaseModel):
    """New lines of the log, oldest first; none comes twice to a client that says how far it has come."""

    lines: list[LogEntry]


class Following(Rendering):
    """`job` events with the whole of it, and `log` events with what it said since."""

    interval: ClassVar[float] = 0.25

    def parts(self, state: JobState) -> dict[str, Message]:
        return {"job": Message(telling.encoded(full(state)), event="job")}

    def tail(self, state: JobState, after: int | None) -> Message | None:
        lines = entries(state, after or 0)
        return Message(telling.encoded(LogLines(lines=lines)), event="log") if lines else None

    def milestone(self, state: JobState) -> tuple[str, bool]:
        return state.job.state, state.job.stopping

    def stream(self, state: JobState) -> str:
        return str(state.job.id)


STREAM = Following()


@bp.get("/api/v1/jobs/<job_id>/live")
@public
@Call(summary="Follow all of a job", group=GROUP, events={"job": JobFull, "log": LogLines}, refuses=(404,))
def live(job_id: str) -> Response:
    """What “Read a job” and “Read a job’s log” say, as it changes."""
    user = asking.identity(ticket_for=asking.number(job_id))
    job = asking.job(user, job_id)
    return respond(Topic("job", job.id), STREAM, name=str(job.id), who=user)
