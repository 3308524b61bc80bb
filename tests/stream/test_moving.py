"""Running jobs of which only the progress is new: one round trip, and no more is believed than was read."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import Cast
from webapp.live.client import connect
from webapp.live.job_live import RECENT_LINES, JobLive
from webapp.progress import LogLine, Progress
from webapp.records.database import Change
from webapp.records.job import Job
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.stream.agenda import Depth
from webapp.stream.html import HtmlRenderings
from webapp.stream.load import load_job
from webapp.stream.memory import Memory
from webapp.stream.moving import move_on
from webapp.stream.names import Topic
from webapp.stream.state import JobState

Say = Callable[..., None]


@pytest.fixture
def job(services: Services, cast: Cast) -> Job:
    """It runs."""
    with services.database.transaction() as session:
        worker = Worker.register(session, "here:1")
        job = Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None)
        claimed = Job.claim(session, job.id, worker.id)
    assert claimed
    return claimed


@pytest.fixture
def say(services: Services, job: Job) -> Say:
    """What its attempt does."""
    count = [0]

    def say(*, lines: int = 0, fraction: float = 0.5) -> None:
        told = [LogLine(n=count[0] + n, at=0.0, text="words") for n in range(1, lines + 1)]
        count[0] += lines
        progress = Progress(attempt=1, started_at=0.0, updated_at=time.time(), fraction=fraction)
        services.live.publish(Change("job", job.id, job.owner_id, "progress"), 1, progress, told)

    return say


def shown(services: Services, job: Job) -> JobState:
    state = load_job(services, job.id)
    assert state
    return state


def moved(services: Services, state: JobState, depth: Depth = Depth.LINES) -> JobState | None:
    topic = Topic("job", state.job.id)
    found = move_on(services, {topic: (state, depth)}).get(topic)
    assert found is None or isinstance(found, JobState)
    return found


def test_it_is_what_a_whole_read_would_have_found(services: Services, job: Job, say: Say) -> None:
    say(lines=3)
    before = shown(services, job)
    say(lines=2, fraction=0.7)
    after, whole = moved(services, before), shown(services, job)
    assert after
    assert (after.progress, after.lines, after.reason) == (whole.progress, whole.lines, whole.reason)
    assert after.position == 5


def test_what_has_not_changed_is_the_same_state(services: Services, job: Job, say: Say) -> None:
    say(lines=1)
    state = shown(services, job)
    assert moved(services, state) is state
    assert moved(services, state, Depth.PROGRESS) is state


def test_where_lines_may_be_missing_all_is_read(services: Services, job: Job, say: Say) -> None:
    say(lines=1)
    state = shown(services, job)
    say(lines=RECENT_LINES + 1)
    assert moved(services, state) is None


def test_what_does_not_run_is_not_believed_to_move(services: Services, cast: Cast) -> None:
    with services.database.transaction() as session:
        waiting = Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None)
    assert moved(services, shown(services, waiting)) is None


def test_without_redis_nothing_is_believed(services: Services, job: Job, say: Say) -> None:
    say()
    state = shown(services, job)
    services.live.__init__(connect("redis://127.0.0.1:1"))  # type: ignore[misc]
    assert isinstance(services.live, JobLive)
    assert moved(services, state) is None


def test_a_newcomer_is_shown_what_was_just_read(services: Services, job: Job) -> None:
    topic, asked = Topic("job", job.id), []

    def move(known: dict) -> dict:
        asked.append(known)
        return {topic: state for topic, (state, _) in known.items()}

    memory = Memory(lambda topic, _before: load_job(services, topic.id), move)
    state = memory.read(topic, now=0.0)
    assert memory.moved({topic: Depth.KNOWN}, now=0.5) == {topic: state}
    assert not asked
    assert memory.moved({topic: Depth.KNOWN}, now=1.5) == {topic: state}
    assert len(asked) == 1
    assert memory.moved({topic: Depth.WHOLE}, now=1.5) == {}


def test_a_failure_on_the_way_has_everything_read_whole(services: Services, job: Job) -> None:
    def fail(_known: object) -> dict:
        raise RuntimeError("no")

    memory, topic = Memory(lambda topic, _before: load_job(services, topic.id), fail), Topic("job", job.id)
    memory.read(topic, now=0.0)
    assert memory.moved({topic: Depth.LINES}, now=2.0) == {}


def test_of_a_job_that_only_moves_no_more_is_drawn_than_moves(
    app: Flask, services: Services, job: Job, say: Say
) -> None:
    say(fraction=0.25)
    page = HtmlRenderings.of(app.jinja_env).page
    with app.test_request_context():
        before = shown(services, job)
        sent = page.parts(before)
        say(fraction=0.5)
        after = moved(services, before, Depth.PROGRESS)
        assert after
        again = page.parts_again(after, before, sent)
        assert {name for name in sent if again[name] is not sent[name]} == {"status", "progress"}
        whole = shown(services, job)
        anew = page.parts_again(whole, after, again)
        assert not [name for name in again if anew[name] is again[name]]
        assert anew == page.parts(whole)
