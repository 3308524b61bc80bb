"""What happened to a job, and what it said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint
from pydantic import BaseModel, Field

from webapp.api import asking
from webapp.api.call import Call
from webapp.api.jobs import GROUP
from webapp.progress import Level
from webapp.stream.state import JobState

bp = Blueprint("job_history", __name__)


class JobEvent(BaseModel):
    at: datetime
    name: str = Field(examples=["queued", "claimed", "completed"])
    attempt: int
    detail: dict[str, Any] = Field(description="Who did it, why, or with what error.")


class JobAttempt(BaseModel):
    number: int
    worker: str
    began_at: datetime
    waited: float = Field(description="Seconds before it.")
    ran: float | None = Field(description="Seconds; null while it runs.")
    end: str | None = Field(description="`released` was given up, to be tried again.", examples=["completed", "failed"])


class History(BaseModel):
    """Oldest first."""

    events: list[JobEvent]
    attempts: list[JobAttempt]


class LogEntry(BaseModel):
    n: int = Field(description="Grows over all attempts.")
    at: datetime
    level: Level
    text: str


class LogQuery(BaseModel):
    after: int = Field(0, description="Only lines after this number.")


class Log(BaseModel):
    """The newest lines of the present or last attempt, oldest first."""

    lines: list[LogEntry]
    live_known: bool = Field(description="False while Redis can’t say what a running job has said.")


@bp.get("/api/v1/jobs/<job_id>/events")
@Call(summary="Read a job’s history", group=GROUP, answers=History, refuses=(404,))
def events(job_id: str) -> History:
    state = asking.state(asking.identity(), job_id)
    return History(
        events=[JobEvent.model_validate(event, from_attributes=True) for event in state.events],
        attempts=[JobAttempt.model_validate(attempt, from_attributes=True) for attempt in state.attempts],
    )


@bp.get("/api/v1/jobs/<job_id>/log")
@Call(summary="Read a job’s log", group=GROUP, query=LogQuery, answers=Log, refuses=(404,))
def log(job_id: str, query: LogQuery) -> Log:
    state = asking.state(asking.identity(), job_id)
    return Log(lines=entries(state, query.after), live_known=state.live_known)


def entries(state: JobState, after: int) -> list[LogEntry]:
    return [
        LogEntry(n=line.n, at=datetime.fromtimestamp(line.at, UTC), level=line.level, text=line.text)
        for line in state.lines_after(after)
    ]
