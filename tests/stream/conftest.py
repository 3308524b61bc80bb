"""A web server on the stores of a whole one, under which everything goes quicker, once for each way to write."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.serving import Server, eventually, free_port
from tests.streams import FIRST_LINE, STATUS, RawConnection, Speaker, cancel, live, logged, speaker_for, start, watching
from webapp.settings import PROJECT

# As in tests/impatient.py, which this process must not load.
HEARTBEAT = 0.3


@pytest.fixture(scope="package", params=["handoff", "generator"])
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


@pytest.fixture(scope="package")
def ada(place: Server) -> Iterator[httpx.Client]:
    with place.program() as program:
        yield program


@pytest.fixture(scope="package")
def ben(place: Server) -> Iterator[httpx.Client]:
    with place.program("ben@example.org") as program:
        yield program


@pytest.fixture(scope="package")
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


def ever_opened(place: Server) -> int:
    return Path(place.output[0]).read_text().count("stream opened")


def all_closed(place: Server) -> bool:
    return ever_opened(place) == closed(place)


def still_live(connection: RawConnection) -> bool:
    return bool(connection.until(b":\n\n"))
