"""What all contracts tell of a job, each in words of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar, Literal

import msgspec
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from webapp.stream.rendering import Rendering
from webapp.stream.state import JobState
from webapp.stream.wire import Message

# The words of contracts C and D.
Status = Literal["pending", "processing", "completed", "failed"]
STATUS: dict[str, Status] = {
    "queued": "pending",
    "processing": "processing",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "failed",
}
# Until its first stage begins.
ADMITTED_STEP = "initializing"
BEAT = 15.0


def encoded(said: BaseModel | Mapping[str, object]) -> str:
    """One line of JSON; of a model, what was set."""
    try:
        # Both several times quicker than `json`, and asked for at every update of every job that is watched.
        if isinstance(said, BaseModel):
            return said.model_dump_json(exclude_unset=True)
        return msgspec.json.encode(said).decode()
    except (PydanticSerializationError, UnicodeEncodeError):
        # Half of a surrogate pair, which somebody sent, must not break a stream: this writes it as an escape.
        return json.dumps(said.model_dump(mode="json", exclude_unset=True) if isinstance(said, BaseModel) else said)


def fraction(state: JobState) -> float:
    if state.ended and state.job.state == "completed":
        return 1.0
    return state.progress.fraction if state.progress else 0.0


def percent(state: JobState) -> float:
    return round(fraction(state) * 100, 1)


def step(state: JobState) -> str:
    """The stage that runs, or was the last to."""
    stage = state.progress.stage if state.progress else None
    return stage.name if stage else ADMITTED_STEP


def error(state: JobState) -> str | None:
    """Why it failed. Contracts have no other word for a cancel."""
    return state.job.error or "cancelled" if state.job.state in ("failed", "cancelled") else None


def changed_at(state: JobState) -> datetime:
    """When there was last anything new: the same in every answer until there is."""
    moments = [state.job.created_at, *(event.at for event in state.events[-1:])]
    if state.progress:
        moments.append(datetime.fromtimestamp(state.progress.updated_at, state.job.created_at.tzinfo))
    return max(moments)


class Beating(Rendering):
    """For contracts whose sign of life is an event: it comes whether or not anything else does."""

    refresh: ClassVar[float | None] = BEAT

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def beat(self) -> dict[str, Message]:
        """A part that is a new one every so often, and so is sent."""
        number = int(self._clock() // BEAT)
        return {f"beat {number}": Message(self.sign_of_life(number * BEAT), event="heartbeat")}

    def sign_of_life(self, at: float) -> str:
        return "{}"
