"""Which way SQLite goes to what is asked at each claim, sweep or page: never past all the jobs that have ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from webapp.records import ended
from webapp.records.database import Database, now
from webapp.records.estimate import Experience, mean_seconds
from webapp.records.job import Job
from webapp.records.line import Line, may_begin, next_job
from webapp.records.listing import JobFilter, active, at_hand, lately_matching, matching, newest, newest_named
from webapp.records.rule import EVERYTHING, Rule, why_held
from webapp.records.traffic import Traffic
from webapp.records.user import User

ASKED: dict[str, Callable[[Session], object]] = {
    "who is next": next_job,
    "what may begin": lambda session: may_begin(session, at_most=9),
    "what lost workers held": Job.held_by_lost_workers,
    "what a worker holds": lambda session: Job.held_by(session, 1),
    "which kinds are held": why_held,
    "a place": lambda session: Line(session).place(session.get_one(Job, 1)),
    "experience": lambda session: Experience.of(session, "checksum"),
    "what jobs took": mean_seconds,
    "traffic": Traffic.now,
    "an owner's start page": lambda session: at_hand(session, owner_id=1, newest=10),
    "an admin's start page": lambda session: at_hand(session, owner_id=None, newest=10),
    "what runs of a kind": lambda session: active(session, kind="checksum"),
    "an owner's newest": lambda session: newest(session, owner_id=1, limit=10),
    "a file's newest": lambda session: newest_named(session, "a.pdf", owner_id=None),
    "an owner's newest of a file": lambda session: newest_named(session, "a.pdf", owner_id=1),
    "all": lambda session: matching(session, JobFilter(), 50),
    "all of a state": lambda session: matching(session, JobFilter(state="failed"), 50),
    "all of a kind": lambda session: matching(session, JobFilter(kind="checksum"), 50),
    "an owner's": lambda session: matching(session, JobFilter(owner_id=1), 50),
    "an owner's of a state": lambda session: matching(session, JobFilter(owner_id=1, state="failed"), 50),
    "which match of a state, by name": lambda session: lately_matching(session, JobFilter(state="failed", text="a"), 9),
    "which match of a kind": lambda session: lately_matching(session, JobFilter(kind="checksum", owner_email="b"), 9),
    "which match of an owner's": lambda session: lately_matching(session, JobFilter(1, "failed", "checksum"), 9),
    "which match of a batch": lambda session: lately_matching(session, JobFilter(1, "failed", batch_id=1), 9),
    "which match of a schedule": lambda session: lately_matching(session, JobFilter(state="failed", schedule_id=1), 9),
    "what ended first": lambda session: ended.oldest(session, after=None, limit=9),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_it_takes_no_longer_the_more_jobs_have_ended(database: Database, ask: Callable[[Session], object]) -> None:
    with database.transaction() as session:
        Rule.of(session, EVERYTHING).limit(session, 9)
        session.add(User(email="ben@example.org", password_hash="", role="member", created_at=now()))
        session.flush()
        Job.accept(session, kind="checksum", owner_id=1, params={}, file=None)
    steps = way(database, ask)
    assert any("jobs USING" in step for step in steps)
    assert [step for step in steps if step.startswith(("SCAN jobs", "USE TEMP B-TREE FOR ORDER BY"))] == []


def way(database: Database, ask: Callable[[Session], object]) -> list[str]:
    """The steps of all statements that are executed, as SQLite plans them."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.reading() as session:
        ask(session)
    event.remove(database.engine, "before_cursor_execute", note)
    with database.engine.connect() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values) for statement, values in asked]
        return [step for plan in plans for *_, step in plan]
