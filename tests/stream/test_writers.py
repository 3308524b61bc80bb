"""What every stream does, whoever writes it: the socket hand-off and the generator, each on a real gunicorn."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import httpx

from tests.serving import Server, eventually
from tests.stream.conftest import HEARTBEAT, all_closed, closed
from tests.streams import (
    FIRST_LINE,
    STATUS,
    RawConnection,
    Speaker,
    live,
    logged,
    opened,
    settings_of,
    start,
    watching,
)
from webapp.app import create_app
from webapp.embedding import new_link
from webapp.records.job import Job

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
