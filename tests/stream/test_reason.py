"""Why a job does not move, or lingers: each state of things and the words for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.conftest import Cast
from webapp.progress import Progress, StageProgress
from webapp.records.database import Database, now
from webapp.records.estimate import Experience
from webapp.records.job import NO_TRACE, Job
from webapp.records.rule import EVERYTHING, Rule, why_held
from webapp.records.worker import Worker
from webapp.stream.reason import NO_QUEUE, NO_WORKER, Reason, silent_since, why_lingering, why_waiting

LEASE = timedelta(seconds=20)


def accepted(database: Database, cast: Cast) -> Job:
    with database.transaction() as session:
        return Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None)


@pytest.fixture
def waiting(database: Database, cast: Cast) -> Job:
    return accepted(database, cast)


@pytest.fixture
def running(database: Database, waiting: Job) -> Job:
    return claimed(database, waiting)


def claimed(database: Database, job: Job) -> Job:
    with database.transaction() as session:
        worker = Worker.register(session, "here:1")
        found = Job.claim(session, job.id, worker.id)
    assert found
    return found


def moved(ago: float = 0) -> Progress:
    at = now().timestamp() - ago
    return Progress(attempt=1, started_at=at - 100, updated_at=at, stages=[StageProgress("reading")])


def lingering(database: Database, job: Job, progress: Progress | None = None) -> Reason | None:
    with database.reading() as session:
        experience, present = Experience.of(session, "checksum"), session.get_one(Job, job.id)
        silent = silent_since(present.worker.seen_at if present.worker else None, LEASE)
        return why_lingering(present, progress or moved(), experience, silent_since=silent)


def test_it_is_only_not_its_turn(database: Database, waiting: Job) -> None:
    with database.reading() as session:
        assert why_waiting(waiting, workers=1, redis_answers=True, held=why_held(session)) is None


def test_nothing_can_take_it(database: Database, waiting: Job) -> None:
    with database.reading() as session:
        assert why_waiting(waiting, workers=0, redis_answers=True, held=why_held(session)) == NO_WORKER
        assert why_waiting(waiting, workers=1, redis_answers=False, held=why_held(session)) == NO_QUEUE


def test_it_is_paused_or_at_a_limit(database: Database, waiting: Job, cast: Cast) -> None:
    with database.transaction() as session:
        Rule.of(session, "checksum").pause(session, by="ada")
        assert str(why_waiting(waiting, workers=1, redis_answers=True, held=why_held(session))) == "Paused by ada."
        Rule.of(session, "checksum").resume(session)
        Rule.of(session, EVERYTHING).limit(session, at_most=1)
    claimed(database, accepted(database, cast))
    with database.reading() as session:
        said = str(why_waiting(waiting, workers=1, redis_answers=True, held=why_held(session)))
    assert said == "As many run at once as may: 1."


def test_a_job_that_goes_its_way_lingers_not(database: Database, running: Job) -> None:
    assert lingering(database, running) is None


def test_its_worker_gives_no_sign(database: Database, running: Job) -> None:
    with database.transaction() as session:
        session.execute(update(Worker).values(seen_at=now() - LEASE * 0.5))
    reason = lingering(database, running)
    assert reason
    assert reason.words == "No sign from its worker"
    assert reason.since


def test_nothing_moves_in_it_though_its_worker_is_there(database: Database, running: Job) -> None:
    assert lingering(database, running, moved(ago=55)) is None
    reason = lingering(database, running, moved(ago=65))
    assert reason
    assert reason.words == "Nothing has moved in it"


def test_of_what_is_stopping_it_is_not_said_that_nothing_moves(database: Database, running: Job) -> None:
    with database.transaction() as session:
        running.request_cancel(session, by="ben")
    assert lingering(database, running, moved(ago=65)) is None


def test_it_is_slower_than_others_were(database: Database, cast: Cast) -> None:
    for _ in range(12):
        job = claimed(database, accepted(database, cast))
        with database.transaction() as session:
            job.complete(session, {}, NO_TRACE)
            session.execute(
                update(Job).where(Job.id == job.id).values(finished_at=job.started_at + timedelta(seconds=4))
            )
    slow = claimed(database, accepted(database, cast))
    assert lingering(database, slow) is None
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == slow.id).values(started_at=now() - timedelta(seconds=10)))
    assert str(lingering(database, slow)) == "Slower than usual. Most of this kind and size took 4 s."
