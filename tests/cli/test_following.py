"""How a job is followed when its server is unreliable. The server here is a script of answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from webapp.cli.following import Backoff, News, follow
from webapp.cli.remote import Remote, RemoteError
from webapp.cli.sending import close_batch, open_batch, submit

RUNS = {"id": "7", "state": "processing", "progress": {"fraction": 0.4, "stages": []}}
DONE = RUNS | {"state": "completed"}


@contextmanager
def scripted(*answers: tuple[int, dict[str, str], list[tuple[str, dict[str, Any]]]]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn: status, headers, events. Its address, and from where it was asked."""
    left, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(self.headers.get("Last-Event-ID", ""))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(self.headers.get("Idempotency-Key", self.path))

        def _answer(self, sign: str) -> None:
            asked.append(sign)
            status, headers, events = left.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if status == 201:
                self.wfile.write(b'{"job_id": "7", "id": "7"}')
            for id, data in events:
                self.wfile.write(f"id: {id}\nevent: job\ndata: {json.dumps(data)}\n\n".encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


STREAM = {"Content-Type": "text/event-stream"}


def followed(url: str, rests: list[float]) -> list[News]:
    return list(follow(Remote(url, "token"), "7", Backoff(), rests.append))


def test_a_stream_that_is_cut_is_taken_up_where_it_was() -> None:
    rests: list[float] = []
    with scripted((200, STREAM, [("7.1", RUNS)]), (200, STREAM, [("7.2", DONE)])) as (url, asked):
        news = followed(url, rests)
    assert asked == ["", "7.1"]
    assert [one.job for one in news] == [RUNS, DONE]
    assert len(rests) == 1


def test_the_rests_grow_while_a_server_is_away_and_it_is_said() -> None:
    rests: list[float] = []
    away: tuple[int, dict[str, str], list[Any]] = (503, {}, [])
    with scripted((200, STREAM, [("7.1", RUNS)]), away, away, away, (200, STREAM, [("7.2", DONE)])) as (url, _):
        news = followed(url, rests)
    assert [bool(one.trouble) for one in news] == [False, True, True, True, False]
    assert rests[0] < rests[1] < rests[3]


def test_a_server_may_say_when_to_come_back() -> None:
    rests: list[float] = []
    with scripted((429, {"Retry-After": "60"}, []), (200, STREAM, [("7.2", DONE)])) as (url, _):
        assert followed(url, rests)[-1].job == DONE
    assert rests == [60.0]


def test_a_job_that_is_gone_is_given_up() -> None:
    rests: list[float] = []
    with scripted((200, STREAM, [("7.1", RUNS)]), (404, {}, [])) as (url, _):
        news = followed(url, rests)
    assert news[-1].given_up == "The server answered 404."


def test_what_is_no_headway_is_given_up() -> None:
    with scripted((200, {"Content-Type": "text/html"}, [])) as (url, _):
        (news,) = followed(url, [])
    assert "does not answer as a Headway server does" in news.given_up


def test_a_redirect_is_not_followed_with_the_token() -> None:
    with scripted((301, {"Location": "https://elsewhere.example/"}, [])) as (url, _):
        (news,) = followed(url, [])
    assert "https://elsewhere.example/" in news.given_up


def test_rests_are_bounded() -> None:
    backoff = Backoff(first=0.5, longest=30.0)
    assert all(21.0 <= backoff.delay(failures) <= 39.0 for failures in (7, 50, 5000))


def test_a_file_is_sent_again_under_the_same_key_where_it_may_not_have_arrived(tmp_path: Path) -> None:
    file, rests = tmp_path / "data.bin", list[float]()
    file.write_bytes(b"x" * 1000)
    with scripted((503, {}, []), (429, {"Retry-After": "9"}, []), (201, {}, [])) as (url, keys):
        assert submit(Remote(url, "token"), file, {}, Backoff(), rests.append) == "7"
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert rests[1] == 9.0


def test_a_file_that_is_refused_is_not_sent_again(tmp_path: Path) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(b"x")
    with scripted((422, {}, [])) as (url, keys), pytest.raises(RemoteError):
        submit(Remote(url, "token"), file, {}, Backoff())
    assert len(keys) == 1


def test_a_batch_is_opened_under_one_key_and_closed_however_often_that_is_asked() -> None:
    rests: list[float] = []
    with scripted((502, {}, []), (201, {}, []), (503, {}, []), (409, {}, [])) as (url, asked):
        assert open_batch(Remote(url, "token"), "2 files", "", Backoff(), rests.append) == "7"
        close_batch(Remote(url, "token"), "7", Backoff(), rests.append)
    assert asked[0] == asked[1]
    assert asked[2:] == ["/api/v1/batches/7/closing"] * 2
    assert len(rests) == 2
