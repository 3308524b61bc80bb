"""What a job's history tells of its attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from webapp.records.event import Attempt, Event, attempts_in

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def happened(seconds: float, name: str, attempt: int = 0, **detail: str) -> Event:
    return Event(job_id=1, at=at(seconds), name=name, attempt=attempt, detail=detail)


def test_each_attempt_has_its_worker_its_wait_and_its_run() -> None:
    events = [
        happened(0, "queued"),
        happened(2, "claimed", 1, worker="here:1"),
        happened(5, "released", 1, reason="It broke."),
        happened(15, "claimed", 2, worker="here:2"),
        happened(16, "cancel_requested", 2),
        happened(17, "cancelled", 2),
        happened(60, "retried", 2),
        happened(61, "claimed", 3, worker="here:1"),
    ]
    assert attempts_in(events) == [
        Attempt(1, "here:1", at(2), waited=2, ran=3, end="released"),
        Attempt(2, "here:2", at(15), waited=10, ran=2, end="cancelled"),
        Attempt(3, "here:1", at(61), waited=1),
    ]


def test_a_job_that_was_cancelled_before_anybody_took_it_had_no_attempt() -> None:
    assert attempts_in([happened(0, "queued"), happened(1, "cancelled")]) == []


def test_a_clock_that_was_set_back_makes_no_negative_times() -> None:
    events = [happened(10, "queued"), happened(5, "claimed", 1), happened(1, "completed", 1)]
    assert [(attempt.waited, attempt.ran) for attempt in attempts_in(events)] == [(0, 0)]
