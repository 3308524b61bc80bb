"""The wall clock of web and workers is set forward and back while jobs run. What decides asks no clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import havoc
from tests.faults.crowd import Crowd, ask, crowded
from tests.serving import eventually
from webapp.settings import PROJECT

HOUR = 3600


class Clock:
    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, seconds: float) -> None:
        """Make it wrong by so much. Written beside it first, so that nobody reads half a number."""
        beside = self._file.with_suffix(".new")
        beside.write_text(str(seconds))
        beside.replace(self._file)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock") / "offset")


@pytest.fixture(scope="module")
def crowd(clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    folder = Path(__file__).with_name("clock")
    settings = {
        "PYTHONPATH": f"{folder}:{PROJECT}",
        "HEADWAY_TEST_CLOCK": str(clock._file),
        "HEADWAY_WORKERS": "2",
    }
    with crowded(tmp_path_factory.mktemp("jumps"), seed=11, **settings) as crowd:
        yield crowd


def test_no_job_is_lost_or_begun_twice_however_the_clock_jumps(crowd: Crowd, clock: Clock) -> None:
    offsets = iter([HOUR, -2 * HOUR, 48 * HOUR, 0, -30, 20])
    crowd.submit_mixed(40)
    jumps = havoc.again_and_again(crowd, lambda: clock.set(next(offsets, 0)), every=0.7, at_most=6)
    assert jumps >= 3
    assert crowd.settle().retried == 0


def test_the_clock_of_this_server_really_jumps(crowd: Crowd, clock: Clock) -> None:
    for offset in (48 * HOUR, -48 * HOUR):
        clock.set(offset)
        (job_id,) = crowd.submit()
        crowd.settle()
        query = (
            "SELECT (julianday(created_at) - julianday('now')) * 24, finished_at >= created_at FROM jobs WHERE id = ?"
        )
        ((hours, in_order),) = ask(crowd.server, query, job_id)
        assert hours * HOUR == pytest.approx(offset, abs=60)
        assert in_order


def test_a_worker_that_dies_is_noticed_whatever_the_clock_says(crowd: Crowd, clock: Clock) -> None:
    clock.set(0)
    (job_id,) = crowd.submit(seconds=3)
    eventually(lambda: havoc.busy_workers(crowd.server))
    clock.set(-HOUR)
    havoc.kill_a_worker(crowd.server, crowd.random)
    havoc.kill_a_worker(crowd.server, crowd.random)
    crowd.settle()
    assert ask(crowd.server, "SELECT state FROM jobs WHERE id = ?", job_id) == [("completed",)]
