"""The stream engine as browsers meet it: pages and their streams from a whole server, cut, stalled and restarted."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from httpx_sse import ServerSentEvent

from tests.serving import LOGIN, Server, eventually
from tests.streams import (
    FIRST_LINE,
    PIPELINES,
    STATUS,
    Speaker,
    cancel,
    events,
    ingest,
    live,
    logged,
    opened,
    start,
    watching,
)
from tests.valkey import Valkey, serving_with_valkey
from webapp.live.client import connect
from webapp.live.job_live import JobLive

PAGE_PARTS = {"status", "retry", "progress", "result", "outputs", "history", "log"}
LIMITS = {"HEADWAY_MAX_STREAMS_PER_USER": "50", "HEADWAY_MAX_STREAMS_PER_ADDRESS": "60", "HEADWAY_MAX_STREAMS": "52"}
# Seconds; a worker spends most of them waiting for its job.
STOP_GRACE = 6
IDS = re.compile(r'\bid="([^"]+)"')
TARGETS = re.compile(r'<hx-partial hx-target="#([^"]+)" hx-swap="(\w+)">(.*?)</hx-partial>', re.DOTALL)


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Server, Valkey]]:
    """One web process and one worker, on a Redis that can be stopped."""
    with serving_with_valkey(
        HEADWAY_WEB_PROCESSES="1", HEADWAY_WORKERS="1", HEADWAY_LANES="1", HEADWAY_STOP_GRACE=str(STOP_GRACE), **LIMITS
    ) as place:
        server = place[0]
        for name in ("ben", "cleo"):
            email = f"{name}@example.org"
            arguments = ("users", "create", email, "--role", "admin", "--password-stdin")
            server.command(*arguments, input=LOGIN["password"])
        yield place


@pytest.fixture(scope="module")
def server(place: tuple[Server, Valkey]) -> Server:
    return place[0]


@pytest.fixture(scope="module")
def ada(server: Server) -> Iterator[httpx.Client]:
    with server.program() as program:
        yield program


@pytest.fixture(scope="module")
def ben(server: Server) -> Iterator[httpx.Client]:
    with server.program("ben@example.org") as program:
        yield program


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[httpx.Client]:
    browser = server.browser()
    yield browser
    browser.close()


# A page and its stream


def test_the_first_thing_that_comes_is_the_whole_present_state(ada: httpx.Client, browser: httpx.Client) -> None:
    job_id = start(ada, bytes(100), bytes_per_second=1)
    with watching(ada, live(job_id)) as stream:
        snapshot = [next(stream) for _ in PAGE_PARTS]
    cancel(browser, job_id)
    assert all(event.event == "message" and event.id for event in snapshot)
    swaps = [TARGETS.fullmatch(event.data) for event in snapshot]
    assert {swap[1] for swap in swaps if swap} == {f"job-{job_id}-{part}" for part in PAGE_PARTS}
    assert {swap[2] for swap in swaps if swap} == {"outerMorph"}
    assert snapshot[0].retry
    assert 2000 <= snapshot[0].retry <= 8000


def test_what_changes_is_swapped_into_place_until_the_end(ada: httpx.Client) -> None:
    job_id = start(ada, bytes(3000), bytes_per_second=1500)
    told = events(ada, live(job_id))
    assert (told[-1].event, told[-1].data) == ("bye", "")
    swaps = [swap for event in told[:-1] for swap in TARGETS.findall(event.data)]
    assert {target.rpartition("-")[2] for target, _, _ in swaps} <= PAGE_PARTS | {"lines"}
    for target, how, partial in swaps:
        if how == "outerMorph":
            assert IDS.findall(partial)[0] == target
        else:
            assert (how, target) == ("beforeend", f"job-{job_id}-lines")
    percents = re.findall(rf'id="job-{job_id}-status"[^>]*data-percent="(\d+)"', "".join(e.data for e in told))
    assert len(set(percents)) >= 3
    assert list(map(int, percents)) == sorted(map(int, percents))
    assert percents[-1] == "100"


def test_a_finished_page_s_stream_says_goodbye_again(ada: httpx.Client) -> None:
    job_id = start(ada)
    for _ in range(2):
        told = events(ada, live(job_id))
        assert told[-1].event == "bye"
    assert any('data-state="completed"' in event.data for event in told)


def test_every_part_of_a_stream_has_its_place_on_the_page(ada: httpx.Client, browser: httpx.Client) -> None:
    """First paint and live update are the same partial, in every state of a job."""
    completed, failed = start(ada), ingest(ada, b" ", "blank.txt")
    for job_id in (completed, failed):
        events(ada, live(job_id))
    running, waiting, cancelled = (start(ada, bytes(100), bytes_per_second=1) for _ in range(3))
    cancel(browser, cancelled)
    eventually(lambda: state_of(browser, running) == "processing")
    states = {}
    for job_id in (completed, failed, running, waiting, cancelled):
        states[state_of(browser, job_id)] = job_id
        check_places(browser.get(f"/jobs/{job_id}").text, browser.get(f"/jobs/{job_id}/parts").text, job_id)
    assert states.keys() == {"completed", "failed", "processing", "queued", "cancelled"}
    home = browser.get("/").text
    assert home.count('id="jobs-list"') == 1
    for job_id in (running, waiting):
        for part in ("card", "status", "progress", "log", "lines"):
            assert home.count(f'id="job-{job_id}-{part}"') == 1
    cancel(browser, running, waiting)


def state_of(browser: httpx.Client, job_id: int) -> str:
    found = re.search(rf'id="job-{job_id}-status"[^>]*data-state="(\w+)"', browser.get(f"/jobs/{job_id}").text)
    assert found
    return found[1]


def check_places(page: str, parts: str, job_id: int) -> None:
    swaps = TARGETS.findall(parts)
    assert {target for target, _, _ in swaps} == {f"job-{job_id}-{part}" for part in PAGE_PARTS}
    for target, how, partial in swaps:
        assert how == "outerMorph"
        assert page.count(f'id="{target}"') == 1
        assert IDS.findall(partial)[0] == target
        assert set(IDS.findall(partial)) <= set(IDS.findall(page))
    assert page.count(f'id="job-{job_id}-lines"') == 1


# Coming back


@pytest.fixture
def speaker(place: tuple[Server, Valkey], ada: httpx.Client, browser: httpx.Client) -> Iterator[Speaker]:
    job_id = start(ada, bytes(1000), bytes_per_second=1)
    with watching(ada, live(job_id)) as stream:
        assert any(FIRST_LINE in logged(event.data) for event in stream)
    yield Speaker(JobLive(connect(place[1].url)), job_id)
    cancel(browser, job_id)


def test_who_is_cut_and_comes_back_gets_every_line_and_none_twice(ada: httpx.Client, speaker: Speaker) -> None:
    seen: list[int] = []
    last_id = ""
    for turn in range(12):
        with watching(ada, live(speaker.job_id), **({"Last-Event-ID": last_id} if last_id else {})) as stream:
            # Some turns end in the middle of what is sent at once.
            for _ in range(turn):
                event = next(stream)
                seen += logged(event.data)
                last_id = event.id
                speaker.say(1)
        speaker.say(turn)
    with watching(ada, live(speaker.job_id), **{"Last-Event-ID": last_id}) as stream:
        while seen[-1] < speaker.said:
            seen += logged(next(stream).data)
    assert seen == speaker.numbers


def test_who_comes_back_with_the_id_of_another_stream_gets_the_whole_log(ada: httpx.Client, speaker: Speaker) -> None:
    speaker.say(3)
    for other in ("jobs.1000003", f"{speaker.job_id + 1}.1000003", "x" * 5000):
        with watching(ada, live(speaker.job_id), **{"Last-Event-ID": other}) as stream:
            snapshot = "".join(next(stream).data for _ in PAGE_PARTS)
        assert logged(snapshot) == speaker.numbers


def test_the_start_page_gets_the_cards_that_came_while_it_was_away(ada: httpx.Client) -> None:
    before = start(ada)
    with watching(ada, f"/jobs/live?newest={before}") as stream:
        hello = next(event for event in stream if event.event == "hello")
    assert hello.id.startswith("jobs.")
    came = [start(ada) for _ in range(3)]
    with watching(ada, f"/jobs/live?newest={before}", **{"Last-Event-ID": hello.id}) as stream:
        cards = next(event for event in stream if "afterbegin" in event.data)
        live_one = start(ada)
        another = next(event for event in stream if "afterbegin" in event.data)
    assert re.findall(r'id="job-(\d+)-card"', cards.data) == [str(job_id) for job_id in reversed(came)]
    assert re.findall(r'id="job-(\d+)-card"', another.data) == [str(live_one)]


def test_nobody_s_start_page_shows_what_others_do(server: Server, ada: httpx.Client, ben: httpx.Client) -> None:
    with watching(ben, "/jobs/live?newest=0") as stream:
        assert next(stream).event == "hello"
        start(ada)
        mine = start(ben)
        event = next(event for event in stream if "-card" in event.data)
    assert re.findall(r'id="job-(\d+)-card"', event.data) == [str(mine)]


# Bounds


def test_streams_are_bounded_and_pages_go_on(
    server: Server, ada: httpx.Client, ben: httpx.Client, speaker: Speaker
) -> None:
    path = STATUS.format(speaker.job_id)
    with ExitStack() as streams:
        for _ in range(50):
            streams.enter_context(opened(server, ada, path))
        refused(ada, path, 429)
        for _ in range(2):
            streams.enter_context(opened(server, ben, path))
        refused(ben, path, 503)
        refused(ben, live(speaker.job_id), 503)
        began = time.monotonic()
        assert ada.get("/").status_code == 200
        assert time.monotonic() - began < 2
    # Those who left have made room.
    eventually(lambda: ada.head(path).status_code == 200 and can_open(ada, path))


def refused(program: httpx.Client, path: str, status: int) -> None:
    answer = program.get(path)
    assert answer.status_code == status
    assert int(answer.headers["Retry-After"]) > 0
    assert "stream" in answer.text


def can_open(program: httpx.Client, path: str) -> bool:
    with program.stream("GET", path) as answer:
        return answer.status_code == 200


def test_streams_that_end_or_are_left_are_off_the_books(ada: httpx.Client) -> None:
    job_id = start(ada)
    for _ in range(120):
        assert events(ada, STATUS.format(job_id))


# Outages


def test_a_stream_outlives_redis_says_that_it_is_stale_and_recovers(
    place: tuple[Server, Valkey], ada: httpx.Client
) -> None:
    valkey = place[1]
    job_id = start(ada, bytes(7_500), bytes_per_second=1500)
    percents: list[int] = []
    with watching(ada, live(job_id)) as stream, watching(ada, STATUS.format(job_id)) as status:
        wait_for(stream, r'data-percent="[1-9]')
        valkey.stop()
        stale = wait_for(stream, 'data-known="no"')
        assert "The live state can’t be reached just now." in stale
        # What was known stays to be seen.
        assert 'data-percent="' in stale
        valkey.start()
        rest = list(stream)
        percents = [round(event.json()["progress"] * 100) for event in status]
    fresh = [event.data for event in rest if f'id="job-{job_id}-status"' in event.data]
    assert any('data-known="no"' not in data and 'data-state="processing"' in data for data in fresh)
    assert 'data-state="completed"' in fresh[-1]
    assert rest[-1].event == "bye"
    assert percents == sorted(percents)


def wait_for(stream: Iterator[ServerSentEvent], pattern: str) -> str:
    return next(event.data for event in stream if re.search(pattern, event.data))


def test_without_redis_pages_and_streams_open_and_say_so(
    place: tuple[Server, Valkey], ada: httpx.Client, browser: httpx.Client, speaker: Speaker
) -> None:
    valkey = place[1]
    valkey.stop()
    assert "The live state can’t be reached just now." in browser.get(f"/jobs/{speaker.job_id}").text
    assert browser.get("/").status_code == 200
    with watching(ada, STATUS.format(speaker.job_id)) as stream:
        assert next(stream).json()["status"] == "processing"
        valkey.start()
        assert next(event for event in stream if event.json()["progress"] > 0)


def test_who_is_shut_out_while_redis_is_away_is_soon_out(
    place: tuple[Server, Valkey], ada: httpx.Client, speaker: Speaker
) -> None:
    server, valkey = place
    with server.program("cleo@example.org") as cleo, watching(cleo, live(speaker.job_id)) as stream:
        next(stream)
        valkey.stop()
        server.command("users", "disable", "cleo@example.org")
        began = time.monotonic()
        assert list(stream)[-1].event != "bye"
        assert time.monotonic() - began < 4
        valkey.start()
        assert cleo.get(live(speaker.job_id)).status_code == 401
    with watching(ada, live(speaker.job_id)) as stream:
        assert next(stream)


# The end. Nothing may be tested after this.


def test_a_server_that_is_told_to_stop_ends_every_stream_well(
    server: Server, ada: httpx.Client, ben: httpx.Client
) -> None:
    job_id = start(ada, bytes(1000), bytes_per_second=1)
    paths = [live(job_id), STATUS.format(job_id), "/jobs/live?newest=0", PIPELINES, STATUS.format(start(ada))]
    with ExitStack() as stack:
        streams = [stack.enter_context(opened(server, ada, path)) for path in paths[:3] * 16]
        began = time.monotonic()
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        said = [stream.rest() for stream in streams]
        ended = time.monotonic() - began
        stopping.join()
    # Whole to the last event, and without the word that would keep a page from coming back.
    assert all(not last or last.endswith(b"\n\n") for last in said)
    assert not any(b"bye" in last for last in said)
    assert ended < 4
    # A busy machine takes a while for the rest.
    assert time.monotonic() - began < STOP_GRACE + 5
    assert server.process.returncode == 0
