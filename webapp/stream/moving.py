"""Running jobs of which only the progress is new: all of a tick are read in one round trip, and none from SQL."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property

from msgspec.structs import replace
from sqlalchemy.orm import Session

from webapp.live.client import LiveUnavailable
from webapp.live.job_live import Live, Shown
from webapp.progress import Progress
from webapp.records.job import Job
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.stream.agenda import Depth
from webapp.stream.load import lease
from webapp.stream.names import Topic
from webapp.stream.reason import silent_since, why_lingering
from webapp.stream.state import JobState, State

# Seconds: who has spoken so lately needs no other sign of life.
FRESH = 3.0


def move_on(services: Services, asked: Mapping[Topic, tuple[State, Depth]]) -> dict[Topic, State]:
    """What they are like now; those that are missing have to be read whole.

    A state in which nothing has changed is the same object as before.
    """
    moving = {topic: state for topic, (state, _) in asked.items() if isinstance(state, JobState) and state.moves}
    shown = [
        Shown(topic.id, state.job.attempt, state.position if asked[topic][1] == Depth.LINES else None)
        for topic, state in moving.items()
    ]
    try:
        lives = services.live.read_on(shown) if shown else []
    except LiveUnavailable:
        return {}
    with services.database.reading() as session:
        ahead = _Ahead(services, session)
        return {
            topic: ahead.moved(state, live)
            for (topic, state), live in zip(moving.items(), lives, strict=True)
            if live.progress and live.known
        }


class _Ahead:
    """What it takes to tell how a job goes on: asked for once for all jobs, and only if one of them needs it."""

    def __init__(self, services: Services, session: Session) -> None:
        self._experiences = services.experiences
        self._lease = lease(services)
        self._session = session

    def moved(self, before: JobState, live: Live) -> JobState:
        job, progress = before.job, live.progress
        assert progress
        experience = self._experiences.of(self._session, before.kind.name)
        reason = why_lingering(job, progress, experience, silent_since=self._silent_since(job, progress))
        if progress == before.progress and reason == before.reason and not live.lines:
            return before
        return replace(
            before,
            progress=progress,
            lines=live.after(before.lines) if live.lines else before.lines,
            reason=reason,
            left=experience.left(job.file_size, progress),
        )

    def _silent_since(self, job: Job, progress: Progress) -> datetime | None:
        if progress.updated_at > time.time() - FRESH:
            return None
        return silent_since(self._signs.get(job.worker_id or 0), self._lease)

    @cached_property
    def _signs(self) -> dict[int, datetime]:
        return Worker.signs(self._session)
