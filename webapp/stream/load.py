"""Reading what a watched record is like now, from the database and, while it runs, from Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from msgspec import convert
from msgspec.structs import replace
from sqlalchemy.orm import Session

from webapp.kinds import KINDS
from webapp.live.client import LiveUnavailable
from webapp.live.job_live import Live
from webapp.progress import LogLine, Progress, StageProgress
from webapp.records.batch import Batch
from webapp.records.database import now
from webapp.records.event import Event
from webapp.records.job import Job
from webapp.records.line import Line
from webapp.records.listing import active, at_hand, counts, in_batch, newest, of_ids
from webapp.records.output import Output
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.stream.matches import NOUN as MATCHES
from webapp.stream.matches import load_matches
from webapp.stream.names import EVERYBODY, Topic
from webapp.stream.reason import Reason, silent_since, why_lingering, why_waiting
from webapp.stream.state import BatchState, JobsState, JobState, State, SummaryState

LISTED = 10
SUMMED_UP = 50
SHOWN_OF_BATCH = 30


def load(services: Services, topic: Topic, before: State | None = None) -> State | None:
    """The present state; None if there is no such record. `before` stands in for what Redis can't say."""
    if topic.noun == "job":
        return load_job(services, topic.id, before if isinstance(before, JobState) else None)
    if topic.noun == "summary":
        return load_summary(services, topic.id)
    if topic.noun == MATCHES:
        return load_matches(services, topic)
    return load_active(services, "ingest_document") if topic.noun == "ingestions" else load_jobs(services, topic.id)


def load_jobs(services: Services, owner_id: int = EVERYBODY) -> JobsState:
    """The newest and all that have not ended."""
    with services.database.reading() as session:
        jobs = at_hand(session, owner_id=owner_id or None, newest=LISTED)
        around = Around(services, session)
        return JobsState([_state(around, job) for job in jobs])


def load_active(services: Services, kind: str) -> JobsState:
    with services.database.reading() as session:
        around = Around(services, session)
        return JobsState([_state(around, job) for job in active(session, kind=kind)])


def load_summary(services: Services, owner_id: int = EVERYBODY) -> SummaryState:
    """Its jobs are told in few words: without a place in the line, log or estimate."""
    with services.database.reading() as session:
        jobs = newest(session, owner_id=owner_id or None, limit=SUMMED_UP)
        last = Event.last_of(session, [job.id for job in jobs])
        states = [_brief(services, session, job, last.get(job.id)) for job in jobs]
        return SummaryState(states, counts(session, owner_id=owner_id or None))


def _brief(services: Services, session: Session, job: Job, last: Event | None) -> JobState:
    if isinstance(job, Batch):
        progress = _progress_of(job, BatchState(job.tally(session), [])) if job.started_at else None
    else:
        progress = _last_progress(job) if job.ended else _live(services, job, None).progress
    return JobState(job, KINDS[job.kind], progress, events=[last] if last else [])


def load_rows(services: Services, ids: Sequence[int]) -> list[JobState]:
    """Those of these jobs that are still there, as rows of a table show them; newest first."""
    with services.database.reading() as session:
        return [_glance(services, session, job) for job in reversed(of_ids(session, ids))]


def load_job(services: Services, job_id: int, before: JobState | None = None) -> JobState | None:
    """One job, with its history; None if there is none."""
    with services.database.reading() as session:
        job = Job.find(session, job_id)
        if job is None:
            return None
        state = _state(Around(services, session), job, before, events=Event.of(session, job_id))
        return replace(state, outputs=_outputs(session, job))


@dataclass(frozen=True)
class Around:
    """What is the same for all jobs that are read together: asked for once, and only if one of them needs it."""

    services: Services
    session: Session

    @cached_property
    def line(self) -> Line:
        return Line(self.session)

    @cached_property
    def workers(self) -> int:
        return Worker.alive_count(self.session, lease(self.services))

    @cached_property
    def redis_answers(self) -> bool:
        return self.services.live.answers()


