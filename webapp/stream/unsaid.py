"""What changes though nobody says so: a worker falls silent, or word of a change was lost on its way."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.records.version import version_of, versions
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.stream.agenda import Depth
from webapp.stream.load import lease
from webapp.stream.names import Topic
from webapp.stream.reason import silent_since
from webapp.stream.state import JobState


def unsaid(services: Services, known: Mapping[Topic, JobState]) -> dict[Topic, Depth]:
    """Which jobs are not as they are known, and how much of each is to be read again: two queries for all."""
    unended = {topic: state for topic, state in known.items() if not state.ended}
    if not unended:
        return {}
    with services.database.reading() as session:
        present = versions(session, [state.job.id for state in unended.values()])
        signs = Worker.signs(session)
    limit = lease(services)
    silent = {worker_id for worker_id, seen_at in signs.items() if silent_since(seen_at, limit)}
    due: dict[Topic, Depth] = {}
    for topic, state in unended.items():
        if present.get(state.job.id) != version_of(state.job):
            due[topic] = Depth.WHOLE
        elif (state.job.worker_id in silent) != state.unheard:
            due[topic] = Depth.PROGRESS
    return due
