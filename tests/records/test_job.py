"""The job's state machine: each verb, its guard, and the fence by attempt number."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from tests.conftest import Cast
from webapp.progress import LogLine, Progress
from webapp.records.database import Change, Database, now
from webapp.records.event import Event
from webapp.records.job import NO_TRACE, Job, RetryPolicy, Trace
from webapp.records.line import Line, may_begin
from webapp.records.listing import JobFilter, matching
from webapp.records.stored_file import StoredFile
from webapp.records.worker import Worker

NOBODY = 10**6
POLICY = RetryPolicy(tries=3, first_delay=10)


@pytest.fixture
def worker_id(database: Database) -> int:
    with database.transaction() as session:
        return Worker.register(session, "here:1").id


def accepted(database: Database, owner_id: int, name: str = "report.pdf") -> Job:
    file = StoredFile(key="ab/1", name=name, size=5, sha256="ab" * 32, media_type="application/pdf")
    with database.transaction() as session:
        return Job.accept(session, kind="checksum", owner_id=owner_id, params={}, file=file)


def claimed(database: Database, job: Job, worker_id: int) -> Job:
    with database.transaction() as session:
        found = Job.claim(session, job.id, worker_id)
    assert found is not None
    return found


def stored(database: Database, job: Job) -> Job:
    with database.reading() as session:
        found = Job.find(session, job.id)
    assert found is not None
    return found


def event_names(database: Database, job: Job) -> list[str]:
    with database.reading() as session:
        return [event.name for event in Event.of(session, job.id)]


def test_a_job_goes_from_queued_over_processing_to_completed(database: Database, cast: Cast, worker_id: int) -> None:
    job = claimed(database, accepted(database, cast.ben.id), worker_id)
    assert (job.state, job.attempt, job.worker_name) == ("processing", 1, "here:1")
    trace = Trace(Progress(attempt=1, started_at=1, updated_at=2, fraction=1), [LogLine(n=1, at=1, text="read")])
    with database.transaction() as session:
        assert job.complete(session, {"size": 5}, trace)
    done = stored(database, job)
    assert (done.state, done.result, done.last_lines[0]["text"]) == ("completed", {"size": 5}, "read")
    assert event_names(database, job) == ["queued", "claimed", "completed"]


def test_a_job_that_is_delivered_twice_is_claimed_once(database: Database, cast: Cast, worker_id: int) -> None:
    job = accepted(database, cast.ben.id)
    claimed(database, job, worker_id)
    with database.transaction() as session:
        assert Job.claim(session, job.id, worker_id) is None
    assert stored(database, job).attempt == 1


def test_what_an_older_attempt_says_changes_nothing(database: Database, cast: Cast, worker_id: int) -> None:
    older = claimed(database, accepted(database, cast.ben.id), worker_id)
    with database.transaction() as session:
        assert older.release(session, "worker lost")
    newer = claimed(database, older, worker_id)
    with database.transaction() as session:
        assert not older.complete(session, {"from": "the older"}, NO_TRACE)
        assert not older.fail(session, "the older failed", NO_TRACE)
    assert (newer.attempt, stored(database, newer).state) == (2, "processing")
    assert "completed" not in event_names(database, newer)


def test_a_lost_attempt_is_tried_again_until_the_tries_are_used_up(
    database: Database, cast: Cast, worker_id: int
) -> None:
    job = accepted(database, cast.ben.id)
    for attempt in range(1, POLICY.tries + 1):
        job = claimed(database, job, worker_id)
        assert job.attempt == attempt
        with database.transaction() as session:
            job.lose(session, "The worker was lost.", POLICY)
    lost = stored(database, job)
    assert (lost.state, lost.error) == ("failed", "The worker was lost.")


def test_an_attempt_that_stumbles_is_tried_again_after_a_rest(database: Database, cast: Cast, worker_id: int) -> None:
    job = claimed(database, accepted(database, cast.ben.id), worker_id)
    with database.transaction() as session:
        assert job.stumble(session, "The disk was full.", POLICY, NO_TRACE)
    resting = stored(database, job)
    assert (resting.state, resting.resting) == ("queued", True)
    assert resting.run_at
    assert timedelta(seconds=4) < resting.run_at - now() < timedelta(seconds=15)
    with database.transaction() as session:
        assert Job.claim(session, job.id, worker_id) is None
        assert may_begin(session, at_most=9) == []
        assert Line(session).place(resting) is None


def test_later_rests_are_longer_and_have_an_end() -> None:
    rests = [POLICY.delay(tries).total_seconds() for tries in range(1, 20)]
    assert 5 <= rests[0] <= 15
    assert 20 <= rests[2] <= 60
    assert max(rests) <= 900


def test_a_person_may_retry_a_resting_job_at_once_and_a_failed_one_anew(
    database: Database, cast: Cast, worker_id: int
) -> None:
    job = claimed(database, accepted(database, cast.ben.id), worker_id)
    with database.transaction() as session:
        job.stumble(session, "The disk was full.", POLICY, NO_TRACE)
        assert job.retry(session, by="ben@example.org")
    job = claimed(database, job, worker_id)
    with database.transaction() as session:
        assert not job.retry(session, by="ben@example.org")
        job.fail(session, "No such page.", NO_TRACE)
    with database.transaction() as session:
        assert job.retry(session, by="ben@example.org")
    again = stored(database, job)
    assert (again.state, again.error, again.tries, again.attempt) == ("queued", None, 0, 2)
    assert claimed(database, again, worker_id).attempt == 3


def test_a_job_that_its_worker_hands_back_has_lost_no_try(database: Database, cast: Cast, worker_id: int) -> None:
    job = accepted(database, cast.ben.id)
    for _ in range(POLICY.tries + 2):
        job = claimed(database, job, worker_id)
        with database.transaction() as session:
            assert job.hand_back(session, "The worker was stopped.")
    assert (stored(database, job).state, stored(database, job).tries) == ("queued", 0)


def test_a_queued_job_is_cancelled_at_once(database: Database, cast: Cast) -> None:
    job = accepted(database, cast.ben.id)
    with database.transaction() as session:
        assert job.request_cancel(session, by="ben@example.org")
    assert stored(database, job).state == "cancelled"


def test_a_running_job_is_asked_to_stop_and_says_so_until_it_has(
    database: Database, cast: Cast, worker_id: int
) -> None:
    job = claimed(database, accepted(database, cast.ben.id), worker_id)
    with database.transaction() as session:
        assert job.request_cancel(session, by="ben@example.org")
        assert not job.request_cancel(session, by="ada@example.org")
    assert stored(database, job).stopping
    with database.transaction() as session:
        assert job.cancelled(session, NO_TRACE)
    assert (stored(database, job).state, stored(database, job).stopping) == ("cancelled", False)
    assert event_names(database, job) == ["queued", "claimed", "cancel_requested", "cancelled"]


def test_an_ended_job_can_not_be_cancelled(database: Database, cast: Cast, worker_id: int) -> None:
    job = claimed(database, accepted(database, cast.ben.id), worker_id)
    with database.transaction() as session:
        job.complete(session, {}, NO_TRACE)
        assert not job.request_cancel(session, by="ben@example.org")
    assert stored(database, job).state == "completed"


def test_a_cancelled_job_whose_worker_is_lost_does_not_run_again(
    database: Database, cast: Cast, worker_id: int
) -> None:
    claimed_job = claimed(database, accepted(database, cast.ben.id), worker_id)
    with database.transaction() as session:
        claimed_job.request_cancel(session, by="ben@example.org")
    with database.transaction() as session:
        stored(database, claimed_job).lose(session, "The worker was lost.", POLICY)
    assert stored(database, claimed_job).state == "cancelled"


def test_a_job_that_is_handed_back_after_a_cancel_was_asked_for_is_cancelled(
    database: Database, cast: Cast, worker_id: int
) -> None:
    job = claimed(database, accepted(database, cast.ben.id), worker_id)
    with database.transaction() as session:
        job.request_cancel(session, by="ben@example.org")
    with database.transaction() as session:
        job.hand_back(session, "The worker was stopped.")
    assert stored(database, job).state == "cancelled"


def test_jobs_of_a_worker_that_has_stopped_are_found(database: Database, cast: Cast, worker_id: int) -> None:
    job = claimed(database, accepted(database, cast.ben.id), worker_id)
    with database.transaction() as session:
        assert [held.id for held in Job.held_by(session, worker_id)] == [job.id]
        assert Job.held_by_lost_workers(session) == []
        Worker.stop(session, [worker_id])
        assert not Worker.beat(session, worker_id)
    with database.reading() as session:
        assert [lost.id for lost in Job.held_by_lost_workers(session)] == [job.id]


def test_the_place_in_the_queue_counts_those_ahead(database: Database, cast: Cast, worker_id: int) -> None:
    first, second = accepted(database, cast.ben.id), accepted(database, cast.cleo.id)
    with database.reading() as session:
        assert [Line(session).place(job) for job in (first, second)] == [1, 2]
    claimed(database, first, worker_id)
    with database.reading() as session:
        assert [Line(session).place(stored(database, job)) for job in (first, second)] == [None, 1]


def test_each_change_is_announced_after_its_commit(database: Database, cast: Cast) -> None:
    heard: list[Change] = []
    database.announce = heard.extend
    job = accepted(database, cast.ben.id)
    assert heard == [Change("job", job.id, cast.ben.id, "queued")]


def test_a_change_that_was_rolled_back_is_not_announced(database: Database, cast: Cast) -> None:
    heard: list[Change] = []
    database.announce = heard.extend
    with pytest.raises(IntegrityError):
        accepted(database, NOBODY)
    assert heard == []


def test_a_list_is_filtered_and_paged(database: Database, cast: Cast, worker_id: int) -> None:
    jobs = [accepted(database, cast.ben.id, name=f"100%_{n}.pdf") for n in range(3)]
    other = accepted(database, cast.cleo.id, name="1000.pdf")
    claimed(database, jobs[0], worker_id)

    def ids(**wanted: object) -> list[int]:
        with database.reading() as session:
            return [job.id for job in matching(session, JobFilter(**wanted), limit=2)]

    assert ids() == [other.id, jobs[2].id]
    assert ids(before=jobs[2].id) == [jobs[1].id, jobs[0].id]
    assert ids(state="processing") == [jobs[0].id]
    assert ids(text="100%") == [jobs[2].id, jobs[1].id]
    assert ids(text=str(other.id)) == [other.id]
    assert ids(owner_email="CLEO") == [other.id]
