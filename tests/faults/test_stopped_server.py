"""The server is stopped, or killed, in the middle of a long job, and started again."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults import havoc
from tests.faults.crowd import Crowd, ask, crowded
from tests.serving import eventually, serving

GRACE = 2
SETTINGS = {"HEADWAY_WORKERS": "1", "HEADWAY_STOP_GRACE": str(GRACE)}


def test_what_is_handed_back_costs_no_try_and_what_is_killed_does(tmp_path: Path) -> None:
    with crowded(tmp_path, seed=12, **SETTINGS) as crowd:
        crowd.submit(seconds=4)
        stop_in_the_middle(crowd, attempt=1)
    with serving(tmp_path / "data", **SETTINGS) as crowd.server:
        eventually(lambda: havoc.busy_workers(crowd.server))
        with havoc.frozen(*havoc.processes(crowd.server, havoc.REDIS)):
            stop_in_the_middle(crowd, attempt=2)
    with serving(tmp_path / "data", **SETTINGS) as crowd.server:
        eventually(lambda: havoc.busy_workers(crowd.server))
        crowd.submit(10)
        crowd.server.process.kill()
        crowd.server.process.wait()
    with serving(tmp_path / "data", **SETTINGS) as crowd.server:
        # Only the one that was killed with the whole server counts.
        assert crowd.settle().retried == 1
        assert ask(crowd.server, "SELECT attempt, tries FROM jobs WHERE attempt > 1") == [(4, 2)]


def stop_in_the_middle(crowd: Crowd, attempt: int) -> None:
    eventually(lambda: havoc.busy_workers(crowd.server))
    began = time.monotonic()
    assert crowd.server.stop() == 0
    # The web and the workers have their grace, then Redis has.
    assert time.monotonic() - began < 3 * GRACE
    assert ask(crowd.server, "SELECT state, attempt, tries, worker_id FROM jobs") == [("queued", attempt, 0, None)]
