"""A whole Headway, started as bin/run starts it, for tests that visit it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from webapp.settings import PROJECT

STARTS_WITHIN = 60
LOGIN = {"email": "ada@example.org", "password": "correct horse"}
T = TypeVar("T")
TOKEN_FIELD = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Server:
    """A running `bin/run`: its address, its data folder and what it said."""

    url: str
    data_dir: Path
    environment: dict[str, str]
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)

    def command(self, *arguments: str, input: str | None = None) -> str:
        """Run `bin/headway …` beside the server; its standard output."""
        command = [sys.executable, "-m", "webapp.cli", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=PROJECT, input=input, check=True, capture_output=True, text=True
        ).stdout

    def token(self, email: str = LOGIN["email"]) -> str:
        return self.command("tokens", "create", email, "--name", "test").strip()

    def program(self, email: str = LOGIN["email"]) -> httpx.Client:
        """A client that shows a token."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token(email)}"}, timeout=30)

    def browser(self, login: dict[str, str] = LOGIN) -> httpx.Client:
        """A client that has logged in by the form."""
        client = httpx.Client(base_url=self.url, timeout=30, headers={"Accept": "text/html"})
        answer = client.post("/login", data={**login, "csrf_token": form_token(client.get("/login").text)})
        assert answer.status_code == 303, answer.text
        return client

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def form_token(page: str) -> str:
    found = TOKEN_FIELD.search(page)
    assert found, "the page has no form token"
    return found[1]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def serving(data_dir: Path, *, folder: Path = PROJECT, **settings: str) -> Iterator[Server]:
    """Start a server on a free port, from a current folder, and stop it afterwards."""
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HEADWAY_")},
        "PYTHONPATH": str(PROJECT),
        "PYTHONSAFEPATH": "1",
        "HEADWAY_DATA_DIR": str(data_dir),
        "HEADWAY_PORT": str(port),
        "HEADWAY_ADMIN_EMAIL": LOGIN["email"],
        "HEADWAY_ADMIN_PASSWORD": LOGIN["password"],
        **settings,
    }
    log = (data_dir.parent / f"{data_dir.name}.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", "run"], env=environment, cwd=folder, stdout=log, stderr=log, text=True
    )
    server = Server(f"http://127.0.0.1:{port}", data_dir, environment, process)
    try:
        eventually(lambda: _is_ready(server, log.name), within=STARTS_WITHIN)
        yield server
    finally:
        if process.poll() is None:
            server.stop()
        log.close()


def _is_ready(server: Server, log: str) -> bool:
    assert server.process.poll() is None, Path(log).read_text()
    return "Headway is ready" in Path(log).read_text()


def eventually(look: Callable[[], T], *, within: float = 20) -> T:
    """What `look` returns once it is true; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} seconds"
        time.sleep(0.02)
    return found
