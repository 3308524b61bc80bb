"""Jobs for later: accepted now, started when their time has come, or sooner by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.conftest import Cast
from tests.test_worker import claim, stored, upload
from webapp.acceptance import accept
from webapp.errors import JobError
from webapp.records.database import now
from webapp.records.event import Event
from webapp.records.job import Job
from webapp.records.line import next_job
from webapp.records.traffic import Traffic
from webapp.services import Services
from webapp.stream.load import load_job
from webapp.sweeper import sweep

HOUR = timedelta(hours=1)


def for_later(services: Services, cast: Cast, run_at: datetime) -> Job:
    sent = upload(services, b"hello")
    return accept(services, owner=cast.ben, kind_name="checksum", params={}, upload=sent, run_at=run_at)


def come_due(services: Services, job: Job) -> None:
    """As if its time had just come."""
    with services.database.transaction() as session:
        session.get_one(Job, job.id).run_at = now() - timedelta(milliseconds=1)


def test_a_job_for_later_is_durable_and_neither_queued_nor_taken(services: Services, cast: Cast) -> None:
    job = for_later(services, cast, now() + HOUR)
    sweep(services)
    assert len(services.queue) == 0
    with services.database.reading() as session:
        assert next_job(session) is None
        assert Traffic.now(session).resting == 1
    kept = stored(services, job)
    assert (kept.state, kept.resting, kept.scheduled, kept.attempt) == ("queued", True, True, 0)


def test_it_is_queued_by_the_first_sweep_after_its_time(services: Services, cast: Cast) -> None:
    job = for_later(services, cast, now() + HOUR)
    come_due(services, job)
    sweep(services)
    assert len(services.queue) == 1
    with services.database.reading() as session:
        assert next_job(session) == job.id
        waiting_since = Traffic.now(session).waiting_since
    assert waiting_since
    assert now() - waiting_since < timedelta(seconds=5)
    assert not stored(services, job).scheduled


def test_an_open_page_looks_again_when_its_time_has_come(services: Services, cast: Cast) -> None:
    job = for_later(services, cast, now() + HOUR)
    waiting = load_job(services, job.id)
    assert waiting
    assert waiting.place is None
    assert waiting.look_again
    assert 3590 < waiting.look_again < 3601
    come_due(services, job)
    due = load_job(services, job.id)
    assert due
    assert due.place == 1


def test_a_job_that_rests_after_a_failed_try_is_not_one_for_later(services: Services, cast: Cast) -> None:
    job = for_later(services, cast, now() + HOUR)
    come_due(services, job)
    claimed = claim(services, job)
    with services.database.transaction() as session:
        assert claimed.release(session, "The disk was full.", run_at=now() + HOUR)
    assert (stored(services, job).resting, stored(services, job).scheduled) == (True, False)


def test_a_job_for_later_can_be_started_at_once_or_cancelled(services: Services, cast: Cast) -> None:
    first, second = for_later(services, cast, now() + HOUR), for_later(services, cast, now() + HOUR)
    with services.database.transaction() as session:
        assert first.retry(session, by="ben@example.org")
        assert second.request_cancel(session, by="ben@example.org")
        assert next_job(session) == first.id
    with services.database.reading() as session:
        events = Event.of(session, first.id)
    assert [event.name for event in events] == ["queued", "hastened"]
    assert events[0].detail["not_before"].endswith(" UTC")
    assert stored(services, second).state == "cancelled"


def test_a_time_just_past_means_now(services: Services, cast: Cast) -> None:
    for_later(services, cast, now() - timedelta(seconds=30))
    assert len(services.queue) == 1


def test_a_refused_time_leaves_no_file_behind(services: Services, cast: Cast) -> None:
    with pytest.raises(JobError, match="in the past"):
        for_later(services, cast, now() - HOUR)
    assert not [path for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()]
