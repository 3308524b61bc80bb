"""The picture of a running attempt, as workers send it and pages and programs read it.

Pure values: no I/O here. Times are seconds since the epoch, durations seconds, fractions 0.0 to 1.0.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

# Below this much done, or this many seconds, a rate says nothing yet.
FRACTION_WITH_GROUND = 0.03
SECONDS_WITH_GROUND = 1.0

Level = Literal["info", "warning", "error"]


# Structs, not models: stages and lanes are written for every item that is worked on, and the picture is read at every
# update of every job that is watched. Both cost a fifth.
class StageProgress(Struct, omit_defaults=True):
    """Of what is done, `kept` items were done by earlier attempts, `kept_from` being the last of these."""

    name: str
    unit: str = ""
    status: Literal["pending", "in_progress", "completed", "error"] = "pending"
    done: int = 0
    total: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    kept: int = 0
    kept_from: int | None = None

    @property
    def fraction(self) -> float:
        return 1.0 if self.status == "completed" else self._share(self.done)

    @property
    def kept_fraction(self) -> float:
        """The share of it that earlier attempts did."""
        return 1.0 if self.kept_whole else self._share(self.kept)

    @property
    def kept_whole(self) -> bool:
        return self.status == "completed" and self.kept_from is not None and self.kept == self.done

    def _share(self, items: int) -> float:
        return min(items / self.total, 1.0) if self.total else 0.0

    def seconds(self, now: float) -> float:
        """How long it has run, or ran."""
        return max((self.ended_at or now) - self.started_at, 0.0) if self.started_at else 0.0


class LaneProgress(Struct, omit_defaults=True):
    """One process inside the job, what it is on, and how many items of the stage that is."""

    id: int
    status: Literal["idle", "processing", "error"] = "idle"
    item: str = ""
    items: int = 0
    fraction: float = 0.0


class LogLine(Struct, kw_only=True):
    """`n` grows over all attempts of a job, so a reader can ask for the lines after one."""

    n: int
    at: float
    level: Level = "info"
    text: str


class Progress(Struct, omit_defaults=True):
    attempt: int
    started_at: float
    updated_at: float
    fraction: float = 0.0
    # The part of it that earlier attempts did.
    kept_fraction: float = 0.0
    stages: list[StageProgress] = []
    lanes: list[LaneProgress] = []
    in_flight: int = 0
    queue_depth: int = 0
    counters: dict[str, int] = {}

    @property
    def stage(self) -> StageProgress | None:
        """The one that runs, else the last that did."""
        begun = [stage for stage in self.stages if stage.status != "pending"]
        return begun[-1] if begun else None

    def broken_off(self) -> Progress:
        """The same of work that was ended from outside, in the middle of a stage."""
        stages = [replace(stage) for stage in self.stages]
        for stage in stages:
            if stage.status == "in_progress":
                stage.status, stage.ended_at = "error", self.updated_at
        return replace(self, stages=stages, lanes=[], in_flight=0, queue_depth=0)

    @property
    def elapsed(self) -> float:
        return max(self.updated_at - self.started_at, 0.0)

    @property
    def seconds_left(self) -> float | None:
        """From this attempt's own rate; None while there is no ground for a figure."""
        own = self.fraction - self.kept_fraction
        if own < FRACTION_WITH_GROUND or self.elapsed < SECONDS_WITH_GROUND:
            return None
        return self.elapsed * (1 - self.fraction) / own
