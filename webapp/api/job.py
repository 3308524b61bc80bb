"""A job as programs get it: the one representation, in brief for lists and whole by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from flask import url_for
from pydantic import BaseModel, Field

from webapp.api import telling
from webapp.current import services
from webapp.patience import limit_of
from webapp.progress import LaneProgress, Progress, StageProgress
from webapp.records.job import PRIORITIES, STATES, Job
from webapp.records.output import Output
from webapp.stream.state import BatchState, JobState

State = Literal["queued", "processing", "completed", "failed", "cancelled"]
Priority = Literal["low", "normal", "high"]
NAMES: dict[int, Priority] = {PRIORITIES[name]: name for name in ("low", "normal", "high")}


class KeptFile(BaseModel):
    name: str
    size: int = Field(description="Bytes.")
    media_type: str
    sha256: str


class JobFile(KeptFile):
    """What the job was given."""

    url: str = Field(description="Where to download it.")


class JobOutput(KeptFile):
    """A file that the job made."""

    stage: str
    url: str = Field(description="Where to download it.")


class JobBrief(BaseModel):
    """A job in a list."""

    id: str
    name: str | None = Field(description="Its file’s, or what the batch is called.")
    kind: str
    state: State
    owner: str = Field(description="Email of whoever started it.")
    priority: Priority
    params: dict[str, Any]
    file: JobFile | None
    batch_id: str | None = Field(description="The job that stands for the batch it belongs to.")
    schedule_id: str | None = Field(description="The schedule that made it.")
    attempts: int = Field(description="How often it was begun.")
    error: str | None
    created_at: datetime
    run_at: datetime | None = Field(description="Not to be begun before.")
    started_at: datetime | None = Field(description="When its present or last attempt began.")
    finished_at: datetime | None
    cancel_requested_at: datetime | None


class JobStage(BaseModel):
    name: str
    unit: str = Field(description="What is counted.")
    status: Literal["pending", "in_progress", "completed", "error"]
    done: int
    total: int | None
    fraction: float
    seconds: float
    kept: int = Field(description="Of what is done, how many earlier attempts did.")


class JobLane(BaseModel):
    """One process inside the job."""

    id: int
    status: Literal["idle", "processing", "error"]
    item: str
    fraction: float


class JobProgress(BaseModel):
    attempt: int
    fraction: float = Field(description="Of the whole, 0 to 1.")
    updated_at: datetime
    stages: list[JobStage]
    lanes: list[JobLane]
    in_flight: int = Field(description="Items that are being worked on.")
    queue_depth: int = Field(description="Items that wait.")
    counters: dict[str, int]


class Seconds(BaseModel):
    """A range that held for 80 % of like jobs."""

    low: float
    high: float


class Tally(BaseModel):
    """How many jobs are in each state."""

    queued: int
    processing: int
    completed: int
    failed: int
    cancelled: int


class JobsOfBatch(BaseModel):
    is_open: bool = Field(description="Until it is closed jobs can be put into it, and it does not end.")
    tally: Tally = Field(description="Of those that are still kept.")


class JobFull(JobBrief):
    """A job with all that is true of it now."""

    document_id: str | None
    worker: str | None = Field(description="Who runs it, or ran it last.")
    live_known: bool = Field(description="False while Redis can’t say how it goes.")
    progress: JobProgress | None
    place: int | None = Field(description="In the line, 1 being next.")
    reason: str | None = Field(description="Why it does not begin, or lingers, in words.")
    starts_in: float | None = Field(description="Seconds until it begins, as a guess.")
    left: Seconds | None = Field(description="Seconds until it ends.")
    time_limit: float | None = Field(description="Seconds that an attempt may take; null for any.")
    resumes_at: str | None = Field(description="The stage at which another attempt begins; null for the first.")
    outputs: list[JobOutput] = Field(description="The files that it made.")
    batch: JobsOfBatch | None = Field(description="Of a batch, the jobs in it.")
    result: dict[str, Any] | None


def brief(job: Job) -> JobBrief:
    return JobBrief(**_brief(job))


def full(state: JobState) -> JobFull:
    job, limit = state.job, limit_of(state.kind, services().settings)
    return JobFull(
        **_brief(job),
        document_id=job.document_id,
        worker=job.worker_name,
        live_known=state.live_known,
        progress=_progress(state.progress, telling.fraction(state)) if state.progress else None,
        place=state.place,
        reason=str(state.reason) if state.reason else None,
        starts_in=state.starts_in,
        left=Seconds(low=state.left.low, high=state.left.high) if state.left else None,
        time_limit=limit.total_seconds() if limit else None,
        resumes_at=state.resumes_at,
        outputs=[_output(output) for output in state.files],
        batch=_batch(state.batch, job.is_open) if state.batch else None,
        result=job.result,
    )


def _brief(job: Job) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "name": job.file_name,
        "kind": job.kind,
        "state": job.state,
        "owner": job.owner.email,
        "priority": NAMES[job.priority],
        "params": job.params,
        "file": _file(job),
        "batch_id": str(job.batch_id) if job.batch_id else None,
        "schedule_id": str(job.schedule_id) if job.schedule_id else None,
        "attempts": job.attempt,
        "error": job.error,
        "created_at": job.created_at,
        "run_at": job.run_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "cancel_requested_at": job.cancel_requested_at,
    }


def _file(job: Job) -> JobFile | None:
    if job.file is None:
        return None
    return JobFile(
        name=job.file.name,
        size=job.file.size,
        media_type=job.file.media_type,
        sha256=job.file.sha256,
        url=url_for("api.job_files.file", job_id=job.id),
    )


def _batch(batch: BatchState, is_open: bool) -> JobsOfBatch:
    return JobsOfBatch(is_open=is_open, tally=Tally(**{state: batch.tally[state] for state in STATES}))


def _output(output: Output) -> JobOutput:
    return JobOutput(
        name=output.name,
        stage=output.stage,
        size=output.size,
        media_type=output.media_type,
        sha256=output.sha256,
        url=output_url(output),
    )


def output_url(output: Output) -> str:
    return url_for("api.job_files.output", job_id=output.job_id, name=output.name)


def _progress(progress: Progress, fraction: float) -> JobProgress:
    return JobProgress(
        attempt=progress.attempt,
        fraction=fraction,
        updated_at=datetime.fromtimestamp(progress.updated_at, UTC),
        stages=[_stage(stage, progress.updated_at) for stage in progress.stages],
        lanes=[_lane(lane) for lane in progress.lanes],
        in_flight=progress.in_flight,
        queue_depth=progress.queue_depth,
        counters=progress.counters,
    )


def _stage(stage: StageProgress, now: float) -> JobStage:
    return JobStage(
        name=stage.name,
        unit=stage.unit,
        status=stage.status,
        done=stage.done,
        total=stage.total,
        fraction=stage.fraction,
        seconds=stage.seconds(now),
        kept=stage.kept,
    )


def _lane(lane: LaneProgress) -> JobLane:
    return JobLane(id=lane.id, status=lane.status, item=lane.item, fraction=lane.fraction)
