"""Running jobs of which only the progress is new: all of a tick are read in one round trip, and none from SQL."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy.orm import Session

from webapp.live.client import LiveUnavailable
from webapp.live.job_live import Live, Shown
from webapp.progress import Progress
from webapp.records.job import Job
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.stream.agenda import Depth
from webapp.stream.names import Topic
from webapp.stream.reason import silent_since, why_lingering
from webapp.stream.state import JobState, State, lease

# Seconds: who has spoken so lately needs no other sign of life.
FRESH = 3.0


def move_on(services: Services, asked: Mapping[Topic, tuple[State, Depth]]) -> dict[Topic, State]:
    """What they are like now; those that are missing have to be read whole.

    A state in which nothing has changed is the same object as before.
    """
    running = {
        topic: (state, depth)
        for topic, (state, depth) in asked.items()
        if isinstance(state, JobState) and state.job.state == "processing" and not state.batch and state.live_known
    }
    shown = [
        Shown(state.job.id, state.job.attempt, state.position if depth == Depth.LINES else None)
        for state, depth in running.values()
    ]
    try:
        lives = services.live.read_on(shown) if shown else []
    except LiveUnavailable:
        return {}
    with services.database.reading() as session:
        signs = _Signs(session, lease(services))
        return {
            topic: _moved(services, signs, state, live)
            for (topic, (state, _)), live in zip(running.items(), lives, strict=True)
            if live.progress and live.known
        }


def _moved(services: Services, signs: _Signs, before: JobState, live: Live) -> JobState:
    job, progress = before.job, live.progress
    assert progress
    experience = services.experiences.of(signs.session, job.kind)
    reason = why_lingering(job, progress, experience, silent_since=signs.silent_since(job, progress))
    if progress == before.progress and reason == before.reason and not live.lines:
        return before
    return replace(
        before,
        progress=progress,
        lines=live.after(before.lines) if live.lines else before.lines,
        reason=reason,
        left=experience.left(job.file_size, progress),
    )


class _Signs:
    """The last signs of workers, read only if somebody needs them."""

    def __init__(self, session: Session, lease: timedelta) -> None:
        self.session = session
        self._lease = lease
        self._all: dict[int, datetime] | None = None

    def silent_since(self, job: Job, progress: Progress) -> datetime | None:
        if progress.updated_at > time.time() - FRESH:
            return None
        if self._all is None:
            self._all = Worker.signs(self.session)
        return silent_since(self._all.get(job.worker_id or 0), self._lease)
