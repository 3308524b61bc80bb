"""When a running attempt is ended by force."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.conftest import Cast
from webapp.kinds import KINDS
from webapp.patience import Patience, limit_of
from webapp.records.database import Database
from webapp.records.job import Job
from webapp.records.worker import Worker
from webapp.runner import Outcome
from webapp.settings import Settings


@pytest.fixture
def job(database: Database, cast: Cast) -> Job:
    with database.transaction() as session:
        queued = Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None)
        job = Job.claim(session, queued.id, Worker.register(session, "here:1").id)
    assert job
    return job


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_attempt_may_take_its_time(database: Database, job: Job) -> None:
    assert not Patience(database, job, grace=0).is_over()


def test_one_that_was_asked_to_stop_has_its_grace(database: Database, job: Job) -> None:
    clock = Clock()
    patience = Patience(database, job, grace=10, clock=clock)
    with database.transaction() as session:
        job.request_cancel(session, by="ben@example.org")
    assert not patience.is_over()
    clock.now = 9.9
    assert not patience.is_over()
    clock.now = 10
    assert patience.is_over()


def test_one_that_counts_no_more_is_ended_at_once(database: Database, job: Job) -> None:
    patience = Patience(database, job, grace=10)
    with database.transaction() as session:
        job.release(session, "The worker was lost.")
    assert patience.is_over()


def test_one_that_outstays_its_time_limit_has_its_grace_to_stop_by_itself(database: Database, job: Job) -> None:
    clock, killed = Clock(), Outcome("cancelled")
    patience = Patience(database, job, grace=10, limit=timedelta(hours=2), clock=clock)
    clock.now = 7209.9
    assert not patience.is_over()
    assert patience.judged(killed) is killed
    clock.now = 7210
    assert patience.is_over()
    ended = patience.judged(killed)
    assert (ended.state, ended.permanent) == ("failed", True)
    assert ended.error == "It took longer than 2 hours, the most that a job of this kind may take."


def test_one_that_was_asked_to_stop_ends_cancelled_though_its_time_is_over(database: Database, job: Job) -> None:
    clock, killed = Clock(), Outcome("cancelled")
    patience = Patience(database, job, grace=10, limit=timedelta(seconds=60), clock=clock)
    with database.transaction() as session:
        job.request_cancel(session, by="ben@example.org")
    patience.is_over()
    clock.now = 100
    assert patience.is_over()
    assert patience.judged(killed) is killed


def test_what_is_set_goes_before_what_the_kind_says(settings: Settings) -> None:
    kind = KINDS["ingest_document"]
    assert limit_of(kind, settings) == kind.time_limit
    for length, limit in ((timedelta(hours=1), timedelta(hours=1)), (timedelta(0), None)):
        assert limit_of(kind, settings.model_copy(update={"time_limits": {kind.name: length}})) == limit


def test_a_database_that_does_not_answer_ends_nothing(database: Database, job: Job) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE jobs RENAME TO hidden")
    assert not Patience(database, job, grace=10).is_over()
