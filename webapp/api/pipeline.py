"""What contract B says of an ingestion."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Stage(BaseModel):
    name: str
    status: Literal["pending", "in_progress", "completed", "error"]
    processed: int
    total: int
    in_flight: int
    progress_percent: float
    duration_ms: int
    is_complete: bool


class PoolWorker(BaseModel):
    id: int
    status: Literal["idle", "processing", "error"]
    current_chunk: str | None
    progress_percent: float


class WorkerPool(BaseModel):
    active: int
    max: int
    queue_depth: int
    workers: list[PoolWorker]


class Metrics(BaseModel):
    """What the stores confirmed, whichever they are."""

    entities_total: int
    relations_total: int
    neo4j_writes: int
    qdrant_writes: int


class Timing(BaseModel):
    started_at: float | None = Field(description="Seconds since 1970.")
    elapsed_ms: int
    estimated_remaining_ms: int | None


class Pipeline(BaseModel):
    document_id: str | None
    document_name: str | None
    total_chunks: int
    total_images: int
    stages: dict[str, Stage]
    worker_pool: WorkerPool
    metrics: Metrics
    timing: Timing
    overall_progress_percent: float


class PipelineComplete(BaseModel):
    pass


class PipelineError(BaseModel):
    message: str
    job_id: str


ALL_EVENTS: dict[str, type[BaseModel]] = {"pipeline_progress": Pipeline}
EVENTS = ALL_EVENTS | {"complete": PipelineComplete, "error": PipelineError}
