"""Valkey is killed, frozen, or loses all it knew, while jobs run."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.faults import havoc
from tests.faults.crowd import Crowd, crowded
from tests.serving import eventually

# What an upload may take while Redis hangs: each of its calls there gives up after two seconds.
PATIENCE = 8


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    settings = {"HEADWAY_WORKERS": "2", "HEADWAY_WORKER_LEASE": "2"}
    with crowded(tmp_path_factory.mktemp("redis"), seed=3, **settings) as crowd:
        yield crowd


@pytest.mark.parametrize("wipe", [False, True], ids=["killed", "killed and wiped"])
def test_jobs_outlive_the_queue(crowd: Crowd, wipe: bool) -> None:
    for _ in range(2):
        crowd.submit_mixed(15)
        havoc.kill_redis(crowd.server, wipe=wipe)
    # No worker was harmed, so no attempt is to be given up either.
    assert crowd.settle().retried == 0


def test_a_queue_that_hangs_stops_neither_uploads_nor_heartbeats(crowd: Crowd) -> None:
    crowd.submit(2, seconds=5)
    eventually(lambda: len(havoc.busy_workers(crowd.server)) == 2)
    with havoc.frozen(*havoc.processes(crowd.server, havoc.REDIS)):
        began = time.monotonic()
        crowd.submit()
        assert time.monotonic() - began < PATIENCE
        assert httpx.get(f"{crowd.server.url}/healthz", timeout=5).status_code == 200
        eventually(lambda: not havoc.busy_workers(crowd.server))
    assert crowd.settle().retried == 0
