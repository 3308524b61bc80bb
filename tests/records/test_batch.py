"""Batches: a batch is where the jobs in it are together."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.conftest import Cast
from webapp.records import ended
from webapp.records.batch import Batch as BatchRow
from webapp.records.database import Change, Database, now
from webapp.records.event import Event
from webapp.records.job import NO_TRACE, Job
from webapp.records.line import Line, may_begin, next_job
from webapp.records.rule import EVERYTHING, Rule, why_held
from webapp.records.traffic import Traffic
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.sweeper import close_abandoned


class Batch:
    """A batch of Ben's, its jobs, and a worker for them."""

    def __init__(self, database: Database, cast: Cast, jobs: int, *, close: bool = True) -> None:
        self.database = database
        with database.transaction() as session:
            self.worker_id = Worker.register(session, "here:1").id
            self.id = BatchRow.open(session, owner_id=cast.ben.id, name="3 files").id
        self.jobs = [self.add(cast.ben.id) for _ in range(jobs)]
        if close:
            self.close()

    def add(self, owner_id: int, entry: str | None = None) -> Job:
        with self.database.transaction() as session:
            return Job.accept(
                session, kind="checksum", owner_id=owner_id, params={}, file=None, batch_id=self.id, entry=entry
            )

    def close(self) -> None:
        with self.database.transaction() as session:
            session.get_one(BatchRow, self.id).close(session)

    def run(self, job: Job, *, error: str | None = None) -> None:
        """One attempt at a job, from its claim to its end."""
        self.claim(job)
        with self.database.transaction() as session:
            running = session.get_one(Job, job.id)
            assert running.fail(session, error, NO_TRACE) if error else running.complete(session, {}, NO_TRACE)

    def claim(self, job: Job) -> None:
        with self.database.transaction() as session:
            assert Job.claim(session, job.id, self.worker_id)

    def cancel(self) -> list[Job]:
        with self.database.transaction() as session:
            batch = session.get_one(BatchRow, self.id)
            assert batch.request_cancel(session, by="ben")
            return batch.cancel_its_jobs(session, by="ben")

    def retry(self) -> list[Job]:
        with self.database.transaction() as session:
            return session.get_one(BatchRow, self.id).retry_its_jobs(session, by="ben")

    @property
    def row(self) -> Job:
        with self.database.reading() as session:
            found = Job.find(session, self.id)
        assert found
        return found

    @property
    def history(self) -> list[str]:
        with self.database.reading() as session:
            return [event.name for event in Event.of(session, self.id)]


@pytest.fixture
def batch(database: Database, cast: Cast) -> Batch:
    return Batch(database, cast, jobs=3)


def test_a_batch_runs_from_its_first_job_to_its_last(batch: Batch) -> None:
    assert batch.row.state == "queued"
    batch.claim(batch.jobs[0])
    assert (batch.row.state, batch.row.started_at is not None) == ("processing", True)
    with batch.database.transaction() as session:
        session.get_one(Job, batch.jobs[0].id).complete(session, {}, NO_TRACE)
    batch.run(batch.jobs[1])
    assert batch.row.state == "processing"
    batch.run(batch.jobs[2])
    assert batch.row.state == "completed"
    assert batch.row.result == {"jobs": 3, "completed": 3, "failed": 0, "cancelled": 0}
    assert batch.history == ["queued", "started", "completed"]


def test_a_batch_in_which_a_job_failed_has_failed_and_says_how_many(batch: Batch) -> None:
    batch.run(batch.jobs[0], error="bad")
    batch.run(batch.jobs[1])
    assert batch.row.state == "processing"
    batch.run(batch.jobs[2])
    assert (batch.row.state, batch.row.error) == ("failed", "1 of 3 jobs failed.")


def test_retrying_a_batch_retries_what_did_not_come_to_a_good_end(batch: Batch) -> None:
    batch.run(batch.jobs[0], error="bad")
    for job in batch.jobs[1:]:
        batch.run(job)
    assert [job.id for job in batch.retry()] == [batch.jobs[0].id]
    assert (batch.row.state, batch.row.error, batch.row.finished_at) == ("processing", None, None)
    batch.run(batch.jobs[0])
    assert batch.row.state == "completed"


def test_retrying_one_job_opens_its_batch_again(batch: Batch) -> None:
    for job in batch.jobs:
        batch.run(job, error="bad")
    with batch.database.transaction() as session:
        assert session.get_one(Job, batch.jobs[1].id).retry(session, by="ben")
    assert batch.row.state == "processing"


def test_a_batch_itself_is_not_retried_without_its_jobs(batch: Batch) -> None:
    batch.run(batch.jobs[0], error="bad")
    batch.cancel()
    with batch.database.transaction() as session:
        assert not session.get_one(Job, batch.id).retry(session, by="ben")


