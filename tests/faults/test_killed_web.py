"""Web processes are killed while people upload: what was answered for is there, and nothing else is by half."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults import havoc
from tests.faults.crowd import Crowd, ask, assert_no_half_stored_file, crowded
from tests.serving import eventually

UPLOADERS, KILLS = 3, 8
SIZE = 3_000_000


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    settings = {"HEADWAY_WORKERS": "1", "HEADWAY_WEB_PROCESSES": "2"}
    with crowded(tmp_path_factory.mktemp("web"), seed=5, **settings) as crowd:
        yield crowd


def test_what_was_answered_is_kept_and_what_was_not_leaves_nothing(crowd: Crowd) -> None:
    done = threading.Event()
    threads = [threading.Thread(target=upload_until, args=(done, crowd)) for _ in range(UPLOADERS)]
    for thread in threads:
        thread.start()
    for _ in range(KILLS):
        eventually(lambda: incoming(crowd))
        havoc.pause(crowd.random.uniform(0, 0.05))
        havoc.kill_a_web_process(crowd.server, crowd.random)
    done.set()
    for thread in threads:
        thread.join()
    assert crowd.unanswered, "no upload was cut off, so nothing was tried"
    crowd.settle()
    eventually(lambda: not incoming(crowd))
    assert_no_half_stored_file(crowd.server)


def upload_until(done: threading.Event, crowd: Crowd) -> None:
    with crowd.client() as client:
        while not done.is_set():
            with contextlib.suppress(httpx.TransportError):
                crowd.send(crowd.random.randbytes(SIZE), client=client)


def test_an_upload_that_was_cut_off_is_cleared_by_the_next_process(crowd: Crowd) -> None:
    before = ask(crowd.server, "SELECT count(*) FROM jobs")
    eventually(lambda: len(havoc.processes(crowd.server, havoc.WEB)) == 3)

    def half_a_file() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        yield b"half of it" * 100_000
        eventually(lambda: incoming(crowd))
        for process in havoc.processes(crowd.server, havoc.WEB)[1:]:
            havoc.kill(process)
        yield b"the rest\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with crowd.client() as client, pytest.raises(httpx.TransportError):
        client.post("/api/v1/jobs", content=half_a_file(), headers=headers)
    eventually(lambda: not incoming(crowd))
    assert ask(crowd.server, "SELECT count(*) FROM jobs") == before


def incoming(crowd: Crowd) -> list[Path]:
    return list((crowd.server.data_dir / "incoming").iterdir())
