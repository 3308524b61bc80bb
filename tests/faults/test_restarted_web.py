"""The web process is killed or stopped under those who follow a job: they come back, miss nothing, and hear nothing
twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest
from httpx_sse import ServerSentEvent, connect_sse

from tests.faults import havoc
from tests.faults.crowd import ask
from tests.serving import Server, eventually, serving
from tests.streams import FIRST_LINE, IMPORT, MEDIA, PATIENCE, PROCESS, STATUS, cancel, live, logged, speaker_for, start

PAGE, FOLLOWING = live(0).replace("0", "{}"), "/api/v1/jobs/{}/live"


def says(name: str, *values: str) -> Callable[[ServerSentEvent], bool]:
    """Whether an event's JSON says that of the job."""
    return lambda event: event.event != "log" and event.json().get(name) in values


# What the last event of each stream is known by.
ENDS: dict[str, Callable[[ServerSentEvent], bool]] = {
    PAGE: lambda event: event.event == "bye",
    FOLLOWING: says("state", "completed", "cancelled"),
    **dict.fromkeys((STATUS, MEDIA, PROCESS, IMPORT), says("status", "completed", "failed")),
}


@dataclass
class Follower:
    """A program that reads a job's stream to its end, and comes back with the last id whenever it is cut."""

    program: httpx.Client
    path: str
    is_end: Callable[[ServerSentEvent], bool]
    told: list[ServerSentEvent] = field(default_factory=list)
    connects: int = 0

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        while not (self.told and self.is_end(self.told[-1])):
            with suppress(httpx.TransportError):
                self._read_on()

    def _read_on(self) -> None:
        headers = {"Last-Event-ID": self.told[-1].id} if self.told else {}
        with connect_sse(self.program, "GET", self.path, headers=headers, timeout=PATIENCE) as source:
            # One that is about to stop takes nobody more.
            if source.response.status_code == 503:
                return
            assert source.response.status_code == 200, source.response.read()
            for event in source.iter_sse():
                self.connects += not self.told or event.retry is not None
                self.told.append(event)

    @property
    def lines(self) -> list[int]:
        return [number for event in self.told for number in lines_of(event)]

    def end(self) -> list[ServerSentEvent]:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), f"{self.path} never ended"
        return [event for event in self.told if self.is_end(event)]


def lines_of(event: ServerSentEvent) -> list[int]:
    return [line["n"] for line in event.json()["lines"]] if event.event == "log" else logged(event.data)


def following(program: httpx.Client, job_id: int) -> list[Follower]:
    """All of a job's streams, each of which has told something; those that tell its log are the first two."""
    followers = [Follower(program, path.format(job_id), is_end) for path, is_end in ENDS.items()]
    eventually(lambda: all(follower.told for follower in followers))
    eventually(lambda: all(FIRST_LINE in follower.lines for follower in followers[:2]))
    return followers


@pytest.fixture(scope="module", params=["handoff", "generator"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("restarted")
    settings = {"HEADWAY_STREAM_WRITER": request.param, "HEADWAY_STOP_GRACE": "4"}
    with serving(folder / "data", HEADWAY_WEB_PROCESSES="1", HEADWAY_WORKERS="1", **settings) as server:
        yield server


@pytest.fixture(scope="module")
def ada(server: Server) -> Iterator[httpx.Client]:
    with server.program() as program:
        yield program


def test_a_killed_or_stopped_web_process_costs_nobody_a_line(server: Server, ada: httpx.Client) -> None:
    job_id = start(ada, bytes(100_000), bytes_per_second=1)
    speaker, followers = speaker_for(server, job_id), following(ada, job_id)
    for number in (signal.SIGKILL, signal.SIGTERM):
        speaker.say(3)
        before = [follower.connects for follower in followers]
        havoc.kill(havoc.processes(server, havoc.WEB)[0], number)
        speaker.say(3)
        eventually(partial(have_come_back, followers, before), within=PATIENCE)
        speaker.say(3)
        eventually(lambda: all(follower.lines[-1] == speaker.said for follower in followers[:2]))
    with closing(server.browser()) as browser:
        cancel(browser, job_id)
    assert [len(follower.end()) for follower in followers] == [1] * len(ENDS)
    assert [follower.lines for follower in followers[:2]] == [speaker.numbers] * 2


def have_come_back(followers: list[Follower], before: list[int]) -> bool:
    return all(follower.connects > count for follower, count in zip(followers, before, strict=True))


def test_an_end_that_came_while_nobody_served_is_told_to_who_comes_back(server: Server, ada: httpx.Client) -> None:
    job_id = start(ada, bytes(5000), bytes_per_second=1000)
    followers = following(ada, job_id)
    # Else it would be there again at once.
    with havoc.frozen(psutil.Process(server.process.pid)):
        havoc.kill(havoc.processes(server, havoc.WEB)[0])
        eventually(lambda: ask(server, "SELECT state FROM jobs WHERE id = ?", job_id) == [("completed",)])
        assert not any(follower.told and follower.is_end(follower.told[-1]) for follower in followers)
    assert [len(follower.end()) for follower in followers] == [1] * len(ENDS)
    said = [line["n"] for line in ada.get(f"/api/v1/jobs/{job_id}/log").json()["lines"]]
    assert [follower.lines for follower in followers[:2]] == [said] * 2