def test_cancelling_a_batch_cancels_what_waits_and_asks_what_runs(batch: Batch) -> None:
    batch.claim(batch.jobs[0])
    assert [job.id for job in batch.cancel()] == [batch.jobs[0].id]
    assert (batch.row.state, batch.row.stopping) == ("processing", True)
    with batch.database.transaction() as session:
        running = session.get_one(Job, batch.jobs[0].id)
        assert running.cancelled(session, NO_TRACE)
    assert batch.row.state == "cancelled"
    assert batch.row.result == {"jobs": 3, "completed": 0, "failed": 0, "cancelled": 3}


def test_a_batch_that_waits_is_cancelled_at_once_and_can_be_retried(batch: Batch) -> None:
    batch.cancel()
    assert batch.row.state == "cancelled"
    assert len(batch.retry()) == 3
    assert (batch.row.state, batch.row.stopping) == ("queued", False)


def test_one_job_that_is_cancelled_does_not_spoil_its_batch(batch: Batch) -> None:
    batch.run(batch.jobs[0])
    batch.run(batch.jobs[1])
    with batch.database.transaction() as session:
        session.get_one(Job, batch.jobs[2].id).request_cancel(session, by="ben")
    assert batch.row.state == "completed"


def test_an_open_batch_does_not_end_though_all_in_it_has(database: Database, cast: Cast) -> None:
    batch = Batch(database, cast, jobs=1, close=False)
    batch.run(batch.jobs[0])
    assert batch.row.state == "processing"
    batch.close()
    assert batch.row.state == "completed"


def test_an_open_batch_takes_jobs_until_it_is_cancelled(database: Database, cast: Cast) -> None:
    batch = Batch(database, cast, jobs=1, close=False)
    with database.transaction() as session:
        assert session.get_one(BatchRow, batch.id).takes_jobs(session)
        assert not isinstance(session.get_one(Job, batch.jobs[0].id), BatchRow)
    batch.cancel()
    with database.transaction() as session:
        assert not session.get_one(BatchRow, batch.id).takes_jobs(session)


def test_a_batch_that_got_no_job_is_not_kept(database: Database, cast: Cast) -> None:
    batch = Batch(database, cast, jobs=0)
    with database.reading() as session:
        assert Job.find(session, batch.id) is None


def test_a_batch_that_is_cancelled_before_it_got_a_job_is_kept_as_that(database: Database, cast: Cast) -> None:
    batch = Batch(database, cast, jobs=0, close=False)
    batch.cancel()
    assert (batch.row.state, batch.row.is_open) == ("cancelled", False)
    assert batch.retry() == []
    assert batch.row.state == "cancelled"


def test_a_batch_stays_as_it_ended_when_its_jobs_are_no_longer_kept(batch: Batch) -> None:
    batch.run(batch.jobs[0], error="No.")
    for job in batch.jobs[1:]:
        batch.run(job)
    with batch.database.transaction() as session:
        ended.remove(session, [job.id for job in batch.jobs])
    assert batch.retry() == []
    assert batch.row.state == "failed"


def test_a_batch_is_on_no_worker_in_no_line_and_in_no_count(batch: Batch) -> None:
    batch.claim(batch.jobs[0])
    with batch.database.reading() as session:
        assert next_job(session) == batch.jobs[1].id
        assert Line(session).place(batch.row) is None
        assert Job.held_by_lost_workers(session) == []
        assert batch.id not in may_begin(session, at_most=9)
        assert (Traffic.now(session).running, Traffic.now(session).waiting) == (1, 2)
    with batch.database.transaction() as session:
        Rule.of(session, EVERYTHING).limit(session, at_most=2)
        assert why_held(session) == {}


def test_whoever_watches_a_batch_hears_of_its_jobs(batch: Batch) -> None:
    heard: list[Change] = []
    batch.database.announce = heard.extend
    batch.claim(batch.jobs[0])
    assert batch.id in {change.id for change in heard if change.noun == "job"}


def test_deleting_a_batch_deletes_its_jobs_but_not_before_its_end(batch: Batch) -> None:
    batch.run(batch.jobs[0])
    with batch.database.transaction() as session:
        assert ended.remove(session, [batch.id]).job_ids == []
        assert ended.oldest(session, after=None, limit=10) == []
    for job in batch.jobs[1:]:
        batch.run(job)
    with batch.database.transaction() as session:
        assert len(ended.oldest(session, after=None, limit=10)) == 4
        assert set(ended.remove(session, [batch.id]).job_ids) == {batch.id, *(job.id for job in batch.jobs)}


def test_a_batch_whose_sender_went_away_is_closed_after_a_while(services: Services, cast: Cast) -> None:
    batch = Batch(services.database, cast, jobs=1, close=False)
    later = now() + timedelta(minutes=1)
    with services.database.reading() as session:
        assert BatchRow.abandoned(session, batch.row.created_at) == []
        assert [one.id for one in BatchRow.abandoned(session, later)] == [batch.id]
    with services.database.transaction() as session:
        for job in (batch.id, batch.jobs[0].id):
            session.execute(update(Job).where(Job.id == job).values(created_at=now() - timedelta(hours=2)))
    close_abandoned(services)
    assert not batch.row.is_open
