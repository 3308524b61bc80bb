"""The hub: one read a change, shared bytes, the latest state wins, appended lines never repeat."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from webapp.records.database import Change
from webapp.stream.hub import Hub, Limits, TooManyStreams
from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.watcher import PENDING_BYTES, Watcher
from webapp.stream.wire import Message

JOB = Topic("job", 1)


@dataclass
class Counter:
    """A record of the tests' own: a number, and all numbers it has had."""

    value: int = 0
    ended: bool = False

    @property
    def position(self) -> int:
        return self.value


class Shown(Rendering):
    rendered = 0

    def parts(self, state: Counter) -> dict[str, Message]:
        self.rendered += 1
        return {"value": Message(f"value={state.value}"), "fixed": Message("fixed")}

    def tail(self, state: Counter, after: int | None) -> Message | None:
        numbers = range((after or 0) + 1, state.value + 1)
        return Message("line " + " ".join(map(str, numbers))) if numbers else None

    def farewell(self, state: Counter) -> Message:
        return Message("", event="bye")


class Slow(Rendering):
    interval = 0.5

    def parts(self, state: Counter) -> dict[str, Message]:
        return {"value": Message(str(state.value))}

    def milestone(self, state: Counter) -> object:
        return state.ended


class Stage:
    """A hub with one record and a clock that the test turns."""

    def __init__(self, **limits: int) -> None:
        self.record: Counter | None = Counter()
        self.reads = 0
        self.now = 0.0
        bounds = {"per_user": 9, "per_address": 9, "per_process": 9} | limits
        self.hub = Hub(lambda _topic, _before: self.read(), Limits(**bounds), clock=lambda: self.now)

    def read(self) -> Counter | None:
        self.reads += 1
        return self.record

    def watch(self, rendering: Rendering, *, user_id: int = 1, after: int | None = None) -> Watcher:
        watcher = Watcher(user_id, "::1", "job=1", after={} if after is None else {JOB: after})
        self.hub.subscribe(watcher, [(JOB, rendering)])
        return watcher

    def change(self, what: str = "progress", **values: object) -> None:
        for name, value in values.items():
            setattr(self.record, name, value)
        self.hub.changed(Change("job", 1, 1, what))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def taken(watcher: Watcher) -> bytes:
    return watcher.take(0) or b""


def test_a_newcomer_gets_the_present_state_before_any_change(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    stage.hub.tick()
    assert taken(watcher) == b"data: value=0\n\ndata: fixed\n\n"


def test_a_change_is_read_once_and_rendered_once_for_all(stage: Stage) -> None:
    rendering = Shown()
    watchers = [stage.watch(rendering) for _ in range(5)]
    stage.hub.tick()
    stage.reads = rendering.rendered = 0
    for value in range(1, 20):
        stage.change(value=value)
    stage.hub.tick()
    assert (stage.reads, rendering.rendered) == (1, 1)
    assert all(b"value=19" in taken(watcher) for watcher in watchers)


def test_only_what_differs_is_sent(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    stage.hub.tick()
    taken(watcher)
    stage.change(value=1)
    stage.hub.tick()
    assert b"fixed" not in taken(watcher)


def test_who_reads_slowly_gets_the_latest_state_but_every_line(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    stage.hub.tick()
    for value in (1, 2, 3):
        stage.change(value=value)
        stage.hub.tick()
    sent = taken(watcher)
    assert sent.count(b"value=") == 1
    assert [sent.count(b"line %d" % n) for n in (1, 2, 3)] == [1, 1, 1]
    assert sent.index(b"line 3") < sent.index(b"value=3")


def test_who_comes_back_gets_the_lines_since_and_none_twice(stage: Stage) -> None:
    stage.record = Counter(value=5)
    watcher = stage.watch(Shown(), after=3)
    stage.hub.tick()
    assert b"line 4 5\n" in taken(watcher)


def test_an_ended_record_says_so_and_ends_the_stream(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    stage.hub.tick()
    stage.change(value=1, ended=True)
    stage.hub.tick()
    sent = taken(watcher)
    assert sent.endswith(b"event: bye\ndata: \n\n")
    assert b"value=1" in sent
    assert watcher.finished


def test_a_record_that_is_gone_ends_the_stream(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    stage.hub.tick()
    stage.record = None
    stage.hub.changed(Change("job", 1, 1, "deleted"))
    stage.hub.tick()
    assert watcher.finished


def test_updates_keep_their_interval_but_an_end_is_not_held_back(stage: Stage) -> None:
    watcher = stage.watch(Slow())
    stage.hub.tick()
    taken(watcher)
    stage.now = 0.1
    stage.change(value=1)
    stage.hub.tick()
    assert taken(watcher) == b""
    stage.now = 0.5
    stage.hub.tick()
    assert taken(watcher) == b"data: 1\n\n"
    stage.now = 0.6
    stage.change(value=2, ended=True)
    stage.hub.tick()
    assert taken(watcher) == b"data: 2\n\n"


def test_a_newcomer_is_not_made_to_wait_for_the_interval(stage: Stage) -> None:
    rendering = Slow()
    stage.watch(rendering)
    stage.hub.tick()
    stage.now = 0.1
    newcomer = stage.watch(rendering)
    stage.hub.tick()
    assert taken(newcomer) == b"data: 0\n\n"


def test_a_person_who_is_shut_out_loses_their_streams_and_nobody_else(stage: Stage) -> None:
    rendering = Shown()
    ben, cleo = stage.watch(rendering, user_id=2), stage.watch(rendering, user_id=3)
    stage.hub.changed(Change("user", 2, 2, "disabled"))
    assert (ben.finished, cleo.finished) == (True, False)


def test_who_leaves_is_forgotten(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    stage.hub.unsubscribe(watcher)
    stage.hub.unsubscribe(watcher)
    stage.reads = 0
    stage.change(value=1)
    stage.hub.tick()
    assert (len(stage.hub), stage.reads) == (0, 0)


@pytest.mark.parametrize(("limit", "busy"), [("per_user", False), ("per_address", False), ("per_process", True)])
def test_streams_are_bounded(limit: str, busy: bool) -> None:
    stage = Stage(**{limit: 1})
    stage.watch(Shown())
    with pytest.raises(TooManyStreams) as refusal:
        stage.watch(Shown())
    assert refusal.value.busy is busy
    assert len(stage.hub) == 1


def test_a_client_that_stops_reading_is_cut_once_too_much_waits(stage: Stage) -> None:
    cut: list[bool] = []
    watcher = stage.watch(Shown())
    watcher.abort = lambda: cut.append(True)
    watcher.offer({}, b"x" * (PENDING_BYTES + 1))
    stage.hub.tick()
    assert cut
    assert watcher.finished
