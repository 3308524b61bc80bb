"""What a watched record is like at one moment: read once, drawn many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.orm import Session

from webapp.kinds import KINDS
from webapp.kinds.base import Kind
from webapp.live.client import LiveUnavailable
from webapp.live.job_live import Live
from webapp.progress import LogLine, Progress
from webapp.records import estimate, line
from webapp.records.estimate import Range
from webapp.records.event import Event
from webapp.records.job import Job
from webapp.records.listing import active, at_hand
from webapp.records.rule import EVERYTHING, why_held
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.stream.names import EVERYBODY, Topic
from webapp.system import SystemState

LISTED = 10
NO_WORKER = "No worker is running. It starts as soon as one does."
NO_QUEUE = "The queue can’t be reached just now. The job is kept, and starts once the queue is back."


@dataclass(frozen=True)
class JobState:
    """A job with what is true of it now. `live_known` is False while Redis can't say."""

    job: Job
    kind: Kind
    progress: Progress | None = None
    lines: list[LogLine] = field(default_factory=list)
    live_known: bool = True
    place: int | None = None
    waiting_reason: str | None = None
    starts_in: float | None = None
    left: Range | None = None
    events: Sequence[Event] = ()

    @property
    def ended(self) -> bool:
        return self.job.ended

    @property
    def stumbled(self) -> str | None:
        """Why the last attempt was given up."""
        return next((event.detail.get("reason") for event in reversed(self.events) if event.name == "released"), None)

    @property
    def position(self) -> int:
        """The number of the newest log line."""
        return self.lines[-1].n if self.lines else 0

    @property
    def stale(self) -> bool:
        """Whether Redis has to be asked again."""
        return not self.live_known or self.waiting_reason == NO_QUEUE

    def lines_after(self, n: int) -> list[LogLine]:
        return [line for line in self.lines if line.n > n]


@dataclass(frozen=True)
class JobsState:
    """The newest jobs of an owner, or of everybody, newest first."""

    jobs: list[JobState]

    @property
    def ended(self) -> bool:
        return False

    @property
    def position(self) -> int:
        """The newest job's id."""
        return self.jobs[0].job.id if self.jobs else 0


State = JobState | JobsState | SystemState


def load(services: Services, topic: Topic, before: State | None = None) -> State | None:
    """The present state; None if there is no such record. `before` stands in for what Redis can't say."""
    if topic.noun == "job":
        return load_job(services, topic.id, before if isinstance(before, JobState) else None)
    return load_active(services, "ingest_document") if topic.noun == "ingestions" else load_jobs(services, topic.id)


def load_jobs(services: Services, owner_id: int = EVERYBODY) -> JobsState:
    """The newest and all that have not ended."""
    with services.database.reading() as session:
        jobs = at_hand(session, owner_id=owner_id or None, newest=LISTED)
        return JobsState([_state(services, session, job) for job in jobs])


def load_active(services: Services, kind: str) -> JobsState:
    with services.database.reading() as session:
        return JobsState([_state(services, session, job) for job in active(session, kind=kind)])


def load_job(services: Services, job_id: int, before: JobState | None = None) -> JobState | None:
    """One job, with its history; None if there is none."""
    with services.database.reading() as session:
        job = Job.find(session, job_id)
        return _state(services, session, job, before, events=Event.of(session, job_id)) if job else None


def _state(
    services: Services, session: Session, job: Job, before: JobState | None = None, events: Sequence[Event] = ()
) -> JobState:
    place = line.place(session, job)
    workers = Worker.alive_count(session, _lease(services)) if place else 0
    live = _live(services, job, before)
    running = live.progress if job.state == "processing" else None
    return JobState(
        job=job,
        kind=KINDS[job.kind],
        progress=live.progress,
        lines=live.lines,
        live_known=live.known,
        place=place,
        waiting_reason=_why_waiting(services, session, job, workers) if place else None,
        starts_in=estimate.seconds_to_start(session, place, workers) if place else None,
        left=estimate.left(session, job, running) if running else None,
        events=events,
    )


def _lease(services: Services) -> timedelta:
    return timedelta(seconds=services.settings.worker_lease)


def _why_waiting(services: Services, session: Session, job: Job, workers: int) -> str | None:
    if not workers:
        return NO_WORKER
    if not services.live.answers():
        return NO_QUEUE
    held = why_held(session)
    return held.get(job.kind) or held.get(EVERYTHING)


def _live(services: Services, job: Job, before: JobState | None) -> Live:
    """From SQL once it has ended, else from Redis."""
    if job.ended:
        last = Progress.model_validate(job.last_progress) if job.last_progress else None
        return Live(last, [LogLine.model_validate(line) for line in job.last_lines or []])
    if job.state == "queued":
        return Live()
    try:
        return services.live.read(job.id, job.attempt)
    except LiveUnavailable:
        same = before and before.job.attempt == job.attempt
        return Live(before.progress, before.lines, known=False) if before and same else Live(known=False)
