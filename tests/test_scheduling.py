"""Schedules at work: each run is made once, whatever the clocks, the workers and the people do."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Cast
from tests.test_retention import older_than
from tests.test_worker import claim, upload
from webapp import scheduling
from webapp.errors import JobError
from webapp.kinds import KINDS
from webapp.records import ended
from webapp.records.event import Event
from webapp.records.job import NO_TRACE, PRIORITIES, Job
from webapp.records.schedule import MOST, Plan, Schedule
from webapp.records.user import User
from webapp.recurrence import Recurrence
from webapp.retention import prune
from webapp.scheduling import delete, obstacle, repeat, run_due, run_now
from webapp.services import Services

# Far ahead of the real clock, which `create` goes by.
NOON = datetime(2040, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = Recurrence.of("0 * * * *", "UTC")


@pytest.fixture
def schedule(services: Services, cast: Cast) -> Schedule:
    return hourly(services, cast.ben)


def hourly(services: Services, owner: User, **plan: object) -> Schedule:
    """One of a person's that is due at noon."""
    made = scheduling.create(
        services,
        Plan("Hourly", HOURLY, **plan),  # type: ignore[arg-type]
        KINDS["checksum"],
        owner=owner,
        params={"bytes_per_second": 1000},
        upload=upload(services, b"hello", "hello.bin"),
    )
    return due_at(services, made, NOON)


def due_at(services: Services, schedule: Schedule, at: datetime) -> Schedule:
    with services.database.transaction() as session:
        session.get_one(Schedule, schedule.id).next_at = at
    return stored(services, schedule)


def stored(services: Services, schedule: Schedule) -> Schedule:
    with services.database.reading() as session:
        return session.get_one(Schedule, schedule.id)


def jobs(services: Services) -> list[Job]:
    with services.database.reading() as session:
        return [session.get_one(Job, id) for id in session.scalars(Job.__table__.select().with_only_columns(Job.id))]


def finish(services: Services, job: Job) -> None:
    running = claim(services, job)
    with services.database.transaction() as session:
        assert running.complete(session, {}, NO_TRACE)


def test_a_schedule_that_is_due_makes_its_job_and_waits_for_the_next_time(
    services: Services, schedule: Schedule, cast: Cast
) -> None:
    run_due(services, NOON - timedelta(seconds=1))
    assert jobs(services) == []
    run_due(services, NOON)
    run_due(services, NOON + timedelta(seconds=1))
    (job,) = jobs(services)
    assert (job.owner_id, job.schedule_id, job.file, job.params) == (
        cast.ben.id,
        schedule.id,
        schedule.file,
        {"bytes_per_second": 1000},
    )
    assert len(services.queue) == 1
    assert stored(services, schedule).next_at == NOON + HOUR
    with services.database.reading() as session:
        assert Event.of(session, job.id)[0].detail == {"schedule": "Hourly", "due": "2040-06-01 12:00 UTC"}


def test_what_was_missed_is_made_up_for_by_one_job(services: Services, schedule: Schedule) -> None:
    run_due(services, NOON + 30 * HOUR + timedelta(minutes=10))
    assert len(jobs(services)) == 1
    late = stored(services, schedule)
    assert (late.next_at, late.due_at, late.was_late) == (NOON + 31 * HOUR, NOON, True)


def test_a_clock_that_is_set_back_repeats_nothing(services: Services, schedule: Schedule) -> None:
    run_due(services, NOON)
    finish(services, jobs(services)[0])
    for minutes in (-120, -60, -1, 0, 30):
        run_due(services, NOON + timedelta(minutes=minutes))
    with services.database.transaction() as session:
        assert schedule.pause(session, by="ben")
    paused = stored(services, schedule)
    with services.database.transaction() as session:
        assert paused.resume(session, NOON - 5 * HOUR)
        assert not paused.resume(session, NOON)
    assert stored(services, schedule).next_at == NOON + HOUR
    assert len(jobs(services)) == 1


