"""Valkey is killed, frozen, or loses all it knew, and the database is locked by another program."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.faults import havoc
from tests.faults.crowd import Crowd, ask, crowded
from tests.serving import eventually

# What an upload may take while Redis hangs: each of its calls there gives up after two seconds.
PATIENCE = 8
LOCKED_FOR = 10


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    settings = {"HEADWAY_WORKERS": "2", "HEADWAY_WORKER_LEASE": "2", "HEADWAY_WEB_PROCESSES": "1"}
    with crowded(tmp_path_factory.mktemp("stores"), seed=3, **settings) as crowd:
        yield crowd


@pytest.mark.parametrize("wipe", [False, True], ids=["killed", "killed and wiped"])
def test_jobs_outlive_the_queue(crowd: Crowd, wipe: bool) -> None:
    crowd.submit_mixed(20)
    havoc.kill_redis(crowd.server, wipe=wipe)
    crowd.submit_mixed(5)
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


def test_while_the_database_is_locked_writers_wait_readers_do_not_and_nobody_is_given_up(crowd: Crowd) -> None:
    crowd.submit(12)
    crowd.submit(2, seconds=2)
    eventually(lambda: len(havoc.busy_workers(crowd.server)) == 2)
    uploads = [threading.Thread(target=crowd.submit) for _ in range(3)]
    slowest = 0.0
    with havoc.locked_database(crowd.server):
        for thread in uploads:
            thread.start()
        until = time.monotonic() + LOCKED_FOR
        while time.monotonic() < until:
            began = time.monotonic()
            assert httpx.get(f"{crowd.server.url}/login", timeout=30).status_code == 200
            slowest = max(slowest, time.monotonic() - began)
            havoc.pause(0.1)
    for thread in uploads:
        thread.join()
    # Its only web process went on serving others while uploads waited in it.
    assert slowest < 2
    assert crowd.settle().retried == 0
    assert ask(crowd.server, "SELECT count(*) FROM events WHERE name = 'released'") == [(0,)]
