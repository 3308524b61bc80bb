"""What every stream does, whoever writes it: the socket hand-off and the generator, each on a real gunicorn."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.serving import Server, eventually, free_port
from tests.streams import (
    FIRST_LINE,
    STATUS,
    RawConnection,
    Speaker,
    cancel,
    live,
    logged,
    opened,
    settings_of,
    speaker_for,
    start,
    watching,
)
from webapp.app import create_app
from webapp.embedding import new_link
from webapp.records.job import Job
from webapp.settings import PROJECT

# As in tests/impatient.py, which this process must not load.
HEARTBEAT = 0.3


@pytest.fixture(scope="module", params=["handoff", "generator"])
def place(request: pytest.FixtureRequest, server: Server) -> Iterator[Server]:
    """A web server on the stores of a whole one, under which everything goes quicker."""
    port = free_port()
    log = server.data_dir.parent / f"impatient-{port}.log"
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(PROJECT / "webapp/gunicorn_conf.py"), "-w", "1"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*gunicorn, "-b", f"127.0.0.1:{port}", "tests.impatient:app"],
            env={**server.environment, "HEADWAY_STREAM_WRITER": request.param},
            cwd=PROJECT,
            stdout=output,
            stderr=output,
        )
        place = replace(server, url=f"http://127.0.0.1:{port}", output=[str(log)])
        eventually(lambda: _answers(place.url))
        yield place
        process.terminate()
        process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def ada(place: Server) -> Iterator[httpx.Client]:
    with place.program() as program:
        yield program


@pytest.fixture(scope="module")
def ben(place: Server) -> Iterator[httpx.Client]:
    with place.program("ben@example.org") as program:
        yield program


@pytest.fixture(scope="module")
def speaker(place: Server, ada: httpx.Client) -> Iterator[Speaker]:
    """For a job of Ada's that has nothing to say by itself."""
    job_id = start(ada, bytes(100_000), bytes_per_second=1)
    with watching(ada, live(job_id)) as stream:
        assert any(FIRST_LINE in logged(event.data) for event in stream)
    yield speaker_for(place, job_id)
    with closing(place.browser()) as browser:
        cancel(browser, job_id)


@pytest.fixture
def path(speaker: Speaker) -> str:
    return STATUS.format(speaker.job_id)


def closed(place: Server) -> int:
    """How many streams have ended here."""
    return Path(place.output[0]).read_text().count("stream closed")


def all_closed(place: Server) -> bool:
    return Path(place.output[0]).read_text().count("stream opened") == closed(place)


def still_live(connection: RawConnection) -> bool:
    return bool(connection.until(b":\n\n"))


# What comes


def test_the_head_says_that_it_is_a_stream_and_what_every_answer_says(ada: httpx.Client, path: str) -> None:
    with ada.stream("GET", path) as answer:
        headers = answer.headers
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache, no-transform"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Length" not in headers
    # The page sets its clock by it.
    assert headers["Date"]


def test_a_quiet_stream_gives_signs_of_life(place: Server, ada: httpx.Client, path: str) -> None:
    with opened(place, ada, path) as connection:
        began = time.monotonic()
        for _ in range(3):
            assert b"data" not in connection.until(b":\n\n")
    assert time.monotonic() - began > HEARTBEAT


def test_who_watches_an_ended_job_gets_its_end_and_all_of_it(place: Server, ada: httpx.Client) -> None:
    job_id = start(ada)
    with watching(ada, STATUS.format(job_id)) as stream:
        assert [event.json()["status"] for event in stream][-1] == "completed"
    with RawConnection(place.url) as connection:
        # What is not read when a socket is closed would reset it, and what was sent be lost.
        connection.send_head(f"GET {live(job_id)}", Authorization=ada.headers["Authorization"])
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert b"event: bye\ndata: \n\n" in connection.until(b"bye\ndata: \n\n")


def test_an_old_client_is_served_too(place: Server, ada: httpx.Client, path: str) -> None:
    with RawConnection(place.url) as connection:
        connection.send(f"GET {path} HTTP/1.0\r\nAuthorization: {ada.headers['Authorization']}\r\n\r\n".encode())
        head, _, body = connection.until(b"\n\n:").partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert body.startswith(b": headway\n\n")


# Who leaves, and who stops reading


def test_who_leaves_is_forgotten_at_once(place: Server, ada: httpx.Client, path: str) -> None:
    for _ in range(3):
        opened(place, ada, path).socket.close()
    began = time.monotonic()
    eventually(lambda: all_closed(place))
    assert time.monotonic() - began < 3