def test_two_workers_that_look_at_once_make_each_job_once(services: Services, schedule: Schedule) -> None:
    others = [Services.open(services.settings) for _ in range(4)]
    together = threading.Barrier(len(others))

    def look(other: Services) -> None:
        for hours in range(5):
            together.wait()
            run_due(other, NOON + hours * HOUR)

    with services.database.transaction() as session:
        session.get_one(Schedule, schedule.id).overlaps = True
    threads = [threading.Thread(target=look, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs(services)) == 5
    for other in others:
        other.database.engine.dispose()


def test_a_run_is_skipped_while_the_last_job_has_not_ended(services: Services, schedule: Schedule) -> None:
    run_due(services, NOON)
    run_due(services, NOON + HOUR)
    (job,) = jobs(services)
    skipped = stored(services, schedule)
    assert (skipped.skipped_at, skipped.skipped_because) == (NOON + HOUR, f"Job #{job.id} had not ended yet.")
    assert skipped.next_at == NOON + 2 * HOUR
    finish(services, job)
    run_due(services, NOON + 2 * HOUR)
    assert len(jobs(services)) == 2


def test_jobs_may_overlap_where_that_is_wanted(services: Services, cast: Cast) -> None:
    hourly(services, cast.ben, overlaps=True)
    for hours in range(3):
        run_due(services, NOON + hours * HOUR)
    assert len(jobs(services)) == 3


def test_a_paused_schedule_makes_nothing_and_goes_on_with_what_is_to_come(
    services: Services, schedule: Schedule
) -> None:
    with services.database.transaction() as session:
        assert schedule.pause(session, by="ben@example.org")
        assert not schedule.pause(session, by="ada@example.org")
    run_due(services, NOON + HOUR)
    assert jobs(services) == []
    paused = stored(services, schedule)
    assert (paused.paused_by, paused.next_at) == ("ben@example.org", None)
    with services.database.transaction() as session:
        assert paused.resume(session, NOON + 2.5 * HOUR)
    assert stored(services, schedule).next_at == NOON + 3 * HOUR


def test_a_schedule_of_somebody_who_is_disabled_stops_says_why_and_goes_on_later(
    services: Services, schedule: Schedule, cast: Cast
) -> None:
    with services.database.transaction() as session:
        session.get_one(User, cast.ben.id).disable(session)
    run_due(services, NOON)
    assert jobs(services) == []
    stopped = stored(services, schedule)
    assert "ben@example.org is disabled" in (obstacle(stopped) or "")
    assert "ben@example.org is disabled" in (stopped.skipped_because or "")
    with pytest.raises(JobError, match="is disabled"):
        run_now(services, stopped, by="ada@example.org")
    with services.database.transaction() as session:
        session.get_one(User, cast.ben.id).enable(session)
    run_due(services, NOON + HOUR)
    assert len(jobs(services)) == 1


def test_a_kind_or_parameters_that_are_no_more_stop_it_in_words(
    services: Services, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    with services.database.transaction() as session:
        session.get_one(Schedule, schedule.id).params = {"speed": 1}
    run_due(services, NOON)
    assert "accepted no more" in (stored(services, schedule).skipped_because or "")
    monkeypatch.delitem(KINDS, "checksum")
    run_due(services, NOON + HOUR)
    assert "no kind of job “checksum” any more" in (stored(services, schedule).skipped_because or "")
    assert jobs(services) == []


def test_one_that_breaks_does_not_keep_the_others_waiting(
    services: Services, schedule: Schedule, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly(services, cast.cleo)
    with services.database.transaction() as session:
        session.get_one(Schedule, schedule.id).zone = "Atlantis/Center"
    run_due(services, NOON)
    assert [job.owner_id for job in jobs(services)] == [cast.cleo.id]


def test_high_priority_lasts_as_long_as_its_owner_is_an_admin(services: Services, cast: Cast) -> None:
    hourly(services, cast.ada, priority="high", overlaps=True)
    run_due(services, NOON)
    with services.database.transaction() as session:
        session.get_one(User, cast.ada.id).set_role(session, "member")
    run_due(services, NOON + HOUR)
    assert [job.priority for job in jobs(services)] == [PRIORITIES["high"], PRIORITIES["normal"]]


def test_a_run_by_hand_is_one_more(services: Services, schedule: Schedule) -> None:
    job = run_now(services, schedule, by="ben@example.org")
    assert len(services.queue) == 1
    assert stored(services, schedule).next_at == NOON
    with services.database.reading() as session:
        assert Event.of(session, job.id)[0].detail == {"schedule": "Hourly", "by": "ben@example.org"}
        newest = Job.newest_of(session, schedule.id)
    assert newest
    assert newest.id == job.id


def test_its_file_is_kept_while_it_stands_and_as_long_as_a_job_has_it(services: Services, schedule: Schedule) -> None:
    assert schedule.file_key
    with services.database.reading() as session:
        assert ended.stored(session) == (1, 5)
    run_due(services, NOON)
    with services.database.reading() as session:
        assert ended.stored(session) == (1, 5)
        assert ended.uses(session, [schedule.file_key])[schedule.file_key] == 2
    finish(services, jobs(services)[0])
    assert prune(services, older_than(-1)).jobs == 1
    assert services.files.read(schedule.file_key).read() == b"hello"
    run_due(services, NOON + HOUR)
    delete(services, schedule)
    (job,) = jobs(services)
    assert job.schedule_id is None
    assert services.files.read(schedule.file_key).read() == b"hello"
    finish(services, job)
    prune(services, older_than(-1))
    with pytest.raises(FileNotFoundError):
        services.files.read(schedule.file_key)


def test_the_file_of_a_schedule_without_jobs_goes_with_it(services: Services, schedule: Schedule) -> None:
    delete(services, schedule)
    delete(services, schedule)
    with pytest.raises(FileNotFoundError):
        services.files.read(schedule.file_key or "")
    with pytest.raises(JobError, match="deleted since"):
        run_now(services, schedule, by="ben@example.org")


def test_a_job_can_be_repeated_on_its_file(services: Services, schedule: Schedule, cast: Cast) -> None:
    job = run_now(services, schedule, by="ben@example.org")
    again = repeat(services, Plan("Again", HOURLY), job, owner=cast.ada)
    assert (again.owner_id, again.kind, again.params, again.file) == (cast.ada.id, job.kind, job.params, job.file)
    finish(services, job)
    prune(services, older_than(-1))
    with pytest.raises(JobError, match="deleted since"):
        repeat(services, Plan("Again", HOURLY), job, owner=cast.ben)


def test_what_is_refused_leaves_no_file_behind(services: Services, cast: Cast) -> None:
    for _ in range(MOST):
        with services.database.transaction() as session:
            Schedule.create(session, Plan("x", HOURLY), owner_id=cast.ben.id, kind="checksum", params={}, file=None)
    with pytest.raises(JobError, match=f"more than {MOST}"):
        hourly(services, cast.ben)
    assert hourly(services, cast.cleo)
    files = [path for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()]
    assert len(files) == 1


def test_a_changed_plan_counts_from_now_and_leaves_a_paused_one_paused(services: Services, schedule: Schedule) -> None:
    daily = Plan("Daily", Recurrence.of("0 6 * * *", "Europe/Berlin"), priority="low")
    with services.database.transaction() as session:
        schedule.change(session, daily)
    changed = stored(services, schedule)
    assert (changed.name, changed.cron, changed.priority) == ("Daily", "0 6 * * *", "low")
    assert changed.next_at
    assert changed.next_at < NOON
    with services.database.transaction() as session:
        changed.pause(session, by="ben")
    with services.database.transaction() as session:
        changed.change(session, Plan("Hourly", HOURLY))
    assert stored(services, schedule).next_at is None
