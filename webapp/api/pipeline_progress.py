"""Contract B, pipeline progress: every stage, worker and count of an ingestion, as named events."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import lru_cache

from flask import Blueprint, Response

from webapp.api import asking, telling
from webapp.api.call import Call
from webapp.api.pipeline import (
    ALL_EVENTS,
    EVENTS,
    Metrics,
    Pipeline,
    PipelineError,
    PoolWorker,
    Stage,
    Timing,
    WorkerPool,
)
from webapp.login import public
from webapp.progress import LaneProgress, Progress, StageProgress
from webapp.stream.names import EVERYBODY, Topic
from webapp.stream.rendering import Rendering
from webapp.stream.state import JobsState, JobState
from webapp.stream.wire import Message
from webapp.stream.writer import only
from webapp.streaming import respond

KIND = "ingest_document"
GROUP = "Pipelines"

bp = Blueprint("pipeline_progress", __name__)


class PipelineProgress(Rendering):
    """One job's events, and `complete` or `error` at the end."""

    interval = 0.5

    def parts(self, state: JobState) -> dict[str, Message]:
        return {"progress": Message(telling.encoded(_progress(state)), event="pipeline_progress")}

    def stream(self, topic: Topic) -> str:
        return str(topic.id)

    def milestone(self, state: JobState) -> Hashable:
        stages = state.progress.stages if state.progress else ()
        return state.ended, len([stage for stage in stages if stage.status in ("completed", "error")])

    def farewell(self, state: JobState) -> Message:
        if state.job.state == "completed":
            return Message("{}", event="complete")
        return _error(state.job.error or "cancelled", str(state.job.id))


class OneOfMany(PipelineProgress):
    """The same where other jobs share the stream: its last event is its last state."""

    endless = True


class AllPipelines(Rendering):
    """Every ingestion that has not ended."""

    def follows(self, state: JobsState) -> Iterable[tuple[Topic, Rendering]]:
        return [(Topic("job", job.job.id), ONE_OF_MANY) for job in state.jobs]


ONE, ONE_OF_MANY, ALL = PipelineProgress(), OneOfMany(), AllPipelines()


@bp.get("/api/v1/admin/ingestion/jobs/<job_id>/progress")
@public
@Call(summary="Follow an ingestion", group=GROUP, events=EVENTS, refuses=(403,))
def one(job_id: str) -> Response:
    """An unknown job is answered with 200 and one `error`."""
    user = asking.admin(ticket_for=asking.number(job_id))
    job = asking.seen_by(user, job_id)
    if job is None or job.kind != KIND:
        return only(_error(f"Job not found: {job_id}", job_id))
    return respond(Topic("job", job.id), ONE, name=str(job.id), who=user)


@bp.get("/api/v1/admin/ingestion/progress")
@public
@Call(summary="Follow all ingestions", group=GROUP, events=ALL_EVENTS, by_ticket=False, refuses=(403,))
def all() -> Response:
    user = asking.admin()
    return respond(Topic("ingestions", EVERYBODY), ALL, name="ingestions", who=user)


def _error(message: str, job_id: str) -> Message:
    return Message(telling.encoded(PipelineError(message=message, job_id=job_id)), event="error")


def _progress(state: JobState) -> Pipeline:
    progress = state.progress or Progress(attempt=0, started_at=0, updated_at=0, stages=_not_begun(state))
    count = progress.counters.get
    return Pipeline(
        document_id=state.job.document_id,
        document_name=state.job.file_name,
        total_chunks=count("chunks", 0),
        total_images=count("images", 0),
        stages={stage.name: _stage(stage, progress) for stage in progress.stages},
        worker_pool=_worker_pool(progress),
        metrics=Metrics(
            entities_total=count("entities", 0),
            relations_total=count("relations", 0),
            neo4j_writes=count("graph_writes", 0),
            qdrant_writes=count("vector_writes", 0),
        ),
        timing=_timing(state, progress),
        overall_progress_percent=_percent(telling.fraction(state)),
    )


def _not_begun(state: JobState) -> list[StageProgress]:
    return [StageProgress(name=stage.name, unit=stage.unit) for stage in state.kind.stages]


def _stage(stage: StageProgress, progress: Progress) -> Stage:
    if stage.status == "pending":
        return _not_begun_stage(stage.name, stage.total or 0)
    running = stage.status == "in_progress"
    return Stage(
        name=stage.name,
        status=stage.status,
        processed=stage.done,
        total=stage.total or 0,
        in_flight=progress.in_flight if running else 0,
        progress_percent=_percent(stage.fraction),
        duration_ms=_milliseconds(stage.seconds(progress.updated_at)),
        is_complete=stage.status == "completed",
    )


@lru_cache(maxsize=256)
def _not_begun_stage(name: str, total: int) -> Stage:
    """Most stages of most jobs: made once for all."""
    return Stage(
        name=name,
        status="pending",
        processed=0,
        total=total,
        in_flight=0,
        progress_percent=0.0,
        duration_ms=0,
        is_complete=False,
    )


def _worker_pool(progress: Progress) -> WorkerPool:
    return WorkerPool(
        active=sum(lane.status == "processing" for lane in progress.lanes),
        max=len(progress.lanes),
        queue_depth=progress.queue_depth,
        workers=[_worker(lane) for lane in progress.lanes],
    )


def _worker(lane: LaneProgress) -> PoolWorker:
    return PoolWorker(
        id=lane.id,
        status=lane.status,
        current_chunk=lane.item or None,
        progress_percent=_percent(lane.fraction),
    )


def _timing(state: JobState, progress: Progress) -> Timing:
    left = 0.0 if state.ended else progress.seconds_left
    return Timing(
        started_at=progress.started_at or None,
        elapsed_ms=_milliseconds(progress.elapsed),
        estimated_remaining_ms=None if left is None else _milliseconds(left),
    )


def _percent(fraction: float) -> float:
    return round(fraction * 100, 1)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
