"""Workers and the processes that do the work are killed at random moments while many jobs run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.faults import havoc
from tests.faults.crowd import Crowd, ask, crowded
from tests.serving import Server, eventually


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with crowded(tmp_path_factory.mktemp("workers"), seed=7, HEADWAY_WORKERS="2") as crowd:
        yield crowd


@pytest.mark.parametrize(("victim", "jobs"), [(havoc.kill_a_worker, 60), (havoc.kill_a_runner, 30)])
def test_each_job_is_completed_once_however_often_something_is_killed(
    crowd: Crowd, victim: Callable[[Server, Random], None], jobs: int
) -> None:
    retried = crowd.settle().retried
    crowd.submit_mixed(jobs)
    harm = havoc.again_and_again(crowd, lambda: victim(crowd.server, crowd.random), every=0.7, at_most=7)
    assert harm >= 3
    assert crowd.settle().retried > retried


def test_a_job_whose_worker_is_killed_is_taken_over_within_seconds(crowd: Crowd) -> None:
    (job_id,) = crowd.submit(seconds=2)
    kill_its_worker(crowd, job_id, attempt=1)
    eventually(lambda: holder(crowd, job_id, attempt=2), within=6)
    crowd.settle()


def test_a_job_that_is_never_let_finish_fails_in_words(crowd: Crowd) -> None:
    (job_id,) = crowd.submit(seconds=60)
    crowd.doomed.add(job_id)
    for attempt in (1, 2, 3):
        kill_its_worker(crowd, job_id, attempt)
    crowd.settle()
    ended = ask(crowd.server, "SELECT state, error, attempt FROM jobs WHERE id = ?", job_id)
    assert ended == [("failed", "The worker that ran it was lost.", 3)]


def kill_its_worker(crowd: Crowd, job_id: int, attempt: int) -> None:
    pid = eventually(lambda: holder(crowd, job_id, attempt))
    havoc.kill(next(process for process in havoc.processes(crowd.server, havoc.WORKER) if process.pid == pid))


def holder(crowd: Crowd, job_id: int, attempt: int) -> int | None:
    """The process id of the worker that makes an attempt now."""
    held = "SELECT workers.name FROM jobs JOIN workers ON workers.id = worker_id WHERE state = 'processing'"
    names = ask(crowd.server, f"{held} AND jobs.id = ? AND attempt = ?", job_id, attempt)
    return int(names[0][0].rpartition(":")[2]) if names else None
