"""Another program holds the database's lock for ten seconds."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx

from tests.faults import havoc
from tests.faults.crowd import ask, crowded
from tests.serving import eventually

LOCKED_FOR = 10


def test_writers_wait_readers_do_not_and_nobody_is_given_up(tmp_path: Path) -> None:
    settings = {"HEADWAY_WORKERS": "2", "HEADWAY_WORKER_LEASE": "2", "HEADWAY_WEB_PROCESSES": "1"}
    with crowded(tmp_path, seed=8, **settings) as crowd:
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
        assert crowd.settle().completed == 17
        assert ask(crowd.server, "SELECT count(*) FROM events WHERE name = 'released'") == [(0,)]
