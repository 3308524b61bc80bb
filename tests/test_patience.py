"""When a running attempt is ended by force."""

from __future__ import annotations

import pytest

from tests.conftest import Cast
from webapp.patience import Patience
from webapp.records.database import Database
from webapp.records.job import Job
from webapp.records.worker import Worker


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


def test_a_database_that_does_not_answer_ends_nothing(database: Database, job: Job) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE jobs RENAME TO hidden")
    assert not Patience(database, job, grace=10).is_over()
