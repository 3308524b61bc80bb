"""What contract D is asked, and says of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from webapp.api.telling import Status


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


class Wanted(BaseModel):
    action: Literal["status"] = "status"
    filename: str | None = None
    sse: str | None = Field(default=None, description="`true` for a stream; `Accept: text/event-stream` does as well.")


class Command(BaseModel):
    action: Literal["retry", "cancel"]
    job_id: Annotated[str, BeforeValidator(str)]


class WantedStream(BaseModel):
    job_id: str | None = None
    filename: str | None = None


ONE_EVENTS: dict[str, type[BaseModel]] = {"status": ProcessStatus, "heartbeat": Heartbeat}
ALL_EVENTS: dict[str, type[BaseModel]] = {"summary": Summary, "heartbeat": Heartbeat}
