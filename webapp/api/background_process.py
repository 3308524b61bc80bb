"""Contract D, background process: one job by its file's name or its number, or a summary of all."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Literal

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel
from werkzeug.exceptions import Conflict, NotFound

from webapp import control
from webapp.api import asking, telling
from webapp.current import services
from webapp.login import Identity, public
from webapp.problems import Refused
from webapp.records.job import Job
from webapp.records.listing import newest_named
from webapp.stream.names import EVERYBODY, Topic
from webapp.stream.state import JobState, SummaryState, load_summary
from webapp.stream.wire import Message
from webapp.streaming import respond

Status = Literal["pending", "processing", "completed", "failed"]
STATUS: dict[str, Status] = {
    "queued": "pending",
    "processing": "processing",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "failed",
}
ACTIONS = {"retry": control.retry, "cancel": control.cancel}
TOO_LATE = {
    "retry": "There is nothing to try again: the job is on its way, or is done.",
    "cancel": "The job has ended, or was asked to stop already.",
}

bp = Blueprint("background_process", __name__)


class ProcessStatus(BaseModel):
    id: str
    filename: str | None
    status: Status
    progress: float
    step: str
    attempts: int
    error: str | None
    updated_at: datetime


class Counts(BaseModel):
    pending: int
    processing: int
    completed: int
    failed: int


class Summary(BaseModel):
    counts: Counts
    jobs: list[ProcessStatus]


class Heartbeat(BaseModel):
    at: datetime


class Process(telling.Beating):
    """`status` events of one job, to its end."""

    def parts(self, state: JobState) -> dict[str, Message]:
        said = {"status": Message(telling.encoded(_status(state)), event="status")}
        return said if state.ended else said | self.beat()

    def stream(self, state: JobState) -> str:
        return str(state.job.id)

    def sign_of_life(self, at: float) -> str:
        return telling.encoded(Heartbeat(at=datetime.fromtimestamp(at, UTC)))


class Processes(Process):
    """`summary` events, without an end."""

    def parts(self, state: SummaryState) -> dict[str, Message]:  # type: ignore[override]
        return {"summary": Message(telling.encoded(_summary(state)), event="summary")} | self.beat()

    def stream(self, state: SummaryState) -> str:  # type: ignore[override]
        return "summary"


ONE, ALL = Process(), Processes()


@bp.get("/api/background-process")
@public
def show() -> Response:
    """The status of a file's newest job, or the summary; once, or by stream."""
    if request.args.get("action", "status") != "status":
        raise Refused("“action” can only be “status” here.")
    name = request.args.get("filename")
    if request.args.get("sse") == "true" or "text/event-stream" in request.accept_mimetypes.values():
        return _follow_all(asking.identity()) if name is None else _follow_named(name)
    user = asking.identity()
    said = _summary(load_summary(services(), _owner(user))) if name is None else _status(_state_named(user, name))
    return jsonify(said.model_dump(mode="json"))


@bp.post("/api/background-process")
def steer() -> Response:
    """Have a job retried or cancelled; its status then."""
    asked = asking.fields()
    action, job_id = (str(asked.get(name, "")) for name in ("action", "job_id"))
    if action not in ACTIONS:
        raise Refused("“action” should be “retry” or “cancel”.")
    user = asking.identity()
    job = asking.job(user, job_id)
    if not ACTIONS[action](services(), job, by=user.email):
        raise Conflict(TOO_LATE[action])
    return jsonify(_status(asking.state(user, job_id)).model_dump(mode="json"))


@bp.get("/api/sse")
@public
def stream() -> Response:
    """The stream of the job with a number, or of a file's newest."""
    job_id, name = request.args.get("job_id"), request.args.get("filename")
    if job_id is None:
        if name is None:
            raise Refused("Say which job: send “job_id” or “filename”.")
        return _follow_named(name)
    user = asking.identity(ticket_for=asking.number(job_id))
    return _follow(user, asking.job(user, job_id))


@bp.get("/api/sse/admin")
@public
def stream_all() -> Response:
    return _follow_all(asking.admin())


def _follow_named(name: str) -> Response:
    user = asking.identity(ticket_for=lambda holder: _newest(holder, name).id)
    return _follow(user, _newest(user, name))


def _follow(user: Identity, job: Job) -> Response:
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
        status=STATUS[state.job.state],
        progress=telling.percent(state),
        step=telling.step(state),
        attempts=state.job.attempt,
        error=telling.error(state),
        updated_at=telling.changed_at(state),
    )


def _summary(state: SummaryState) -> Summary:
    counted: Counter[str] = Counter()
    for name, count in state.counts.items():
        counted[STATUS[name]] += count
    counts = Counts(**{name: counted[name] for name in Counts.model_fields})
    return Summary(counts=counts, jobs=[_status(job) for job in state.jobs])
