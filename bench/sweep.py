"""What must not take longer the more jobs have ended: sweeps, claims, places, estimates and lists.

    python -m bench.sweep [--most 1000000]

Ended jobs are written straight into the database, 10,000 at first and then ten times as many, in batches
and by themselves, all of one kind but the oldest thousand. At each size everything is done thirty times, and
its processor time taken, so that other programs count less.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy.orm import Session

from tests.serving import eventually
from webapp import migrations
from webapp.embedded_redis import EmbeddedRedis
from webapp.records.database import now
from webapp.records.estimate import Experience, mean_seconds
from webapp.records.job import NO_TRACE, Job
from webapp.records.line import Line, next_job
from webapp.records.listing import JobFilter, matching, newest_named
from webapp.records.rule import Rule, why_held
from webapp.records.traffic import Traffic
from webapp.records.user import User
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.settings import Settings
from webapp.stream.load import load_job, load_jobs, load_summary
from webapp.sweeper import sweep

SMALLEST, TIMES, OWNERS = 10_000, 30, 20
# A little more is the depth of the indexes, and what the machine does beside this.
MOST_GROWTH, LEAST_MS = 2.0, 0.5
# The oldest thousand are of another kind, and of an owner who has not been back since.
ENDED = """
    WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last)
    INSERT INTO jobs (id, kind, state, owner_id, batch_id, is_open, params, file_key, file_name, file_size, attempt,
        tries, priority, created_at, started_at, finished_at, result, last_lines)
    SELECT i, CASE WHEN i <= 1000 THEN 'ingest_document' WHEN i % 5000 = 1001 THEN 'batch' ELSE 'checksum' END,
        CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'completed' END,
        CASE WHEN i <= 1000 THEN 1 ELSE 2 + i % 19 END,
        CASE WHEN i > 1001 AND i % 5000 BETWEEN 1002 AND 3000 THEN i - i % 5000 + 1001 END,
        0, '{}', printf('%02x/%032x', i % 256, i), 'report ' || i || '.pdf', 1000, 1, 1, 1,
        :at, :at, :at, '{"size": 4}', '[]'
    FROM n
"""
SAID = """
    INSERT INTO estimates (job_id, attempt, kind, quarter, at, seconds)
    SELECT id, 1, kind, 0, started_at, 1.0 FROM jobs WHERE id BETWEEN :first AND :last
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--most", type=int, default=1_000_000)
    most = arguments.parse_args().most
    columns: dict[int, dict[str, float]] = {}
    with stores() as services:
        _begin(services)
        ended = 0
        while ended <= most:
            columns[ended] = {what: _median_ms(task) for what, task in _tasks(services).items()}
            following = ended * 10 or SMALLEST
            if following <= most:
                _write_ended(services, ended + 1, following)
            ended = following
    _show(columns)


@contextlib.contextmanager
def stores() -> Iterator[Services]:
    """An empty database and a Redis of their own."""
    folder = Path(tempfile.mkdtemp(prefix="headway-"))
    settings = Settings(data_dir=folder)
    redis = EmbeddedRedis(settings)
    process = subprocess.Popen(redis.program().command, stdout=subprocess.DEVNULL)
    try:
        eventually(redis.answers)
        migrations.upgrade(settings.effective_database_url)
        yield Services.open(settings)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _begin(services: Services) -> None:
    with services.database.transaction() as session:
        for number in range(OWNERS):
            session.add(User(email=f"user{number}@example.org", password_hash="", role="member", created_at=now()))
        Worker.register(session, "bench:1")
        Rule.of(session, "checksum").limit(session, 100)
        # New jobs come after all that will have ended.
        session.add(Job(id=10**9, kind="checksum", state="completed", owner_id=1, params={}, created_at=now()))


def _write_ended(services: Services, first: int, last: int) -> None:
    with contextlib.closing(services.database.engine.raw_connection()) as connection:
        at = "2026-01-01 12:00:00.000000"
        connection.execute(ENDED, {"first": first, "last": last, "at": at})
        connection.execute(SAID, {"first": first, "last": last})
        connection.commit()


def _tasks(services: Services) -> dict[str, Callable[[], object]]:
    """What is measured. Each claim finds others waiting, of several owners."""
    with services.database.transaction() as session:
        users = [user.id for user in session.query(User).order_by(User.id)]
        waiting = [_accepted(session, owner_id) for owner_id in users[:3] * TIMES * 2]
    claimed: list[Job] = []

    def claim() -> None:
        with services.database.transaction() as session:
            job = Job.claim(session, next_job(session) or 0, 1)
        claimed.extend([job] if job else [])

    def finish() -> None:
        with services.database.transaction() as session:
            claimed.pop().complete(session, {}, NO_TRACE)

    def reading(ask: Callable[[Session], object]) -> Callable[[], None]:
        def task() -> None:
            with services.database.reading() as session:
                ask(session)

        return task

    def listing(**wanted: int | str) -> Callable[[], None]:
        return reading(lambda session: matching(session, JobFilter(**wanted), 50))

    last = waiting[-1]
    return {
        "a sweep": lambda: sweep(services),
        "claiming": claim,
        "finishing": finish,
        "which kinds are held": reading(why_held),
        "a place in the line": reading(lambda session: Line(session).place(last)),
        "experience with a kind": reading(lambda session: Experience.of(session, "checksum")),
        "experience with one not used of late": reading(lambda session: Experience.of(session, "ingest_document")),
        "experience with one never used": reading(lambda session: Experience.of(session, "translate")),
        "what jobs took of late": reading(mean_seconds),
        "the System page's traffic": reading(Traffic.now),
        "a waiting job's page": lambda: load_job(services, last.id),
        "the start page": lambda: load_jobs(services, users[5]),
        "the start page of one who was away": lambda: load_jobs(services, users[0]),
        "the start page of an admin": lambda: load_jobs(services),
        "a summary for programs": lambda: load_summary(services),
        "the newest job of a file": reading(lambda session: newest_named(session, "none", owner_id=None)),
        "all jobs, newest first": listing(),
        "all failed ones": listing(state="failed"),
        "all cancelled ones (none)": listing(state="cancelled"),
        "all of a rare kind": listing(kind="ingest_document"),
        "all of an owner": listing(owner_email="user5@"),
        "all of one who was away": listing(owner_email="user0@"),
    }


def _accepted(session: Session, owner_id: int) -> Job:
    return Job.accept(session, kind="checksum", owner_id=owner_id, params={}, file=None)


def _median_ms(task: Callable[[], object]) -> float:
    took = []
    for _ in range(TIMES):
        began = time.process_time()
        task()
        took.append(1000 * (time.process_time() - began))
    return statistics.median(took)


def _show(columns: dict[int, dict[str, float]]) -> None:
    """A line for each task, a column for each number of ended jobs."""
    print(f"\nMedian ms of processor by the number of ended jobs (load {os.getloadavg()[0]:.1f})")
    print(f"{'':<36}" + "".join(f"{ended:>11,}" for ended in columns) + f"{'grows?':>8}")
    (_, few, *_), many = columns.values(), list(columns.values())[-1]
    for what in many:
        grows = many[what] > max(few[what] * MOST_GROWTH, few[what] + LEAST_MS)
        figures = "".join(f"{column[what]:>11.2f}" for column in columns.values())
        print(f"{what:<36}{figures}{'YES' if grows else 'no':>8}")


if __name__ == "__main__":
    main()
