"""How long jobs were said to take, and how long they took: estimates that are held to account.

A point estimate is multiplied by how far earlier ones of the same kind, made at the same quarter of
the work, were from the truth: the tenth and the ninetieth percentile of those ratios make a range
that held for 80 % of them.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import ForeignKey, Index, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.progress import Progress
from webapp.records.database import Base, UTCDateTime, now
from webapp.records.job import BATCH, Job

# With fewer than this to go by nothing is said.
GROUND = 10
REMEMBERED = 100
INSIDE = 0.8
# Sooner than this neither a rate nor its error means anything.
SHORTEST = 0.5
# Seconds for which what was read is good enough.
FRESH = 5.0


@dataclass(frozen=True)
class Range:
    """Seconds, from `low` to `high`."""

    low: float
    high: float


class Estimate(Base):
    __tablename__ = "estimates"
    __table_args__ = (UniqueConstraint("job_id", "attempt", "quarter"), Index("ix_estimates_kind", "kind", "quarter"))

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    kind: Mapped[str]
    quarter: Mapped[int]
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    seconds: Mapped[float]
    low: Mapped[float | None]
    high: Mapped[float | None]

    @classmethod
    def note(cls, session: Session, job_id: int, attempt: int, kind: str, quarter: int, seconds: float) -> None:
        """Keep what is said at a quarter of the work (0 to 3), to be compared with the truth later."""
        # As it is kept, so it is said: else the past would be no measure for it.
        seconds = max(seconds, SHORTEST)
        said = range_around(seconds, _ratios(session, kind, quarter))
        low, high = (said.low, said.high) if said else (None, None)
        session.add(
            cls(
                job_id=job_id,
                attempt=attempt,
                kind=kind,
                quarter=quarter,
                at=now(),
                seconds=seconds,
                low=low,
                high=high,
            )
        )


@dataclass(frozen=True)
class Experience:
    """What the newest completed jobs of a kind tell of those to come.

    `past`: the logarithms of their sizes and of the seconds they took; `ratios`: for each quarter, how much longer
    they took than was said then, 1.0 where it was right.
    """

    past: Sequence[tuple[float, float]]
    ratios: Mapping[int, Sequence[float]]

    @classmethod
    def of(cls, session: Session, kind: str) -> Experience:
        return cls(_past(session, kind), {quarter: _ratios(session, kind, quarter) for quarter in range(4)})

    @property
    def has_ground(self) -> bool:
        return len(self.past) >= GROUND

    def duration(self, size: int | None) -> float | None:
        """Seconds that a job of this size takes; None without ground."""
        if not self.has_ground:
            return None
        return math.exp(self._line(math.log(size or 1)))

    def usual(self, size: int | None) -> Range | None:
        """How long most jobs of this size take, from first to last; None without ground."""
        whole = self.duration(size)
        if whole is None:
            return None
        return range_around(whole, self._spread)

    # Both are asked for at every update of every job.
    @cached_property
    def _line(self) -> Callable[[float], float]:
        return _line_through(self.past)

    @cached_property
    def _spread(self) -> Sequence[float]:
        """How much longer each took than the line says."""
        return [math.exp(took - self._line(at)) for at, took in self.past]

    def left(self, size: int | None, progress: Progress) -> Range | None:
        """How long a running job may still take; None without ground for it."""
        seconds = progress.seconds_left
        if seconds is not None:
            return range_around(max(seconds, SHORTEST), self.ratios[quarter_of(progress)])
        whole = self.duration(size)
        if whole is None:
            return None
        rest = whole * (1 - progress.kept_fraction) - progress.elapsed
        return range_around(max(rest, SHORTEST), self.ratios[0])


class Experiences:
    """The experience with each kind, read anew every so often: pages ask for it with every update of each job."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[str, tuple[float, Experience]] = {}
        self._pace: tuple[float, float | None] = (0.0, None)

    def of(self, session: Session, kind: str) -> Experience:
        until, experience = self._kinds.get(kind, (0.0, None))
        if experience is None or until < self._clock():
            experience = Experience.of(session, kind)
            self._kinds[kind] = self._clock() + FRESH, experience
        return experience

    def seconds_to_start(self, session: Session, place: int, workers: int) -> float | None:
        """How long until a place in the line is reached, by what jobs took of late; None without ground."""
        until, pace = self._pace
        if until < self._clock():
            pace = mean_seconds(session)
            self._pace = self._clock() + FRESH, pace
        return pace * place / workers if pace is not None and workers else None


