"""What clients may send to a stream, meant or not: on real sockets, and for both ways to write."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import httpx
import pytest

from tests.serving import Server, eventually
from tests.stream.conftest import all_closed, ever_opened, still_live
from tests.streams import (
    IMPORT,
    MEDIA,
    PIPELINE,
    PIPELINES,
    PROCESS,
    PROCESSES,
    STATUS,
    RawConnection,
    Speaker,
    live,
    opened,
    settings_of,
)

LISTS = ("/jobs/live?newest=0", "/jobs/rows/live", "/jobs/matches/live?q=x", "/system/live", "/api/v1/jobs/live?ids={}")
UNKNOWN = ("0", "x", "999999")
# Seconds for which the web server waits for another request.
KEPT = 5


@pytest.mark.parametrize("stream", [live("{}"), STATUS, PIPELINE, PIPELINES, MEDIA, IMPORT, PROCESS, PROCESSES, *LISTS])
def test_other_methods_are_answered_and_open_nothing(
    place: Server, ada: httpx.Client, speaker: Speaker, stream: str
) -> None:
    path = stream.format(speaker.job_id)
    opened_before = ever_opened(place)
    answer = ada.head(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.content == b""
    assert {"GET", "HEAD", "OPTIONS"} <= set(ada.options(path).headers["Allow"].split(", "))
    assert ada.put(path).status_code == 405
    assert ever_opened(place) == opened_before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *((stream.format(wrong), 404) for stream in (live("{}"), STATUS, MEDIA, IMPORT, PROCESS) for wrong in UNKNOWN),
        *((f"/api/v1/jobs/live?ids={wrong}", status) for wrong, status in (("0", 422), ("1,x", 422), ("999999", 404))),
        ("/api/sse", 422),
        ("/embed/x/live", 404),
        ("/nothing/live", 404),
    ],
)
def test_what_is_not_there_is_refused_and_opens_nothing(
    place: Server, ada: httpx.Client, path: str, status: int
) -> None:
    opened_before = ever_opened(place)
    answer = ada.get(path)
    assert (answer.status_code, "event-stream" in answer.headers["Content-Type"]) == (status, False)
    assert ever_opened(place) == opened_before


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


def test_who_has_closed_half_before_the_answer_holds_nothing(place: Server, ada: httpx.Client, path: str) -> None:
    for _ in range(3):
        with RawConnection(place.url) as connection:
            connection.send_head(f"GET {path}", Authorization=ada.headers["Authorization"], Connection="close")
            connection.socket.shutdown(socket.SHUT_WR)
            connection.rest()
    eventually(lambda: all_closed(place))


def test_a_burst_of_connects_is_answered_and_too_many_are_refused(place: Server, ada: httpx.Client, path: str) -> None:
    eventually(lambda: all_closed(place))
    with ExitStack() as stack:
        # From an address of their own: how fast one may connect is bounded too.
        burst = [stack.enter_context(RawConnection(place.url, source="127.0.0.5")) for _ in range(300)]
        for connection in burst:
            connection.send_head(f"GET {path}", Authorization=ada.headers["Authorization"])
        heads = [connection.until(b"\r\n\r\n") for connection in burst]
        let_in = [head for head in heads if head.startswith(b"HTTP/1.1 200")]
        assert len(let_in) == settings_of(place).max_streams_per_user
        assert all(b"\r\nRetry-After: " in head for head in heads if head not in let_in)
        assert ada.get("/healthz").status_code == 200
        refused = stack.enter_context(RawConnection(place.url, source="127.0.0.5"))
        refused.send_head(f"GET {path}", Authorization=ada.headers["Authorization"])
        began = time.monotonic()
        assert refused.rest().startswith(b"HTTP/1.1 429")
        # It is not kept for another request, as those who were answered are.
        assert time.monotonic() - began < KEPT
    eventually(lambda: all_closed(place))
    with opened(place, ada, path) as connection:
        assert still_live(connection)
