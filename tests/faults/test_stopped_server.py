"""The server is stopped, or killed, in the middle of a long job, and started again."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults import havoc
from tests.faults.crowd import Crowd, ask, crowded
from tests.serving import eventually, serving

GRACE = 2
SETTINGS = {"HEADWAY_WORKERS": "1", "HEADWAY_STOP_GRACE": str(GRACE)}


def test_what_does_not_end_in_time_is_handed_back_and_costs_no_try(tmp_path: Path) -> None:
    with crowded(tmp_path, seed=12, **SETTINGS) as crowd:
        crowd.submit(seconds=4)
        stop_in_the_middle(crowd, attempt=1)
    with serving(tmp_path / "data", **SETTINGS) as crowd.server:
        eventually(lambda: havoc.busy_workers(crowd.server))
        with havoc.frozen(*havoc.processes(crowd.server, havoc.REDIS)):
            stop_in_the_middle(crowd, attempt=2)
    with serving(tmp_path / "data", **SETTINGS) as crowd.server:
        crowd.settle()
        assert ask(crowd.server, "SELECT attempt, tries FROM jobs") == [(3, 1)]


def stop_in_the_middle(crowd: Crowd, attempt: int) -> None:
    eventually(lambda: havoc.busy_workers(crowd.server))
    began = time.monotonic()
    assert crowd.server.stop() == 0
    # The web and the workers have their grace, then Redis has.
    assert time.monotonic() - began < 3 * GRACE
    assert ask(crowd.server, "SELECT state, attempt, tries, worker_id FROM jobs") == [("queued", attempt, 0, None)]


def test_a_server_that_is_killed_picks_up_where_it_was(tmp_path: Path) -> None:
    with crowded(tmp_path, seed=9, HEADWAY_WORKERS="2") as crowd:
        crowd.submit(10)
        crowd.submit(2, seconds=2)
        eventually(lambda: len(havoc.busy_workers(crowd.server)) == 2)
        crowd.server.process.kill()
        crowd.server.process.wait()
    with serving(tmp_path / "data", HEADWAY_WORKERS="2") as crowd.server:
        assert crowd.settle().retried >= 1