def test_who_says_that_nothing_more_comes_from_them_has_left(place: Server, ada: httpx.Client, path: str) -> None:
    """A half-closed connection looks just like a closed one until something is written to it."""
    with opened(place, ada, path) as connection:
        connection.socket.shutdown(1)
        connection.rest()


def test_a_client_that_stops_reading_is_cut_and_the_others_never_notice(
    place: Server, ada: httpx.Client, speaker: Speaker
) -> None:
    eventually(lambda: all_closed(place))
    before = closed(place)
    stalled = RawConnection(place.url, receive_buffer=4096)
    seen: list[int] = []
    with opened(place, ada, live(speaker.job_id), stalled), watching(ada, live(speaker.job_id)) as stream:
        while closed(place) == before:
            assert speaker.said - FIRST_LINE < 10_000, "it was let stall for ever"
            speaker.say(100, "x" * 2000)
            while not seen or seen[-1] < speaker.said:
                seen += logged(next(stream).data)
    assert seen == list(range(seen[0], speaker.said + 1))


def test_a_client_that_reads_byte_by_byte_is_cut(place: Server, ada: httpx.Client, speaker: Speaker) -> None:
    eventually(lambda: all_closed(place))
    before = closed(place)
    with opened(place, ada, live(speaker.job_id), RawConnection(place.url, receive_buffer=4096)) as slow:
        speaker.say(150, "x" * 2000)
        eventually(lambda: slow.socket.recv(1) and closed(place) > before)


def test_a_link_s_stream_ends_when_the_link_does(place: Server, speaker: Speaker) -> None:
    app = create_app(settings_of(place))
    with app.test_request_context(), app.extensions["headway"].database.reading() as session:
        link = urlsplit(new_link(session.get_one(Job, speaker.job_id), 3, by="nobody")).path
    with RawConnection(place.url) as connection:
        connection.send_head(f"GET {link}/live", Connection="close")
        said = connection.rest()
    # Without a word that would keep the page from coming back: it is to hear why.
    assert b"data:" in said
    assert b"bye" not in said
    assert httpx.get(f"{place.url}{link}/live").status_code == 410


# What clients may send


def test_a_head_request_is_answered_and_opens_nothing(place: Server, ada: httpx.Client, path: str) -> None:
    opened_before = Path(place.output[0]).read_text().count("stream opened")
    answer = ada.head(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.content == b""
    assert Path(place.output[0]).read_text().count("stream opened") == opened_before


def test_methods_that_are_not_for_streams_are_answered(ada: httpx.Client, path: str) -> None:
    assert set(ada.options(path).headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert ada.post(path).status_code == 405


@pytest.mark.parametrize("size", [5, 30_000])
def test_a_body_that_nobody_asked_for_is_no_trouble(place: Server, ada: httpx.Client, path: str, size: int) -> None:
    with RawConnection(place.url) as connection:
        connection.send_head(f"GET {path}", Authorization=ada.headers["Authorization"], Content_Length=str(size))
        connection.send(b"x" * size)
        connection.until(b"\ndata:")
        assert still_live(connection)


def test_a_request_behind_the_stream_s_is_no_trouble(place: Server, ada: httpx.Client, path: str) -> None:
    with opened(place, ada, path) as connection:
        connection.send_head("GET /healthz")
        assert still_live(connection)
        assert still_live(connection)


def test_a_client_that_goes_on_talking_is_cut_or_not_heard(place: Server, ada: httpx.Client, path: str) -> None:
    with opened(place, ada, path) as connection:
        connection.socket.settimeout(2)
        try:
            for _ in range(1000):
                connection.send(b"x" * 65536)
        except (ConnectionError, TimeoutError):
            return
        pytest.fail("64 MB were taken from the client of a stream")


@pytest.mark.parametrize("id", ["x" * 1_000_000, "1.1\x01", "1.1\x7f", "\u00e9"])
def test_hostile_ids_are_refused_or_ignored(place: Server, ada: httpx.Client, path: str, id: str) -> None:
    with RawConnection(place.url) as connection:
        try:
            connection.send_head(f"GET {path}", Authorization=ada.headers["Authorization"], Last_Event_ID=id)
            status = int(connection.until(b"\r\n").split()[1])
        except ConnectionError:
            # It did not want to hear the end of it.
            status = 431
    assert status in (200, 400, 431)
    assert ada.get("/healthz").status_code == 200
