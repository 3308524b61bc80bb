"""Programs that know Headway by its contracts alone: they start jobs, read streams and look at raw bytes."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from tests.serving import Server, form_token
from webapp.live.client import connect
from webapp.live.job_live import JobLive
from webapp.progress import LogLine
from webapp.records.database import Change
from webapp.settings import Settings

STATUS = "/api/jobs/{}/events"
PIPELINE = "/api/v1/admin/ingestion/jobs/{}/progress"
PIPELINES = "/api/v1/admin/ingestion/progress"
MEDIA = "/api/v1/jobs/{}/stream"
IMPORT = "/api/jobs/{}/stream"
PROCESS = "/api/sse?job_id={}"
PROCESSES = "/api/sse/admin"
# The number of the one line that the checksum's first attempt says.
FIRST_LINE = 1_000_001
LINES = re.compile(r'id="job-\d+-line-(\d+)"')
# Nothing here takes that long; a stream that does not end must fail its test.
PATIENCE = 60


def start(program: httpx.Client, data: bytes = b"hello", name: str = "data.bin", **params: int) -> int:
    """A new checksum job; `bytes_per_second` makes it last."""
    return submit(program, "checksum", name, data, params)


def ingest(program: httpx.Client, data: bytes, name: str = "notes.txt") -> int:
    return submit(program, "ingest_document", name, data)


def submit(program: httpx.Client, kind: str, name: str, data: bytes, params: dict[str, Any] | None = None) -> int:
    form = {"kind": kind, "params": json.dumps(params or {})}
    answer = program.post("/api/v1/jobs", data=form, files={"file": (name, data)})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["job_id"])


def cancel(browser: httpx.Client, *job_ids: int) -> None:
    """As a person does, by the form of the page."""
    token = form_token(browser.get("/").text)
    for job_id in job_ids:
        assert browser.post(f"/jobs/{job_id}/cancellation", data={"csrf_token": token}).status_code == 303


@contextmanager
def watching(program: httpx.Client, path: str, **headers: str) -> Iterator[Iterator[ServerSentEvent]]:
    """The events of a stream as they come."""
    with connect_sse(program, "GET", path, headers=headers, timeout=PATIENCE) as source:
        assert source.response.status_code == 200, source.response.read()
        yield source.iter_sse()


def events(program: httpx.Client, path: str, **headers: str) -> list[ServerSentEvent]:
    """All of a stream's events, to its end."""
    with watching(program, path, **headers) as stream:
        return list(stream)


def statuses(program: httpx.Client, job_id: int) -> list[dict[str, Any]]:
    """What contract A says of a job, to its end."""
    return [event.json() for event in events(program, STATUS.format(job_id))]


def live(job_id: int) -> str:
    return f"/jobs/{job_id}/live"


def logged(data: str) -> list[int]:
    return [int(number) for number in LINES.findall(data)]


@dataclass
class Speaker:
    """Says more in the log of a running job, by the door through which its work does."""

    live: JobLive
    job_id: int
    said: int = FIRST_LINE

    def say(self, count: int, text: str = "Words.") -> None:
        lines = [LogLine(n=self.said + n, at=0.0, text=text) for n in range(1, count + 1)]
        self.said += count
        self.live.publish(Change("job", self.job_id, 1, "progress"), 1, None, lines)

    @property
    def numbers(self) -> list[int]:
        return list(range(FIRST_LINE, self.said + 1))


def speaker_for(server: Server, job_id: int) -> Speaker:
    return Speaker(JobLive(connect(settings_of(server).effective_redis_url)), job_id)


def settings_of(server: Server) -> Settings:
    names = (name for name in server.environment if name.startswith("HEADWAY_"))
    return Settings.from_environment({name: server.environment[name] for name in names})


@dataclass
class RawAnswer:
    """An answer as it came over the wire; the body as it was sent, chunks and all."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def chunked(self) -> bool:
        return self.headers.get("transfer-encoding") == "chunked"

    @property
    def content(self) -> bytes:
        """The body, put together from its chunks where it has some."""
        if not self.chunked:
            return self.body
        content, rest = b"", self.body
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            content, rest = content + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        return content

    @property
    def ended_well(self) -> bool:
        """Whether it was not cut off: the last, empty chunk came, or the last event whole."""
        return self.body.endswith(b"0\r\n\r\n" if self.chunked else b"\n\n")


class RawConnection:
    """A socket to a server, for requests that no library would send."""

    def __init__(self, url: str, receive_buffer: int = 0, source: str = "") -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((parts.hostname, parts.port))

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send_head(self, line: str, **headers: str) -> None:
        lines = [f"{line} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until(self, mark: bytes) -> bytes:
        """What comes until a mark has come."""
        received = b""
        while mark not in received:
            data = self.socket.recv(65536)
            assert data, received
            received += data
        return received

    def rest(self) -> bytes:
        """What comes until the server closes; a connection that is reset is an error."""
        received = b""
        while data := self.socket.recv(65536):
            received += data
        return received

    def answer(self) -> RawAnswer:
        """All that comes until the server closes, or has sent a whole answer."""
        received = b""
        while not _is_whole(received) and (data := self.socket.recv(65536)):
            received += data
        head, _, body = received.partition(b"\r\n\r\n")
        return RawAnswer(head, body)


def _is_whole(received: bytes) -> bool:
    head, mark, body = received.partition(b"\r\n\r\n")
    if not mark:
        return False
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None)
    return len(body) >= int(length.split(b":")[1]) if length else body.endswith(b"0\r\n\r\n")


def opened(server: Server, program: httpx.Client, path: str, connection: RawConnection | None = None) -> RawConnection:
    """A stream on a socket of its own, its first event received."""
    connection = connection or RawConnection(server.url)
    connection.send_head(f"GET {path}", Authorization=program.headers["Authorization"])
    assert connection.until(b"\ndata:").startswith(b"HTTP/1.1 200")
    return connection