def mean_seconds(session: Session) -> float | None:
    """What the newest completed jobs of all kinds took; None without ground."""
    query = select(Job.started_at, Job.finished_at).where(Job.state == "completed", Job.kind != BATCH)
    newest = query.order_by(Job.id.desc()).limit(REMEMBERED)
    took = [_seconds(began, ended) for began, ended in session.execute(newest) if began and ended]
    return statistics.fmean(took) if len(took) >= GROUND else None


def quarter_of(progress: Progress) -> int:
    """`0.3` of the work → 1."""
    return min(int(progress.fraction * 4), 3)


def range_around(seconds: float, past: Sequence[float]) -> Range | None:
    """The range that would have held for 80 % of the past, had it been said like this each time."""
    if len(past) < GROUND:
        return None
    ordered = sorted(past)
    edge = (1 - INSIDE) / 2
    low = ordered[max(math.floor((len(ordered) + 1) * edge) - 1, 0)]
    high = ordered[min(math.ceil((len(ordered) + 1) * (1 - edge)) - 1, len(ordered) - 1)]
    return Range(seconds * low, seconds * high)


@dataclass(frozen=True)
class Held:
    """Of a kind's ranges at a quarter, how many held what they said."""

    kind: str
    quarter: int
    said: int
    inside: int


def accounts(session: Session) -> list[Held]:
    """How often the truth fell inside the range, by kind and quarter."""
    query = (
        select(Estimate.kind, Estimate.quarter, Estimate.low, Estimate.high, Estimate.at, Job.finished_at)
        .join(Job, (Job.id == Estimate.job_id) & (Job.attempt == Estimate.attempt))
        .where(Job.state == "completed", Estimate.low.is_not(None))
        .order_by(Estimate.kind, Estimate.quarter)
    )
    held: dict[tuple[str, int], list[bool]] = {}
    for kind, quarter, low, high, at, ended in session.execute(query):
        if low is not None and high is not None and ended is not None:
            held.setdefault((kind, quarter), []).append(low <= (ended - at).total_seconds() <= high)
    return [Held(kind, quarter, len(found), sum(found)) for (kind, quarter), found in held.items()]


def _seconds(began: datetime, ended: datetime) -> float:
    return max((ended - began) / timedelta(seconds=1), SHORTEST)


def _past(session: Session, kind: str) -> list[tuple[float, float]]:
    """Of the newest completed jobs of a kind: the logarithms of their sizes and of what they took."""
    query = select(Job.file_size, Job.started_at, Job.finished_at).where(Job.state == "completed", Job.kind == kind)
    # A later attempt may have gone on where another was, and tells only of the rest.
    query = query.where(Job.attempt == 1)
    rows = session.execute(query.order_by(Job.id.desc()).limit(REMEMBERED))
    return [(math.log(size or 1), math.log(_seconds(began, ended))) for size, began, ended in rows if began and ended]


def _ratios(session: Session, kind: str, quarter: int) -> list[float]:
    query = (
        select(Estimate.seconds, Estimate.at, Job.finished_at)
        .join(Job, (Job.id == Estimate.job_id) & (Job.attempt == Estimate.attempt))
        .where(Estimate.kind == kind, Estimate.quarter == quarter, Job.state == "completed")
        .order_by(Estimate.id.desc())
        .limit(REMEMBERED)
    )
    rows = session.execute(query)
    return [max((ended - at).total_seconds(), 0.0) / seconds for seconds, at, ended in rows if ended]


def _line_through(points: Sequence[tuple[float, float]]) -> Callable[[float], float]:
    """The line through the points, level beyond their ends; their median where they all stand at one x."""
    xs, ys = zip(*points, strict=True)
    first, last = min(xs), max(xs)
    if last - first < 0.1:
        median = statistics.median(ys)
        return lambda _x: median
    slope, intercept = statistics.linear_regression(xs, ys)
    return lambda x: intercept + slope * min(max(x, first), last)
