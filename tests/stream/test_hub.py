"""The hub: one read a change, shared bytes, the latest state wins, appended lines never repeat."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

import pytest

from tests.serving import eventually
from webapp.records.credential import Credential
from webapp.records.database import Change
from webapp.stream.agenda import Depth
from webapp.stream.generator import Generator, Mailbox
from webapp.stream.hub import COUNT_DELAY, LOOK_OVER, Hub, Unsaid
from webapp.stream.limits import Limits, TooManyStreams
from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.update import Update
from webapp.stream.watcher import PENDING_BYTES, Asked
from webapp.stream.wire import Message
from webapp.stream.writer import USUAL

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


class Numbered(Rendering):
    """Events with ids; the second part changes once only."""

    def parts(self, state: Counter) -> dict[str, Message]:
        return {"value": Message(str(state.value)), "begun": Message(str(state.value > 0))}

    def stream(self, topic: Topic) -> str:
        return "1"


class Slow(Rendering):
    interval = 0.5

    def parts(self, state: Counter) -> dict[str, Message]:
        return {"value": Message(str(state.value))}

    def milestone(self, state: Counter) -> object:
        return state.ended


class SlowLog(Shown):
    interval = 0.5


class Card(Rendering):
    endless = True

    def gone(self, topic: Topic) -> Message:
        return Message(f"remove {topic.id}")


class Restless(Rendering):
    refresh = 2.0

    def parts(self, state: Counter) -> dict[str, Message]:
        return {"value": Message(str(state.value))}


class Stage:
    """A hub with one record and a clock that the test turns."""

    def __init__(self, unsaid: Unsaid = lambda _known: {}, **limits: int) -> None:
        self.record: Counter | None = Counter()
        self.reads = 0
        self.now = 0.0
        bounds = {"per_user": 9, "per_address": 9, "per_process": 9, "connects_a_minute": 99} | limits
        self.shut_out: set[Credential] = set()
        self.hub = Hub(
            lambda _topic, _before: self.read(),
            Limits(**bounds),
            unsaid=unsaid,
            still_good=lambda credentials: set(credentials) - self.shut_out,
            clock=lambda: self.now,
        )
        self.outlet = Generator(self.hub, USUAL)

    def read(self) -> Counter | None:
        self.reads += 1
        # A state does not change; another takes its place.
        return replace(self.record) if self.record else None

    def watch(self, rendering: Rendering, *, user_id: int = 1, after: int | None = None, topic: Topic = JOB) -> Mailbox:
        asked = Asked(Credential(user_id, "member"), "::1", topic, after)
        watcher = Mailbox(asked, self.outlet, None)
        self.hub.subscribe(watcher, [(topic, rendering)])
        return watcher

    def change(self, what: str = "progress", **values: object) -> None:
        for name, value in values.items():
            setattr(self.record, name, value)
        self.hub.changed(Change("job", 1, 1, what))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def taken(watcher: Mailbox) -> bytes:
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


def test_who_comes_between_two_updates_gets_no_line_twice(stage: Stage) -> None:
    rendering = SlowLog()
    other = stage.watch(rendering)
    stage.hub.tick()
    stage.now = 0.1
    stage.change(value=2)
    stage.hub.tick()
    newcomer = stage.watch(rendering, after=1)
    stage.hub.tick()
    stage.now = 0.6
    stage.change(value=3)
    stage.hub.tick()
    for watcher, numbers in ((newcomer, [2, 3]), (other, [1, 2, 3])):
        sent = b" ".join(line for line in taken(watcher).split(b"\n") if line.startswith(b"data: line"))
        assert [int(word) for word in sent.split() if word.isdigit()] == numbers


def test_who_heard_more_elsewhere_is_not_told_from_memory(stage: Stage) -> None:
    rendering = Shown()
    stage.watch(rendering)
    stage.hub.tick()
    stage.record = Counter(value=4)
    newcomer = stage.watch(rendering, after=4)
    stage.hub.tick()
    stage.change(value=5)
    stage.hub.tick()
    sent = taken(newcomer)
    assert b"line 5\n" in sent
    assert b"line 4" not in sent


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


def test_a_stream_that_others_share_goes_on_when_one_record_is_gone(stage: Stage) -> None:
    watcher = stage.watch(Card())
    stage.hub.tick()
    taken(watcher)
    stage.record = None
    stage.hub.changed(Change("job", 1, 1, "deleted"))
    stage.hub.tick()
    assert taken(watcher) == b"data: remove 1\n\n"
    stage.reads = 0
    stage.change()
    stage.hub.tick()
    assert (watcher.finished, stage.reads) == (False, 0)


def test_what_a_list_holds_no_longer_is_told_to_its_end(stage: Stage) -> None:
    class Kept(Numbered):
        endless = True

    class Unfinished(Rendering):
        endless = True

        def follows(self, state: Counter) -> list[tuple[Topic, Rendering]]:
            return [(topic, kept) for topic in (Topic("job", 2), JOB)[: 1 if state.ended else 2]]

    kept = Kept()
    # Its name puts the list before what it lists.
    watcher = stage.watch(Unfinished(), topic=Topic("ingestions", 1))
    for _ in range(2):
        stage.hub.tick()
    taken(watcher)
    stage.change("completed", value=7, ended=True)
    stage.hub.changed(Change("job", 2, 1, "queued"))
    stage.hub.tick()
    assert len(watcher.feeds) == 2
    assert taken(watcher).count(b"data: 7\n") == 2


def test_what_changes_by_itself_is_read_again_and_again_while_it_is_watched(stage: Stage) -> None:
    watcher = stage.watch(Restless())
    stage.hub.tick()
    taken(watcher)
    stage.record = Counter(value=1)
    stage.now = 1.9
    stage.hub.tick()
    assert taken(watcher) == b""
    stage.now = 2.0
    stage.hub.tick()
    assert taken(watcher) == b"data: 1\n\n"
    stage.hub.unsubscribe(watcher)
    stage.reads, stage.now = 0, 4.0
    stage.hub.tick()
    stage.hub.tick()
    assert stage.reads == 0


def test_a_change_is_told_at_once_though_it_is_to_be_read_again_later_anyway(stage: Stage) -> None:
    watcher = stage.watch(Restless())
    stage.hub.tick()
    taken(watcher)
    stage.change(value=1)
    stage.hub.tick()
    assert taken(watcher) == b"data: 1\n\n"


def test_a_burst_of_changes_is_summed_up_once(stage: Stage) -> None:
    watcher = stage.watch(Restless(), topic=Topic("summary", 0))
    stage.hub.tick()
    taken(watcher)
    stage.reads = 0
    for value in range(1, 20):
        stage.change("claimed", value=value)
        stage.change("progress")
        stage.hub.tick()
    assert stage.reads == 0
    stage.now = COUNT_DELAY
    stage.hub.tick()
    assert (stage.reads, taken(watcher)) == (1, b"data: 19\n\n")


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


def test_an_end_is_not_held_back_by_an_update_that_is(stage: Stage) -> None:
    watcher = stage.watch(Slow())
    stage.hub.tick()
    taken(watcher)
    stage.now = 0.1
    stage.change(value=1)
    stage.hub.tick()
    stage.change(value=2, ended=True)
    stage.hub.tick()
    assert taken(watcher) == b"data: 2\n\n"


def test_word_of_a_change_is_not_kept_waiting_by_the_next_look(stage: Stage) -> None:
    watcher = stage.watch(Restless())
    stage.hub.tick()
    taken(watcher)
    stage.now = 0.1
    stage.change(value=1)
    stage.hub.tick()
    assert taken(watcher) == b"data: 1\n\n"


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


def test_streams_are_not_opened_faster_than_may_be() -> None:
    stage = Stage(connects_a_minute=3)
    stage.now = 130.0
    for _ in range(3):
        stage.hub.unsubscribe(stage.watch(Shown()))
    with pytest.raises(TooManyStreams) as refusal:
        stage.watch(Shown())
    assert (refusal.value.busy, refusal.value.retry_after) == (False, 50)
    stage.now = 180.0
    assert stage.watch(Shown())


def test_those_who_have_left_make_room() -> None:
    stage = Stage(per_user=1)
    stage.hub.unsubscribe(stage.watch(Shown()))
    assert not stage.watch(Shown()).finished
    assert len(stage.hub) == 1


def test_a_client_that_stops_reading_is_cut_once_too_much_waits(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    watcher.offer(Update.of({}, b"x" * (PENDING_BYTES + 1)))
    assert watcher.is_stalled(0.0)


def test_a_long_log_is_no_reason_to_cut_a_newcomer(stage: Stage) -> None:
    class Long(Shown):
        def tail(self, state: Counter, after: int | None) -> Message:
            return Message("x" * (PENDING_BYTES + 1))

    watcher = stage.watch(Long())
    stage.hub.tick()
    assert not watcher.is_stalled(0.0)


def test_a_client_that_is_stuck_in_a_write_is_stalled_from_then_on(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    stage.hub.tick()
    taken(watcher)
    assert watcher.waiting_since
    assert watcher.is_stalled(watcher.waiting_since + 1)
    assert not watcher.is_stalled(watcher.waiting_since - 1)


def test_a_client_that_has_read_everything_is_not_taken_for_stalled(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    stage.hub.tick()
    taken(watcher)
    # Waits for more, and is told that there is nothing.
    watcher.take(0)
    watcher.offer(Update.of({"part": b"x"}))
    assert not watcher.is_stalled(watcher.opened_at)


def test_what_is_sent_last_has_the_newest_id(stage: Stage) -> None:
    watcher = stage.watch(Numbered())
    stage.hub.tick()
    for value in (1, 2):
        stage.change(value=value)
        stage.hub.tick()
    assert taken(watcher).rpartition(b"id: ")[2].startswith(b"1.2\n")


def test_one_record_that_can_not_be_drawn_does_not_hold_up_the_others(stage: Stage) -> None:
    def load(topic: Topic, _before: object) -> Counter:
        if topic.id == 1 and stage.now < 1:
            raise RuntimeError("no")
        return Counter()

    stage.hub = Hub(load, Limits(9, 9, 9, 99), clock=lambda: stage.now)  # type: ignore[arg-type]
    broken, good = stage.watch(Shown()), stage.watch(Shown(), topic=Topic("job", 2))
    stage.hub.tick()
    assert (taken(broken), taken(good)) == (b"", b"data: value=0\n\ndata: fixed\n\n")
    stage.now = 1.0
    stage.hub.tick()
    assert taken(broken) == b"data: value=0\n\ndata: fixed\n\n"


def test_who_was_shut_out_while_no_word_came_is_found_out_afterwards(stage: Stage) -> None:
    staying, out = stage.watch(Shown(), user_id=1), stage.watch(Shown(), user_id=2)
    stage.shut_out = {out.asked.credential}
    stage.hub.readmit()
    assert (staying.finished, out.finished) == (False, True)


def test_a_hub_that_is_about_to_stop_takes_nobody_more(stage: Stage) -> None:
    watcher = stage.watch(Shown())
    stage.hub.drain(0)
    assert watcher.finished
    with pytest.raises(TooManyStreams) as refusal:
        stage.watch(Shown())
    assert refusal.value.busy


def test_many_are_ended_bit_by_bit_and_told_the_end_of_what_ends_meanwhile() -> None:
    stage = Stage(per_user=500, per_address=500, per_process=500, connects_a_minute=500)
    rendering = Shown()
    watchers = [stage.watch(rendering) for _ in range(500)]
    stage.hub.tick()
    draining = threading.Thread(target=stage.hub.drain, args=(0.5,))
    draining.start()
    eventually(lambda: any(watcher.finished for watcher in watchers))
    late = next(watcher for watcher in watchers if not watcher.finished)
    stage.change(value=1, ended=True)
    stage.hub.tick()
    draining.join()
    assert all(watcher.finished for watcher in watchers)
    assert b"bye" in taken(late)


def test_few_are_ended_at_once(stage: Stage) -> None:
    watchers = [stage.watch(Shown()) for _ in range(9)]
    began = time.monotonic()
    stage.hub.drain(60)
    assert time.monotonic() - began < 1
    assert all(watcher.finished for watcher in watchers)


def test_a_filter_is_asked_once_for_a_burst_and_only_where_the_owner_s_jobs_changed() -> None:
    stage = Stage()
    mine, everybody_s, other = Topic("matches", 1, "{}"), Topic("matches", 0, "{}"), Topic("matches", 2, "{}")
    watchers = [stage.watch(Restless(), topic=topic) for topic in (mine, mine, everybody_s, other)]
    stage.hub.tick()
    assert stage.reads == 3
    for _ in range(20):
        stage.change("claimed")
        stage.hub.tick()
    stage.now = COUNT_DELAY
    stage.hub.tick()
    assert stage.reads == 3 + 2
    for watcher in watchers:
        stage.hub.unsubscribe(watcher)
    stage.change("claimed")
    stage.now = 2 * COUNT_DELAY
    stage.hub.tick()
    assert stage.reads == 3 + 2


@pytest.mark.parametrize("what", ["queued", "retried"])
def test_a_list_is_read_again_when_a_job_enters_it(stage: Stage, what: str) -> None:
    stage.watch(Card(), topic=Topic("jobs", 1))
    stage.hub.tick()
    stage.reads = 0
    stage.hub.changed(Change("job", 5, 1, what), Change("job", 6, 1, "claimed"), Change("job", 7, 2, what))
    stage.hub.tick()
    assert stage.reads == 1


def test_what_changed_without_a_word_is_asked_for_now_and_then() -> None:
    asked: list[object] = []

    def unsaid(known: object) -> dict[Topic, Depth]:
        asked.append(known)
        if len(asked) > 1:
            raise RuntimeError("no database")
        return {JOB: Depth.WHOLE}

    stage = Stage(unsaid=unsaid)
    stage.watch(Card())
    stage.hub.tick()
    stage.reads = 0
    for moment in (LOOK_OVER / 2, LOOK_OVER, LOOK_OVER * 1.5, LOOK_OVER * 2):
        stage.now = moment
        stage.hub.tick()
    assert len(asked) == 2
    assert stage.reads == 1
