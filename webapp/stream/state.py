"""What a watched record is like at one moment: read once, drawn many times."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from webapp.keeping import basis, resumes_at
from webapp.kinds.base import Kind
from webapp.progress import LogLine, Progress
from webapp.records.database import now
from webapp.records.estimate import Range
from webapp.records.event import Attempt, Event, attempts_in
from webapp.records.job import Job
from webapp.records.output import Output
from webapp.stream.matches import MatchesState
from webapp.stream.reason import NO_QUEUE, NO_SIGN, STILL, Reason
from webapp.system import SystemState

# Seconds after which a state is read again where no word can come.
SOON = 1.0
# So much after a moment it surely is past.
TICK = 0.05


@dataclass(frozen=True)
class BatchState:
    """How many of a batch's jobs are in each state, and those of them that are next to be looked at."""

    tally: Counter[str]
    jobs: Sequence[JobState]

    @property
    def more(self) -> int:
        """How many there are besides these."""
        return max(self.tally.total() - len(self.jobs), 0)


# A struct: with each update of a running job another is made of it, at a tenth of what that costs otherwise.
class JobState(Struct, frozen=True):
    """A job with what is true of it now. `live_known` is False while Redis can't say; `moves` says that its attempt
    runs and is heard of: of the next state only the progress may differ."""

    job: Job
    kind: Kind
    progress: Progress | None = None
    lines: Sequence[LogLine] = ()
    live_known: bool = True
    moves: bool = False
    place: int | None = None
    reason: Reason | None = None
    starts_in: float | None = None
    left: Range | None = None
    events: Sequence[Event] = ()
    outputs: Sequence[Output] = ()
    batch: BatchState | None = None

    @property
    def files(self) -> list[Output]:
        """What people can download of its outputs."""
        return [output for output in self.outputs if output.lasting]

    @property
    def resumes_at(self) -> str | None:
        """The stage at which another attempt would begin; None if at the first."""
        return resumes_at(self.kind, self.outputs, basis(self.kind, self.job.params, self.job.file_key))

    @property
    def ended(self) -> bool:
        return not self.moves and self.job.ended

    @property
    def stumbled(self) -> str | None:
        """Why the last attempt was given up."""
        return next((event.detail.get("reason") for event in reversed(self.events) if event.name == "released"), None)

    @property
    def unheard(self) -> bool:
        """Whether it is told that its worker gives no sign."""
        return self.reason is not None and self.reason.words == NO_SIGN

    @property
    def attempts(self) -> list[Attempt]:
        """By its history, which only a job that is looked at by itself has."""
        return attempts_in(self.events)

    @property
    def position(self) -> int:
        """The number of the newest log line."""
        return self.lines[-1].n if self.lines else 0

    @property
    def look_again(self) -> float | None:
        """Seconds after which it is to be read again though nothing was said of it."""
        if self.moves:
            # Then it is to be said that nothing moves, if that is not said yet.
            return None if self.reason else self._seconds_until_still + TICK
        if not self.live_known or self.reason == NO_QUEUE or (self.batch and self.batch.tally["processing"]):
            return SOON
        if self.job.resting and self.job.run_at:
            # From then on it has a place in the line.
            return max((self.job.run_at - now()).total_seconds(), 0.0) + TICK
        return None

    @property
    def _seconds_until_still(self) -> float:
        return max(self.progress.updated_at + STILL - time.time(), SOON) if self.progress else STILL

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


@dataclass(frozen=True)
class SummaryState(JobsState):
    """Beside the newest, how many jobs are in each state."""

    counts: dict[str, int] = field(default_factory=dict)


State = JobState | JobsState | MatchesState | SystemState
