"""What contract B says of an ingestion, as plain dictionaries: they are made at each update of each watched job."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict


class Stage(TypedDict):
    name: str
    status: Literal["pending", "in_progress", "completed", "error"]
    processed: int
    total: int
    in_flight: int
    progress_percent: float
    duration_ms: int
    is_complete: bool


class PoolWorker(TypedDict):
    id: int
    status: Literal["idle", "processing", "error"]
    current_chunk: str | None
    progress_percent: float


class WorkerPool(TypedDict):
    active: int
    max: int
    queue_depth: int
    workers: list[PoolWorker]


class Metrics(TypedDict):
    """What the stores confirmed, whichever they are."""

    entities_total: int
    relations_total: int
    neo4j_writes: int
    qdrant_writes: int


class Timing(TypedDict):
    started_at: Annotated[float | None, Field(description="Seconds since 1970.")]
    elapsed_ms: int
    estimated_remaining_ms: int | None


class Pipeline(TypedDict):
    document_id: str | None
    document_name: str | None
    total_chunks: int
    total_images: int
    stages: dict[str, Stage]
    worker_pool: WorkerPool
    metrics: Metrics
    timing: Timing
    overall_progress_percent: float


class PipelineComplete(TypedDict):
    pass


class PipelineError(TypedDict):
    message: str
    job_id: str


ALL_EVENTS: dict[str, type] = {"pipeline_progress": Pipeline}
EVENTS = ALL_EVENTS | {"complete": PipelineComplete, "error": PipelineError}
