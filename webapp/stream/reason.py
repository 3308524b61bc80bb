"""Why a job does not move, or lingers, in words for everybody, each with the next step for an admin."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from webapp.progress import Progress
from webapp.records.database import now
from webapp.records.estimate import Experience, Range
from webapp.records.job import Job
from webapp.records.rule import EVERYTHING

# Seconds. Longer than this without a change is told; kinds say something several times a second where they can.
STILL = 60.0
# The part of a lease without a sign that is worth a word: more than two beats missed.
SILENT = 0.3
# So much longer than nine of ten took.
SLOW = 1.5
NO_SIGN = "No sign from its worker"


@dataclass(frozen=True)
class Reason:
    """`since` is when it began, if that is known."""

    words: str
    then: str
    step: str
    since: datetime | None = None

    def __str__(self) -> str:
        return f"{self.words}. {self.then}".strip()


NO_WORKER = Reason(
    "No worker is running",
    "It starts as soon as one does.",
    "bin/run keeps workers up: see that it runs and what it has printed. “bin/headway worker” starts one more.",
)
NO_QUEUE = Reason(
    "The queue can’t be reached just now",
    "The job is kept, and starts once the queue is back.",
    "The System page says what to look after.",
)


def why_waiting(job: Job, *, workers: int, redis_answers: bool, held: Mapping[str, str]) -> Reason | None:
    """Of a job in the line that nobody takes; None if it is only not its turn. `held` says what may not begin."""
    if not workers:
        return NO_WORKER
    if not redis_answers:
        return NO_QUEUE
    if why := held.get(job.kind) or held.get(EVERYTHING):
        return Reason(why.removesuffix("."), "", "Pauses and limits are set on the System page.")
    return None


def why_lingering(
    job: Job, progress: Progress | None, experience: Experience, *, silent_since: datetime | None
) -> Reason | None:
    """Of a running job; None if there is no cause for concern."""
    if silent_since:
        return Reason(
            NO_SIGN,
            "If none comes, another worker takes the job over.",
            "If the worker’s machine is up, see whether the process hangs or is stopped.",
            since=silent_since,
        )
    doubt = _still(progress) or _slow(job, experience)
    return None if doubt is None or job.stopping else doubt


def silent_since(seen_at: datetime | None, lease: timedelta) -> datetime | None:
    """The last sign of a worker, if that was too long ago."""
    return seen_at if seen_at and seen_at < now() - lease * SILENT else None


def _still(progress: Progress | None) -> Reason | None:
    if progress is None or progress.updated_at > time.time() - STILL:
        return None
    return Reason(
        "Nothing has moved in it",
        "Its worker is there.",
        "Its log says what it was at. If that should not take so long, cancel it: force is used where need be.",
        since=datetime.fromtimestamp(progress.updated_at, UTC),
    )


def _slow(job: Job, experience: Experience) -> Reason | None:
    usual = experience.usual(job.file_size) if experience.has_ground else None
    if usual is None or job.started_at is None or now() < job.started_at + timedelta(seconds=usual.high * SLOW):
        return None
    return Reason(
        "Slower than usual",
        f"Most of this kind and size took {_words(usual)}.",
        "The System page shows whether the machine is busy with something else.",
    )


def _words(usual: Range) -> str:
    low, high = (f"{end:.0f} s" if end < 100 else f"{end / 60:.0f} min" for end in (usual.low, usual.high))
    return low if low == high else f"{low} to {high}"
