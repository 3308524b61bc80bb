"""bin/run as people and the kernel meet it: a whole server each."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.serving import LOGIN, Server, eventually, serving
from webapp.settings import PROJECT, Settings


def refused(**environment: str) -> str:
    """What bin/run says when it refuses to start."""
    said = subprocess.run(
        [sys.executable, "-m", "webapp.cli", "run"],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (said.returncode, said.stdout) == (1, "")
    return said.stderr


def process_of(server: Server, word: str) -> psutil.Process:
    """The process that bin/run itself started whose command line has this word."""
    children = psutil.Process(server.process.pid).children()
    return next(child for child in children if word in " ".join(child.cmdline()))


def log_of(server: Server) -> str:
    return Path(f"{server.data_dir}.log").read_text()


def restarted(server: Server, word: str) -> None:
    """Kill one of the processes, and see it come back."""
    killed = process_of(server, word)
    killed.kill()
    eventually(lambda: any(word in " ".join(c.cmdline()) for c in others(server, killed)))


def others(server: Server, process: psutil.Process) -> list[psutil.Process]:
    return [child for child in psutil.Process(server.process.pid).children() if child.pid != process.pid]


def test_a_process_that_is_killed_comes_back(tmp_path: Path):
    with serving(tmp_path / "data", HEADWAY_WORKERS="1") as server:
        for word in ("gunicorn", "valkey-server", "worker"):
            restarted(server, word)
        eventually(lambda: httpx.get(f"{server.url}/readyz", timeout=30).status_code == 200)
        assert all(f"{name} ended; starting it again" in log_of(server) for name in ("web", "redis", "worker-1"))
        assert server.stop() == 0


def test_no_connection_is_refused_while_the_web_server_comes_back(tmp_path: Path):
    with serving(tmp_path / "data", HEADWAY_WORKERS="1") as server:
        process_of(server, "gunicorn").kill()
        assert httpx.get(f"{server.url}/healthz", timeout=30).status_code == 200


def test_nothing_survives_a_server_that_was_killed(tmp_path: Path):
    with serving(tmp_path / "data", HEADWAY_WORKERS="1") as server:
        family = psutil.Process(server.process.pid).children(recursive=True)
        assert len(family) >= 5
        server.process.kill()
        server.process.wait()
        eventually(lambda: not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE])


def test_the_first_login_is_shown_once_and_works(tmp_path: Path):
    with serving(tmp_path / "data", HEADWAY_WORKERS="1", HEADWAY_ADMIN_PASSWORD="") as server:
        lines = [line.split() for line in log_of(server).splitlines()]
        login = {words[0]: words[1] for words in lines if words and words[0] in ("email", "password")}
        assert login["email"] == LOGIN["email"]
        server.browser(login).close()
        assert log_of(server).splitlines()[-1] == f"Headway is ready at {server.url}"
        assert not [path for path in server.data_dir.rglob("*") if path.stat().st_mode & 0o077]
        assert server.stop() == 0
    with serving(tmp_path / "data", HEADWAY_WORKERS="1", HEADWAY_ADMIN_PASSWORD="") as server:
        assert "password" not in log_of(server)


def test_a_second_server_on_the_same_data_is_refused(server: Server):
    message = refused(HEADWAY_DATA_DIR=str(server.data_dir), HEADWAY_PORT=free_port())
    assert message.startswith(f"Error: Another Headway is already running on {server.data_dir}. ")


def test_a_port_in_use_is_refused_before_anything_starts(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        message = refused(HEADWAY_DATA_DIR=str(tmp_path / "data"), HEADWAY_PORT=port)
    assert message.startswith(f"Error: Port {port} on 127.0.0.1 can't be used: Address already in use.")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["serving.lock"]


def test_a_host_that_is_not_ours_is_refused_in_words(tmp_path: Path):
    message = refused(HEADWAY_DATA_DIR=str(tmp_path / "data"), HEADWAY_HOST="no.such.host.invalid")
    assert "HEADWAY_HOST" in message


def test_a_data_folder_that_cannot_be_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert refused(HEADWAY_DATA_DIR=str(tmp_path / "file/data")).startswith("Error: HEADWAY_DATA_DIR: ")


def test_a_database_that_cannot_be_read_is_refused_in_words(tmp_path: Path):
    (tmp_path / "headway.db").write_bytes(b"not a database" * 1000)
    message = refused(HEADWAY_DATA_DIR=str(tmp_path), HEADWAY_PORT=free_port())
    assert message == "Error: The database can't be used: file is not a database.\n"


def test_a_first_admin_that_cannot_be_is_refused_and_nothing_is_left_running(tmp_path: Path):
    message = refused(HEADWAY_DATA_DIR=str(tmp_path), HEADWAY_ADMIN_PASSWORD="short", HEADWAY_PORT=free_port())
    assert message.startswith("Error: HEADWAY_ADMIN_EMAIL or HEADWAY_ADMIN_PASSWORD: ")
    assert not Settings(data_dir=tmp_path).redis_socket.exists()


def test_a_worker_that_cannot_be_kept_up_stops_everything_with_an_error(tmp_path: Path):
    # No worker can register in a database that nobody may write to, and its last words say so.
    with serving(tmp_path / "data", HEADWAY_WORKERS="1") as server:
        broken = tmp_path / "data/headway.db"
        broken.rename(tmp_path / "aside")
        broken.mkdir()
        process_of(server, "worker").send_signal(signal.SIGKILL)
        assert server.process.wait(timeout=60) == 1
        assert "worker-1 could not be kept up: it ended 5 times within 30 seconds." in log_of(server)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_well_when_asked(tmp_path: Path, number: signal.Signals):
    with serving(tmp_path / "data", HEADWAY_WORKERS="1") as server:
        family = psutil.Process(server.process.pid).children(recursive=True)
        server.process.send_signal(number)
        assert server.process.wait(timeout=30) == 0
        assert not [process for process in family if process.is_running()]


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def test_modules_that_lie_in_the_current_folder_are_not_taken_for_ours(tmp_path: Path):
    foreign = tmp_path / "elsewhere" / "webapp"
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").write_text("raise SystemExit('not ours')")
    with serving(tmp_path / "data", folder=foreign.parent, HEADWAY_WORKERS="1") as server:
        assert httpx.get(f"{server.url}/readyz", timeout=30).status_code == 200