def _state(around: Around, job: Job, before: JobState | None = None, events: Sequence[Event] = ()) -> JobState:
    services, session = around.services, around.session
    if isinstance(job, Batch):
        return _batch_state(services, session, job, events)
    place = around.line.place(job)
    live, experiences = _live(services, job, before), services.experiences
    running = live.progress if job.state == "processing" else None
    return JobState(
        job=job,
        kind=KINDS[job.kind],
        progress=live.progress,
        lines=live.lines,
        live_known=live.known,
        moves=live.known and job.state == "processing",
        place=place,
        reason=_reason(around, job, place, running),
        starts_in=experiences.seconds_to_start(session, place, around.workers) if place else None,
        left=experiences.of(session, job.kind).left(job.file_size, running) if running else None,
        events=events,
    )


def _outputs(session: Session, job: Job) -> Sequence[Output]:
    """While it runs, and once it is completed, nobody asks what is kept for another attempt."""
    lasting = job.state in ("processing", "completed")
    return Output.lasting_of(session, job.id) if lasting else Output.of(session, job.id)


def _batch_state(services: Services, session: Session, job: Batch, events: Sequence[Event]) -> JobState:
    jobs = [_glance(services, session, one) for one in in_batch(session, job.id, limit=SHOWN_OF_BATCH)]
    batch = BatchState(job.tally(session), jobs)
    progress = _progress_of(job, batch) if job.started_at else None
    known = all(state.live_known for state in jobs)
    return JobState(job, KINDS[job.kind], progress, live_known=known, events=events, batch=batch)


def _glance(services: Services, session: Session, job: Job) -> JobState:
    """How far it is if it runs, and else only what stands in its row."""
    if job.state != "processing":
        return JobState(job, KINDS[job.kind])
    if isinstance(job, Batch):
        return JobState(job, KINDS[job.kind], _progress_of(job, BatchState(job.tally(session), [])))
    live = _live(services, job, None)
    return JobState(job, KINDS[job.kind], live.progress, live_known=live.known)


def _progress_of(job: Job, batch: BatchState) -> Progress:
    """As if the batch were one work, whose items are its jobs. Those that were deleted since still count."""
    assert job.started_at
    tally = batch.tally
    total = max(tally.total(), (job.result or {}).get("jobs", 0))
    done = total - tally["queued"] - tally["processing"]
    begun = sum(state.progress.fraction for state in batch.jobs if state.progress)
    started_at, at = job.started_at.timestamp(), (job.finished_at or now()).timestamp()
    stage = StageProgress("jobs", "jobs", "completed" if job.ended else "in_progress", done, total, started_at)
    fraction = (done + begun) / total if total else 0.0
    return Progress(attempt=0, started_at=started_at, updated_at=at, fraction=fraction, stages=[stage])


def lease(services: Services) -> timedelta:
    return timedelta(seconds=services.settings.worker_lease)


def _reason(around: Around, job: Job, place: int | None, running: Progress | None) -> Reason | None:
    services = around.services
    if place:
        held = around.line.held
        return why_waiting(job, workers=around.workers, redis_answers=around.redis_answers, held=held)
    if job.state == "processing":
        silent = silent_since(job.worker.seen_at if job.worker else None, lease(services))
        return why_lingering(job, running, services.experiences.of(around.session, job.kind), silent_since=silent)
    return None


def _live(services: Services, job: Job, before: JobState | None) -> Live:
    """From SQL once it has ended, else from Redis."""
    if job.ended:
        return Live(_last_progress(job), convert(job.last_lines or [], list[LogLine]))
    if job.state == "queued":
        return Live()
    try:
        return services.live.read(job.id, job.attempt)
    except LiveUnavailable:
        same = before and before.job.attempt == job.attempt
        return Live(before.progress, before.lines, known=False) if before and same else Live(known=False)


def _last_progress(job: Job) -> Progress | None:
    return convert(job.last_progress, Progress) if job.last_progress else None
