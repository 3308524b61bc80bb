"""What changes though nobody says so is found by asking for all watched jobs at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from tests.conftest import Cast
from webapp.records.database import now
from webapp.records.event import Event
from webapp.records.job import Job
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.stream.agenda import Depth
from webapp.stream.load import load_job
from webapp.stream.names import Topic
from webapp.stream.state import JobState
from webapp.stream.unsaid import unsaid


@pytest.fixture
def jobs(services: Services, cast: Cast) -> list[Job]:
    """One runs, one waits."""
    with services.database.transaction() as session:
        worker = Worker.register(session, "here:1")
        accepted = [Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None) for _ in range(2)]
        running = Job.claim(session, accepted[0].id, worker.id)
    assert running
    return [running, accepted[1]]


def known(services: Services, jobs: list[Job]) -> dict[Topic, JobState]:
    states = [load_job(services, job.id) for job in jobs]
    return {Topic("job", state.job.id): state for state in states if state}


def test_what_is_as_it_is_known_is_left_alone(services: Services, jobs: list[Job]) -> None:
    assert unsaid(services, known(services, jobs)) == {}
    assert unsaid(services, {}) == {}


def test_a_change_of_which_no_word_came_is_found(services: Services, jobs: list[Job]) -> None:
    states = known(services, jobs)
    services.database.announce = None
    with services.database.transaction() as session:
        jobs[1].request_cancel(session, by="ben")
    assert unsaid(services, states) == {Topic("job", jobs[1].id): Depth.WHOLE}
    assert unsaid(services, known(services, jobs)) == {}


def test_a_job_that_is_gone_is_missed(services: Services, jobs: list[Job]) -> None:
    states = known(services, jobs)
    with services.database.transaction() as session:
        session.execute(delete(Event).where(Event.job_id == jobs[1].id))
        session.execute(delete(Job).where(Job.id == jobs[1].id))
    assert unsaid(services, states) == {Topic("job", jobs[1].id): Depth.WHOLE}


def test_of_a_worker_that_falls_silent_and_comes_back_its_jobs_are_told(services: Services, jobs: list[Job]) -> None:
    states, topic = known(services, jobs), Topic("job", jobs[0].id)
    silence(services, timedelta(seconds=services.settings.worker_lease) * 0.6)
    assert unsaid(services, states) == {topic: Depth.PROGRESS}
    told = known(services, jobs)
    assert told[topic].unheard
    assert unsaid(services, told) == {}
    silence(services, timedelta())
    assert unsaid(services, told) == {topic: Depth.PROGRESS}


def silence(services: Services, length: timedelta) -> None:
    with services.database.transaction() as session:
        session.execute(update(Worker).values(seen_at=now() - length))
