import os
import signal
import time
from collections.abc import Iterator

import pytest

from webapp.engines.embed import embed_one
from webapp.engines.extract import extract
from webapp.engines.lanes import Lanes
from webapp.errors import JobError
from webapp.kinds.base import Stage
from webapp.progress import Progress
from webapp.report import Cancelled, Report


class Watched:
    """A report, all the pictures that were sent of it, and a way to ask for a stop."""

    def __init__(self) -> None:
        self.pictures: list[Progress] = []
        self.stop = False
        self.report = Report([Stage("working")], self.publish, interval=0.01)

    def publish(self, picture: Progress | None, lines: object) -> bool:
        if picture:
            self.pictures.append(picture)
        return self.stop


@pytest.fixture(scope="module")
def lanes() -> Iterator[Lanes]:
    lanes = Lanes(2)
    yield lanes
    lanes.close()


@pytest.fixture
def watched() -> Watched:
    return Watched()


def work_through(lanes: Lanes, watched: Watched) -> None:
    with watched.report, watched.report.stage("working", total=1000):
        for _ in lanes.map(nap, [0.02] * 1000, watched.report):
            watched.report.advance()


# These run in the lanes.


def double(number: int) -> int:
    return number * 2


def process_id(_: int) -> int:
    return os.getpid()


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def refuse(_: int) -> None:
    raise JobError("not this one")


def break_oddly(_: int) -> None:
    raise type("Unpicklable", (Exception,), {})("made on the spot")


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def test_every_item_comes_back_with_its_result(lanes, watched):
    assert dict(lanes.map(double, range(50), watched.report)) == {n: 2 * n for n in range(50)}


def test_no_items_give_no_results(lanes, watched):
    assert list(lanes.map(double, [], watched.report)) == []


def test_the_processes_stay_between_two_maps(lanes, watched):
    both = [{pid for _, pid in lanes.map(process_id, range(40), watched.report)} for _ in range(2)]
    assert len(both[0] | both[1]) <= 2
    assert os.getpid() not in both[0]


def test_what_is_in_flight_is_what_is_being_worked_on(lanes, watched):
    with watched.report, watched.report.stage("working", total=6):
        for _ in lanes.map(nap, [0.1] * 6, watched.report, name=lambda item: f"nap of {item}"):
            watched.report.advance()
    busy = [[lane for lane in picture.lanes if lane.status == "processing"] for picture in watched.pictures]
    assert max(map(len, busy)) == 2
    assert {lane.item for lanes_busy in busy for lane in lanes_busy} == {"nap of 0.1"}
    assert [lane.status for lane in watched.pictures[-1].lanes] == ["idle", "idle"]


def test_an_exception_in_a_lane_is_raised_with_its_traceback(lanes, watched):
    with pytest.raises(JobError, match="not this one") as raised:
        list(lanes.map(refuse, [1], watched.report))
    assert raised.value.permanent
    assert "in refuse" in raised.value.__notes__[0]
    assert dict(lanes.map(double, [3], watched.report)) == {3: 6}


def test_an_exception_that_can_not_travel_comes_as_words(lanes, watched):
    with pytest.raises(RuntimeError, match="Unpicklable: made on the spot"):
        list(lanes.map(break_oddly, [1], watched.report))


def test_a_lane_that_is_killed_fails_the_attempt_but_not_for_good(lanes, watched):
    with pytest.raises(JobError, match="signal 9") as raised:
        list(lanes.map(die, [signal.SIGKILL], watched.report))
    assert not raised.value.permanent


def test_a_lane_that_died_is_replaced(lanes, watched):
    with pytest.raises(JobError):
        list(lanes.map(die, [signal.SIGKILL], watched.report))
    assert dict(lanes.map(double, range(10), watched.report)) == {n: 2 * n for n in range(10)}


def test_lanes_ignore_an_interrupt_from_the_keyboard(lanes, watched):
    list(lanes.map(die, [signal.SIGINT] * 4, watched.report))


def test_a_cancel_stops_handing_out_items_and_keeps_the_lanes(lanes, watched):
    before = {pid for _, pid in lanes.map(process_id, range(40), watched.report)}
    watched.stop = True
    with pytest.raises(Cancelled):
        work_through(lanes, watched)
    after = {pid for _, pid in lanes.map(process_id, range(40), Watched().report)}
    assert watched.pictures[-1].stages[0].done < 100
    assert len(before | after) <= 2


def test_a_cancel_is_heard_while_no_result_comes(watched):
    lanes = Lanes(1)
    watched.stop = True
    watched.report.flush()
    with pytest.raises(Cancelled):
        list(lanes.map(nap, [1.0], watched.report))
    lanes.close()


def test_lanes_load_the_models_but_neither_flask_nor_redis(watched):
    lanes = Lanes(1)
    list(lanes.map(embed_one, ["light"], watched.report))
    list(lanes.map(extract, ["This is the light of the tower."], watched.report))
    ((_, modules),) = lanes.map(eval, ["set(__import__('sys').modules)"], watched.report)
    lanes.close()
    assert {"onnxruntime", "spacy"} <= modules
    assert not {"flask", "redis", "huey", "sqlalchemy", "xberg"} & modules


def test_lanes_end_when_their_parent_is_killed(tmp_path):
    import subprocess
    import sys

    program = (
        "import os, signal\n"
        "from tests.engines.test_lanes import Watched, process_id\n"
        "from webapp.engines.lanes import Lanes\n"
        "print({pid for _, pid in Lanes(2).map(process_id, range(40), Watched().report)}, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    deadline = time.monotonic() + 5
    while any(_is_running(pid) for pid in eval(output)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
