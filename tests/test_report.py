"""What a kind says, what of it is sent, and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.serving import eventually
from webapp.kinds.base import Stage
from webapp.progress import LogLine, Progress
from webapp.report import KEPT_LINES, LINES_AN_ATTEMPT, Cancelled, Report

STAGES = (Stage("reading", weight=1), Stage("counting", weight=3))


class Listener:
    """Takes what a report publishes, and may answer that the job shall stop, or fail as Redis does."""

    def __init__(self) -> None:
        self.pictures: list[Progress] = []
        self.lines: list[LogLine] = []
        self.calls = 0
        self.stop = False
        self.away = False

    def __call__(self, progress: Progress | None, lines: Sequence[LogLine]) -> bool:
        self.calls += 1
        if self.away:
            raise ConnectionError("no Redis")
        self.pictures += [progress] if progress else []
        self.lines += lines
        return self.stop


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def listener() -> Listener:
    return Listener()


def test_the_end_of_a_stage_is_sent_at_once(listener: Listener) -> None:
    report = Report(STAGES, listener)
    with report.stage("reading", total=2):
        report.advance()
        report.advance()
        assert [stage.status for stage in listener.pictures[-1].stages] == ["in_progress", "pending"]
    assert [(s.status, s.done) for s in listener.pictures[-1].stages] == [("completed", 2), ("pending", 0)]


def test_the_fraction_weighs_stages_and_never_goes_back(listener: Listener) -> None:
    report = Report(STAGES, listener)
    with report.stage("reading", total=1):
        report.advance()
    assert report.picture().fraction == 0.25
    with report.stage("counting", total=2):
        report.advance()
        assert report.picture().fraction == 0.25 + 0.75 / 2
        report.total(100)
        assert report.picture().fraction == 0.25 + 0.75 / 2


def test_what_was_kept_counts_from_the_start_and_does_not_hasten_the_end(listener: Listener) -> None:
    clock = Clock()
    report = Report(STAGES, listener, clock=clock)
    report.restore("reading", attempt=1, done=4, total=4, seconds=3.0, counters={"pages": 4})
    with report.stage("counting", total=10):
        report.advance(4)
        report.restored(attempt=2, seconds=8.0)
        picture = report.picture()
        assert picture.fraction == picture.kept_fraction == pytest.approx(0.25 + 0.75 * 0.4)
        assert picture.seconds_left is None
        clock.now += 2
        report.advance(2)
        picture = report.picture()
    reading, counting = picture.stages
    assert (reading.status, reading.kept_whole, reading.seconds(picture.updated_at)) == ("completed", True, 3.0)
    assert (counting.done, counting.kept, counting.kept_from, counting.seconds(picture.updated_at)) == (6, 4, 2, 10.0)
    assert picture.counters == {"pages": 4}
    assert picture.seconds_left == pytest.approx(2 * 4 / 2)


def test_a_stage_that_fails_is_marked(listener: Listener) -> None:
    report = Report(STAGES, listener)
    with pytest.raises(ZeroDivisionError), report.stage("reading"):
        raise ZeroDivisionError
    assert report.picture().stages[0].status == "error"


def test_without_a_change_nothing_is_sent_until_a_sign_of_life_is_due(listener: Listener) -> None:
    clock = Clock()
    report = Report(STAGES, listener, clock=clock)
    report.flush()
    report.flush()
    assert listener.calls == 1
    clock.now += 1.5
    report.flush()
    assert (listener.calls, len(listener.pictures)) == (2, 1)


def test_lanes_in_flight_and_waiting_are_what_they_are(listener: Listener) -> None:
    report = Report(STAGES, listener)
    report.lanes(2)
    with report.stage("reading", total=5):
        report.busy(1, "chunk-3", items=2)
        report.advance()
        picture = report.picture()
    assert (picture.in_flight, picture.queue_depth) == (2, 2)
    assert [(lane.id, lane.status, lane.item) for lane in picture.lanes] == [
        (1, "processing", "chunk-3"),
        (2, "idle", ""),
    ]


def test_a_cancel_raises_at_the_next_advance(listener: Listener) -> None:
    report = Report(STAGES, listener)
    listener.stop = True
    with pytest.raises(Cancelled), report.stage("reading", total=9):
        report.advance()


def test_lines_that_could_not_be_sent_wait_for_the_next_time(listener: Listener) -> None:
    report = Report(STAGES, listener, attempt=2)
    listener.away = True
    report.log("first")
    report.flush()
    listener.away = False
    report.log("second")
    report.flush()
    assert [(line.n, line.text) for line in listener.lines] == [
        (2 * LINES_AN_ATTEMPT + 1, "first"),
        (2 * LINES_AN_ATTEMPT + 2, "second"),
    ]


def test_only_so_many_lines_are_kept_while_none_can_be_sent(listener: Listener) -> None:
    report = Report(STAGES, listener)
    listener.away = True
    for number in range(KEPT_LINES * 3):
        report.log(str(number))
    listener.away = False
    report.flush()
    assert len(listener.lines) == len(report.tail) == KEPT_LINES
    assert listener.lines[-1].text == str(KEPT_LINES * 3 - 1)


def test_control_characters_of_a_line_are_made_visible(listener: Listener) -> None:
    report = Report(STAGES, listener)
    report.log("a\x1b[31mb\u202ec\0d")
    assert report.tail[0].text == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}d"


def test_the_thread_sends_the_last_state_before_it_ends(listener: Listener) -> None:
    with Report(STAGES, listener, interval=60) as report, report.stage("reading", total=1):
        report.advance()
        report.count("found", 7)
    assert listener.pictures[-1].counters == {"found": 7}
    assert listener.pictures[-1].stages[0].status == "completed"


def test_a_line_after_a_quiet_time_is_sent_at_once(listener: Listener) -> None:
    with Report(STAGES, listener, interval=60) as report:
        report.log("hello")
        assert eventually(lambda: listener.lines)
