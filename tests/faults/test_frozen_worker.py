"""A worker is stopped by SIGSTOP past its lease, and goes on later as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from tests.faults import havoc
from tests.faults.crowd import Crowd, ask, crowded
from tests.serving import Server, eventually

LEASE = 1


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    settings = {"HEADWAY_WORKERS": "2", "HEADWAY_WORKER_LEASE": str(LEASE)}
    with crowded(tmp_path_factory.mktemp("frozen"), seed=6, **settings) as crowd:
        yield crowd


def test_a_server_that_was_frozen_as_a_whole_goes_on_where_it_was(crowd: Crowd) -> None:
    crowd.submit(2, seconds=3)
    eventually(lambda: len(havoc.busy_workers(crowd.server)) == 2)
    with havoc.frozen(*havoc.family(crowd.server)):
        havoc.pause(2.5 * LEASE)
    assert crowd.settle().retried == 0


def test_what_a_thawed_worker_says_of_a_job_that_was_taken_over_changes_nothing(crowd: Crowd) -> None:
    (job_id,) = crowd.submit(seconds=4)
    (worker,) = eventually(lambda: havoc.busy_workers(crowd.server))
    runner = next(process for process in havoc.processes(crowd.server, havoc.RUNNER) if process.ppid() == worker.pid)
    with havoc.frozen(worker, *worker.children(recursive=True)):
        eventually(lambda: attempt_of(crowd.server, job_id) == 2)
    # It would be through long before the second attempt is, if it were let.
    eventually(lambda: not runner.is_running() or runner.status() == psutil.STATUS_ZOMBIE)
    assert crowd.settle().retried == 1
    eventually(lambda: ask(crowd.server, "SELECT count(*) FROM workers WHERE stopped_at IS NULL") == [(2,)])
    crowd.submit(2, seconds=1)
    eventually(lambda: worker in havoc.busy_workers(crowd.server))
    crowd.settle()


def attempt_of(server: Server, job_id: int) -> int:
    ((attempt,),) = ask(server, "SELECT attempt FROM jobs WHERE id = ?", job_id)
    return attempt
