"""All that is true of a job, as it changes, and its log: for programs that show as much as the pages do."""

from __future__ import annotations

from typing import Annotated, ClassVar

from flask import Blueprint, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from werkzeug.exceptions import NotFound

from webapp.api import asking, telling
from webapp.api.call import Call
from webapp.api.job import JobFull, full
from webapp.api.job_history import LogEntry, entries
from webapp.api.jobs import GROUP
from webapp.current import services
from webapp.login import public
from webapp.records.listing import of_ids
from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.state import JobState
from webapp.stream.wire import Message
from webapp.streaming import respond

MOST_TOGETHER = 100

bp = Blueprint("job_following", __name__)


class LogLines(BaseModel):
    """New lines of the log, oldest first; none comes twice to a client that says how far it has come."""

    lines: list[LogEntry]


class Gone(BaseModel):
    """A job that was deleted."""

    id: str


def checked_ids(ids: str) -> str:
    numbers = ids.split(",")
    if not all(map(asking.number, numbers)) or len(numbers) > MOST_TOGETHER:
        raise ValueError(f"Send the numbers of 1 to {MOST_TOGETHER} jobs, with commas between.")
    return ids


class Together(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ids: Annotated[str, AfterValidator(checked_ids)] = Field(
        description=f"Numbers of jobs, at most {MOST_TOGETHER}, with commas between."
    )

    @property
    def numbers(self) -> list[int]:
        return list(dict.fromkeys(map(asking.number, self.ids.split(","))))


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

    def stream(self, topic: Topic) -> str:
        return str(topic.id)


class OneOfMany(Following):
    """Without its log, and never the end of what others share."""

    endless = True

    def tail(self, state: JobState, after: int | None) -> None:
        return None

    def stream(self, topic: Topic) -> str:
        return ""

    def gone(self, topic: Topic) -> Message:
        return Message(telling.encoded(Gone(id=str(topic.id))), event="gone")


STREAM, PART = Following(), OneOfMany()


@bp.get("/api/v1/jobs/<job_id>/live")
@public
@Call(summary="Follow all of a job", group=GROUP, events={"job": JobFull, "log": LogLines}, refuses=(404,))
def live(job_id: str) -> Response:
    """What “Read a job” and “Read a job’s log” say, as it changes."""
    user = asking.identity(ticket_for=asking.number(job_id))
    job = asking.watched(user, job_id)
    return respond(Topic("job", job.id), STREAM, name=str(job.id), who=user)


@bp.get("/api/v1/jobs/live")
@Call(
    summary="Follow many jobs",
    group=GROUP,
    query=Together,
    events={"job": JobFull, "gone": Gone},
    by_ticket=False,
    resumes=False,
    refuses=(404,),
)
def live_together(query: Together) -> Response:
    """On one connection, without their logs. It goes on when they have ended; who comes back is told all anew."""
    user, numbers = asking.identity(), query.numbers
    with services().database.reading() as session:
        jobs = of_ids(session, numbers)
    seen = {job.id for job in jobs if job.visible_to(user.id, is_admin=user.is_admin)}
    if missing := [str(number) for number in numbers if number not in seen]:
        raise NotFound(f"There is no such job: {', '.join(missing)}.")
    first, *rest = (Topic("job", number) for number in numbers)
    return respond(first, PART, name="jobs", also=[(topic, PART) for topic in rest], who=user)
