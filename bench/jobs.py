"""What a job costs beside its work: digests of a tiny file, one after another, through one worker.

    python -m bench.jobs [--jobs 200] [--rounds 5]

They are submitted while the queue is paused, so that the worker finds all of them waiting. Of each job
the attempt itself, in its own process, is told apart by the moments of its first and its last picture.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import httpx
from sqlalchemy.orm import Session

from bench._bench import Figure, ask_sql, server, show
from tests.faults.havoc import RUNNER, WORKER, processes
from tests.serving import Server, eventually
from webapp.records.database import Database
from webapp.records.rule import EVERYTHING, Rule
from webapp.settings import Settings

MOST_MS, FEWEST_A_SECOND = 5, 200
UNFINISHED = "SELECT count(*) FROM jobs WHERE finished_at IS NULL"
SECONDS = "json_extract(last_progress, '$.updated_at') - json_extract(last_progress, '$.started_at')"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--jobs", type=int, default=200)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    with server(HEADWAY_WORKERS="1") as running, running.program() as client:
        rounds = [Round(running, client, given.jobs) for _ in range(given.rounds)]
    show(
        "A job through one worker, ms",
        Figure("from one's end to the next one's", [ms for round in rounds for ms in round.whole]),
        Figure("  of it the attempt, in its own process", [ms for round in rounds for ms in round.attempt]),
        Figure("  and claiming and finishing", [ms for round in rounds for ms in round.beside], MOST_MS),
        Figure("processor of the worker, by round", [round.worker_ms for round in rounds], MOST_MS),
        Figure("processor of the attempt's process, by round", [round.runner_ms for round in rounds]),
    )
    rates = [round.rate for round in rounds]
    print(f"\n{statistics.median(rates):.0f} jobs a second, {min(rates):.0f} to {max(rates):.0f} by round")
    print(f"The aim is {FEWEST_A_SECOND}.")


class Round:
    """So many jobs from the first one's claim to the last one's end, and what they took."""

    def __init__(self, running: Server, client: httpx.Client, count: int) -> None:
        [(before,)] = ask_sql(running, "SELECT coalesce(max(id), 0) FROM jobs")
        with _whole_queue(running) as (session, rule):
            rule.pause(session, by="bench")
        for _ in range(count):
            client.post("/api/v1/jobs", data={"kind": "checksum"}, files={"file": ("tiny", b"tiny")}).raise_for_status()
        worker, runner = _processor_ms(running, WORKER), _processor_ms(running, RUNNER)
        with _whole_queue(running) as (session, rule):
            rule.resume(session)
        eventually(lambda: ask_sql(running, UNFINISHED) == [(0,)], within=300)
        self.worker_ms = (_processor_ms(running, WORKER) - worker) / count
        self.runner_ms = (_processor_ms(running, RUNNER) - runner) / count
        ends = _times(running, "completed", before)
        self.rate = 1000 * count / (ends[-1] - _times(running, "claimed", before)[0])
        self.whole = [end - earlier for earlier, end in pairwise(ends)]
        rows = ask_sql(running, f"SELECT 1000 * ({SECONDS}) FROM jobs WHERE id > ? ORDER BY id", before)
        self.attempt = [ms for (ms,) in rows[1:]]
        self.beside = [whole - attempt for whole, attempt in zip(self.whole, self.attempt, strict=True)]


@contextlib.contextmanager
def _whole_queue(running: Server) -> Iterator[tuple[Session, Rule]]:
    """The rule for all kinds, to be changed."""
    database = Database(Settings(data_dir=running.data_dir).effective_database_url)
    with database.transaction() as session:
        yield session, Rule.of(session, EVERYTHING)
    database.engine.dispose()


def _processor_ms(running: Server, name: str) -> float:
    (process,) = processes(running, name)
    times = process.cpu_times()
    return 1000 * (times.user + times.system)


def _times(running: Server, name: str, after: int) -> list[float]:
    events = ask_sql(running, "SELECT at FROM events WHERE name = ? AND job_id > ? ORDER BY id", name, after)
    return [1000 * datetime.fromisoformat(at).timestamp() for (at,) in events]


if __name__ == "__main__":
    main()
