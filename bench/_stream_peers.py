"""The servers that bench.streams sets side by side, each with one process that does the work, on a core of its own."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench._stream_stage import KIND, Stage, children
from tests.serving import eventually, free_port
from webapp.api.pipeline_progress import ONE
from webapp.kinds import KINDS
from webapp.records.job import Job
from webapp.settings import PROJECT
from webapp.stream.state import JobState
from webapp.stream.wire import Message

MODULES = ("/usr/lib/nginx/modules/ngx_nchan_module.so", "/usr/lib64/nginx/modules/ngx_nchan_module.so")
WEB = (sys.executable, "-m", "webapp.web", "-c", str(PROJECT / "webapp/gunicorn_conf.py"))
PLAIN = (sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "1", "--worker-connections", "12000")
APP = "bench._stream_app:app"
NGINX = """
load_module {module};
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 15000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location ~ /pub/(\\d+)$ {{ nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 1; }}
    location ~ /sub/(\\d+)$ {{
      nchan_subscriber eventsource; nchan_channel_id $1; nchan_subscriber_first_message newest;
    }}
  }}
}}
"""


@dataclass
class Peer:
    """`pid` is the process that serves, `stop` asks all of it to end."""

    pid: int
    port: int
    process: subprocess.Popen[bytes]
    path: str
    token: str
    publish: Callable[[int], None]

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def request(self, job: int) -> bytes:
        head = f"GET {self.path.format(job)} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
        return f"{head}Authorization: Bearer {self.token}\r\n\r\n".encode()

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}", "Accept": "text/html"})
        answer = connection.getresponse()
        answer.read()
        return answer.status


@contextlib.contextmanager
def gunicorn(stage: Stage, core: int, server: Sequence[str], *, app: str, writer: str, path: str) -> Iterator[Peer]:
    port = free_port()
    with (stage.settings.data_dir.parent / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*server, "-b", f"127.0.0.1:{port}", "--backlog", "4096", app],
            env={**stage.environment, "PYTHONPATH": str(PROJECT), "HEADWAY_STREAM_WRITER": writer},
            stdout=log,
            stderr=log,
        )
    os.sched_setaffinity(process.pid, {core})
    try:
        eventually(lambda: children(process.pid), within=30)
        peer = Peer(children(process.pid)[0], port, process, path, stage.token, stage.publisher())
        eventually(lambda: _answers(peer), within=30)
        yield peer
    finally:
        process.kill()
        process.wait()


def engine(stage: Stage, core: int) -> contextlib.AbstractContextManager[Peer]:
    return gunicorn(stage, core, WEB, app=APP, writer="handoff", path="/api/bench/push/{}")


def generator(stage: Stage, core: int) -> contextlib.AbstractContextManager[Peer]:
    return gunicorn(stage, core, WEB, app=APP, writer="generator", path="/api/bench/push/{}")


def polling(stage: Stage, core: int) -> contextlib.AbstractContextManager[Peer]:
    return gunicorn(stage, core, WEB, app=APP, writer="generator", path="/api/bench/poll/{}")


def empty(stage: Stage, core: int) -> contextlib.AbstractContextManager[Peer]:
    """Flask that asks and reads nothing, on the same server."""
    return gunicorn(stage, core, PLAIN, app="bench._empty_app:app", writer="", path="/empty/{}")


@contextlib.contextmanager
def nchan(stage: Stage, core: int) -> Iterator[Peer]:
    """Sent finished events, of the same bytes."""
    folder, port = Path(tempfile.mkdtemp(prefix="headway-")), free_port()
    module = next(path for path in MODULES if Path(path).exists())
    (folder / "nginx.conf").write_text(NGINX.format(module=module, folder=folder, port=port))
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "/dev/null"])
    os.sched_setaffinity(process.pid, {core})
    try:
        eventually(lambda: len(children(process.pid)) == 1, within=10)
        pid = children(process.pid)[0]
        os.sched_setaffinity(pid, {core})
        yield Peer(pid, port, process, "/sub/{}", stage.token, _nchan_publisher(stage, port))
    finally:
        # Killed, it would leave its worker behind.
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def has_nchan() -> bool:
    return bool(shutil.which("nginx")) and any(Path(path).exists() for path in MODULES)


def _nchan_publisher(stage: Stage, port: int) -> Callable[[int], None]:
    opened: list[http.client.HTTPConnection] = []

    def publish(job: int) -> None:
        if not opened:
            opened.append(http.client.HTTPConnection("127.0.0.1", port))
        opened[0].request("POST", f"/pub/{job}", event(stage, job).data, {"X-EventSource-Event": "pipeline_progress"})
        opened[0].getresponse().read()

    return publish


def event(stage: Stage, job: int) -> Message:
    """What contract B says of a job in work just now."""
    record = Job(id=job, state="processing", kind=KIND, attempt=1)
    return ONE.parts(JobState(record, KINDS[KIND], stage.picture(job)))["progress"]


def _answers(peer: Peer) -> bool:
    try:
        return peer.get("/healthz") == 200
    except OSError:
        return False
