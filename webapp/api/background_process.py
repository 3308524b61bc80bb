"""Contract D, background process: one job by its file's name or its number, or a summary of all."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from pydantic import BaseModel
from werkzeug.exceptions import Conflict, NotFound

from webapp import control
from webapp.api import asking, telling
from webapp.api.call import Call
from webapp.api.process import (
    ALL_EVENTS,
    ONE_EVENTS,
    Command,
    Counts,
    Heartbeat,
    ProcessStatus,
    Summary,
    Wanted,
    WantedStream,
)
from webapp.control import TOO_LATE
from webapp.current import services
from webapp.login import Identity, public
from webapp.problems import Refused
from webapp.records.glimpse import Glimpse
from webapp.records.job import Job
from webapp.records.listing import newest_named
from webapp.stream.load import load_summary
from webapp.stream.names import EVERYBODY, Topic
from webapp.stream.state import JobState, SummaryState
from webapp.stream.wire import Message
from webapp.streaming import respond

GROUP = "Background processes"
ACTIONS = {"retry": control.retry, "cancel": control.cancel}

bp = Blueprint("background_process", __name__)


class Process(telling.Beating):
    """`status` events of one job, to its end."""

    def parts(self, state: JobState) -> dict[str, Message]:
        said = {"status": Message(telling.encoded(_status(state)), event="status")}
        return said if state.ended else said | self.beat()

    def stream(self, topic: Topic) -> str:
        return str(topic.id)

    def sign_of_life(self, at: float) -> str:
        return telling.encoded(Heartbeat(at=datetime.fromtimestamp(at, UTC)))


class Processes(Process):
    """`summary` events, without an end."""

    def parts(self, state: SummaryState) -> dict[str, Message]:  # type: ignore[override]
        return {"summary": Message(telling.encoded(_summary(state)), event="summary")} | self.beat()

    def stream(self, topic: Topic) -> str:
        return "summary"


ONE, ALL = Process(), Processes()


@bp.get("/api/background-process")
@public
@Call(
    summary="Read how a file’s newest job goes, or all jobs",
    group=GROUP,
    query=Wanted,
    answers=ProcessStatus | Summary,
    events=ONE_EVENTS | ALL_EVENTS,
    refuses=(404,),
)
def show(query: Wanted) -> Response | BaseModel:
    """Without a file’s name, the summary: everybody’s jobs for an admin, one’s own for a member."""
    name = query.filename
    if query.sse == "true" or "text/event-stream" in request.accept_mimetypes.values():
        return _follow_all(asking.identity()) if name is None else _follow_named(name)
    user = asking.identity()
    return _summary(load_summary(services(), _owner(user))) if name is None else _status(_state_named(user, name))


@bp.post("/api/background-process")
@Call(summary="Retry or cancel a job", group=GROUP, body=Command, answers=ProcessStatus, refuses=(404, 409))
def steer(body: Command) -> ProcessStatus:
    """Answers with its status after that."""
    user = asking.identity()
    if not ACTIONS[body.action](services(), asking.job(user, body.job_id), by=user.email):
        raise Conflict(TOO_LATE[body.action])
    return _status(asking.state(user, body.job_id))


@bp.get("/api/sse")
@public
@Call(summary="Follow a job", group=GROUP, query=WantedStream, events=ONE_EVENTS, refuses=(404,))
def stream(query: WantedStream) -> Response:
    """By its number, or the newest of a file."""
    if query.job_id is not None:
        user = asking.identity(ticket_for=asking.number(query.job_id))
        return _follow(user, asking.watched(user, query.job_id))
    if query.filename is not None:
        return _follow_named(query.filename)
    raise Refused("Say which job: send “job_id” or “filename”.")


@bp.get("/api/sse/admin")
@public
@Call(summary="Follow all jobs", group=GROUP, events=ALL_EVENTS, by_ticket=False, refuses=(403,))
def stream_all() -> Response:
    return _follow_all(asking.admin())


def _follow_named(name: str) -> Response:
    user = asking.identity(ticket_for=lambda holder: _newest(holder, name).id)
    return _follow(user, _newest(user, name))


def _follow(user: Identity, job: Job | Glimpse) -> Response:
    return respond(Topic("job", job.id), ONE, name=str(job.id), who=user)


def _follow_all(user: Identity) -> Response:
    return respond(Topic("summary", _owner(user)), ALL, name="summary", who=user)


def _state_named(user: Identity, name: str) -> JobState:
    return asking.state(user, str(_newest(user, name).id))


def _newest(user: Identity, name: str) -> Job:
    """Raises NotFound."""
    with services().database.reading() as session:
        job = newest_named(session, name, owner_id=_owner(user) or None)
    if job is None:
        raise NotFound("There is no job with a file of that name.")
    return job


def _owner(user: Identity) -> int:
    """Whose jobs they see."""
    return EVERYBODY if user.is_admin else user.id


def _status(state: JobState) -> ProcessStatus:
    return ProcessStatus(
        id=str(state.job.id),
        filename=state.job.file_name,
        status=telling.STATUS[state.job.state],
        progress=telling.percent(state),
        step=telling.step(state),
        attempts=state.job.attempt,
        error=telling.error(state),
        updated_at=telling.changed_at(state),
    )


def _summary(state: SummaryState) -> Summary:
    counted: Counter[str] = Counter()
    for name, count in state.counts.items():
        counted[telling.STATUS[name]] += count
    counts = Counts(**{name: counted[name] for name in Counts.model_fields})
    return Summary(counts=counts, jobs=[_status(job) for job in state.jobs])
