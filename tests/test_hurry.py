"""A server with watchers, a running job and an upload that does not go on is stopped, and told to hurry."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.crowd import ask
from tests.serving import Server, eventually, serving
from tests.streams import STATUS, RawConnection, live, start

# So much longer than a hurried stop that nothing can be taken for it.
GRACE, WITHIN = 120, 15
RETRY = re.compile(rb"\nretry: (\d+)\n")


@pytest.fixture
def server(writer: str, tmp_path: Path) -> Iterator[Server]:
    settings = {"HEADWAY_STREAM_WRITER": writer, "HEADWAY_STOP_GRACE": str(GRACE), "HEADWAY_WORKERS": "1"}
    with serving(tmp_path / "data", HEADWAY_WEB_PROCESSES="2", HEADWAY_MAX_STREAMS_PER_USER="50", **settings) as server:
        yield server


@pytest.mark.parametrize(
    ("writer", "signals"),
    [
        ("handoff", [signal.SIGINT, signal.SIGTERM]),
        ("handoff", [signal.SIGQUIT]),
        ("generator", [signal.SIGQUIT]),
    ],
)
def test_who_watches_gets_an_end_and_what_runs_is_handed_back(server: Server, signals: list[signal.Signals]) -> None:
    with server.program() as ada, ExitStack() as stack:
        credential = {"Authorization": ada.headers["Authorization"]}
        job_id = start(ada, bytes(100_000), bytes_per_second=1)
        eventually(lambda: ask(server, "SELECT state FROM jobs") == [("processing",)])
        streams, upload = [], stack.enter_context(RawConnection(server.url))
        for path in (live(job_id), STATUS.format(job_id)) * 20:
            streams.append(stack.enter_context(RawConnection(server.url)))
            streams[-1].send_head(f"GET {path}", **credential)
        said = [stream.until(b"\ndata:") for stream in streams]
        upload.send_head("POST /api/v1/jobs", **credential, Content_Length="9999", Content_Type="text/plain")
        upload.send(b"only the beginning")
        for number in signals:
            assert server.process.poll() is None
            began = time.monotonic()
            server.process.send_signal(number)
            # Before they all have heard the end, it is not told again; the upload keeps the server from ending.
            said = [before + stream.rest() for before, stream in zip(said, streams, strict=True)]
        assert server.process.wait(timeout=60) == 0
        assert time.monotonic() - began < WITHIN
    # Whole to the last event, without the word that would keep a page from coming back, and not to come all at once.
    assert all(heard.endswith((b"\n\n", b"\r\n0\r\n\r\n")) and b"bye" not in heard for heard in said)
    assert len({match[1] for heard in said if (match := RETRY.search(heard))}) > 30
    # Handed back, not lost: that costs no try.
    assert ask(server, "SELECT state, attempt, tries FROM jobs") == [("queued", 1, 0)]
