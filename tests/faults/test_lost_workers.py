"""Workers, and the processes that do their work, are killed or frozen while jobs run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import psutil
import pytest

from tests.faults import havoc
from tests.faults.crowd import Crowd, ask, crowded
from tests.serving import Server, eventually

LEASE = 1


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    settings = {"HEADWAY_WORKERS": "2", "HEADWAY_WORKER_LEASE": str(LEASE)}
    with crowded(tmp_path_factory.mktemp("workers"), seed=7, **settings) as crowd:
        yield crowd


@pytest.mark.parametrize(("victim", "jobs"), [(havoc.kill_a_worker, 60), (havoc.kill_a_runner, 45)])
def test_each_job_is_completed_once_however_often_something_is_killed(
    crowd: Crowd, victim: Callable[[Server, Random], None], jobs: int
) -> None:
    retried = crowd.settle().retried
    crowd.submit_mixed(jobs)
    harm = havoc.again_and_again(crowd, lambda: victim(crowd.server, crowd.random), every=0.7, at_most=6)
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


def test_a_server_that_was_frozen_as_a_whole_goes_on_where_it_was(crowd: Crowd) -> None:
    retried = crowd.settle().retried
    crowd.submit(2, seconds=3)
    eventually(lambda: len(havoc.busy_workers(crowd.server)) == 2)
    with havoc.frozen(*havoc.family(crowd.server)):
        havoc.pause(2.5 * LEASE)
    assert crowd.settle().retried == retried


def test_what_a_thawed_worker_says_of_a_job_that_was_taken_over_changes_nothing(crowd: Crowd) -> None:
    (job_id,) = crowd.submit(seconds=4)
    (worker,) = eventually(lambda: havoc.busy_workers(crowd.server))
    runner = next(process for process in havoc.processes(crowd.server, havoc.RUNNER) if process.ppid() == worker.pid)
    with havoc.frozen(worker, *worker.children(recursive=True)):
        eventually(lambda: holder(crowd, job_id, attempt=2))
    # It would be through long before the second attempt is, if it were let.
    eventually(lambda: not runner.is_running() or runner.status() == psutil.STATUS_ZOMBIE)
    crowd.settle()
    eventually(lambda: ask(crowd.server, "SELECT count(*) FROM workers WHERE stopped_at IS NULL") == [(2,)])
    crowd.submit(2, seconds=1)
    eventually(lambda: worker in havoc.busy_workers(crowd.server))
    crowd.settle()


def kill_its_worker(crowd: Crowd, job_id: int, attempt: int) -> None:
    pid = eventually(lambda: holder(crowd, job_id, attempt))
    havoc.kill(next(process for process in havoc.processes(crowd.server, havoc.WORKER) if process.pid == pid))


def holder(crowd: Crowd, job_id: int, attempt: int) -> int | None:
    """The process id of the worker that makes an attempt now."""
    held = "SELECT workers.name FROM jobs JOIN workers ON workers.id = worker_id WHERE state = 'processing'"
    names = ask(crowd.server, f"{held} AND jobs.id = ? AND attempt = ?", job_id, attempt)
    return int(names[0][0].rpartition(":")[2]) if names else None
