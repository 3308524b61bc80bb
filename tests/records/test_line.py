"""Whose turn it is, and who is told which place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Cast
from webapp.records.database import Database, now
from webapp.records.job import NO_TRACE, Job
from webapp.records.line import Group, Line, next_job, next_of, place_of
from webapp.records.rule import EVERYTHING, Rule, why_held
from webapp.records.worker import Worker

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def accepted(database: Database, owner_id: int, *, kind: str = "checksum", priority: str = "normal") -> Job:
    with database.transaction() as session:
        return Job.accept(session, kind=kind, owner_id=owner_id, params={}, file=None, priority=priority)


def claimed(database: Database) -> Job | None:
    """What a worker would take next."""
    with database.transaction() as session:
        job_id = next_job(session)
        worker = Worker.register(session, "here:1")
        return Job.claim(session, job_id, worker.id) if job_id else None


def owners_in_turn(database: Database, turns: int) -> list[int]:
    jobs = [claimed(database) for _ in range(turns)]
    return [job.owner_id for job in jobs if job]


def test_a_higher_priority_goes_first() -> None:
    assert next_of([Group(1, 1, 5, first_id=1), Group(2, 2, 1, first_id=9)]) == 9


def test_nobody_waits_when_nothing_does() -> None:
    assert next_of([]) is None


def test_one_of_many_uploads_does_not_starve_anothers_one(database: Database, cast: Cast) -> None:
    for _ in range(5):
        accepted(database, cast.ben.id)
    accepted(database, cast.cleo.id)
    assert owners_in_turn(database, 4) == [cast.ben.id, cast.cleo.id, cast.ben.id, cast.ben.id]


def test_a_low_priority_waits_for_all_others(database: Database, cast: Cast) -> None:
    low = accepted(database, cast.ben.id, priority="low")
    high = accepted(database, cast.ben.id, priority="high")
    normal = accepted(database, cast.cleo.id)
    assert [job.id for job in (claimed(database), claimed(database), claimed(database)) if job] == [
        high.id,
        normal.id,
        low.id,
    ]


def test_a_job_takes_its_turn_once_its_time_has_come(database: Database, cast: Cast) -> None:
    resting, waiting = accepted(database, cast.ben.id), accepted(database, cast.ben.id)
    with database.transaction() as session:
        session.get_one(Job, resting.id).run_at = now() + timedelta(hours=1)
    taken = claimed(database)
    assert taken
    assert taken.id == waiting.id
    assert claimed(database) is None
    with database.transaction() as session:
        session.get_one(Job, resting.id).run_at = now()
    assert claimed(database)


def test_the_place_told_is_the_turn_it_gets(database: Database, cast: Cast) -> None:
    jobs = [accepted(database, owner) for owner in [cast.ben.id] * 3 + [cast.cleo.id] * 2 + [cast.ada.id]]
    with database.reading() as session:
        places = {job.id: Line(session).place(job) for job in jobs}
    turns = [claimed(database) for _ in jobs]
    assert {job.id: turn for turn, job in enumerate(filter(None, turns), start=1)} == places


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 5), st.integers(1, 6), st.integers(0, 4)),
        unique_by=lambda row: row[:2],
        min_size=1,
    )
)
def test_every_place_is_told_once(rows: list[tuple[int, int, int, int]]) -> None:
    groups, first_id = [], 1
    for priority, owner_id, count, hours in rows:
        served_at = NOON + timedelta(hours=hours, minutes=owner_id) if hours else None
        groups.append(Group(priority, owner_id, count, first_id, served_at))
        first_id += count
    places = [place_of(groups, g.priority, g.owner_id, ahead) for g in groups for ahead in range(g.count)]
    assert sorted(places) == list(range(1, len(places) + 1))


def test_nothing_begins_while_the_queue_is_paused(database: Database, cast: Cast) -> None:
    accepted(database, cast.ben.id)
    with database.transaction() as session:
        Rule.of(session, EVERYTHING).pause(session, by="ada@example.org")
    assert claimed(database) is None
    with database.transaction() as session:
        Rule.of(session, EVERYTHING).resume(session)
    assert claimed(database)


def test_a_paused_kind_lets_others_pass(database: Database, cast: Cast) -> None:
    accepted(database, cast.ben.id, kind="ingest_document")
    other = accepted(database, cast.ben.id)
    with database.transaction() as session:
        Rule.of(session, "ingest_document").pause(session, by="ada@example.org")
        assert why_held(session) == {"ingest_document": "Paused by ada@example.org."}
    taken = claimed(database)
    assert taken
    assert taken.id == other.id
    assert claimed(database) is None


@pytest.mark.parametrize("kind", ["checksum", EVERYTHING])
def test_no_more_run_at_once_than_may(database: Database, cast: Cast, kind: str) -> None:
    for _ in range(2):
        accepted(database, cast.ben.id)
    with database.transaction() as session:
        Rule.of(session, kind).limit(session, 1)
    first = claimed(database)
    assert first
    assert claimed(database) is None
    with database.transaction() as session:
        first.complete(session, {}, NO_TRACE)
    assert claimed(database)
