"""What bin/run does, in order: one server for everything, on one machine."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import io
import secrets
import socket
import sys
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from webapp import migrations
from webapp.embedded_redis import EmbeddedRedis, RedisUnavailable
from webapp.logs import printable
from webapp.processes import python_path
from webapp.records.database import Database
from webapp.records.user import User
from webapp.secret_key import ensure_secret_key
from webapp.settings import PROJECT, Settings
from webapp.supervisor import ProcessFailed, Program, Stopped, Supervisor

READY_WITHIN = 60.0
NAME_WIDTH = 8


class CannotServe(Exception):
    """Why it does not start, or could not go on, in words."""


def serve(settings: Settings) -> None:
    """Serve until INT or TERM. Raises CannotServe once everything is stopped."""
    # A terminal that lacks a letter must not bring the server down.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _data_folder(settings), _listening(settings) as listener:
            _serve(settings, listener)
    except (ProcessFailed, RedisUnavailable, migrations.MigrationError) as error:
        raise CannotServe(str(error)) from error
    except DBAPIError as error:
        raise CannotServe(f"The database can't be used: {printable(str(error.orig))}.") from error


def _serve(settings: Settings, listener: socket.socket) -> None:
    supervisor = Supervisor(say, stop_grace=settings.stop_grace)
    with contextlib.suppress(Stopped), supervisor.running():
        ensure_secret_key(settings)
        redis = EmbeddedRedis(settings) if settings.embedded_redis else None
        if redis:
            supervisor.start(redis.program())
        migrations.upgrade(settings.effective_database_url)
        if greeting := _first_admin(settings):
            _print(greeting)
        if redis:
            supervisor.wait_until(redis.answers, "redis", within=READY_WITHIN)
        # The web first and alone: workers load a lot, and a person waits for the first page.
        supervisor.start(_web(settings, listener))
        supervisor.wait_until(lambda: _healthy(listener), "web", within=READY_WITHIN)
        supervisor.start(*_workers(settings))
        _print(f"Headway is ready at {_address(settings)}")
        supervisor.watch()


def say(name: str, line: str) -> None:
    """Show a line of a process's output."""
    _print(f"{name:<{NAME_WIDTH}} | {line}")


def _print(text: str) -> None:
    # Whoever read along may have left, or have no room for more; the server goes on.
    with contextlib.suppress(OSError):
        print(text, flush=True)


@contextlib.contextmanager
def _data_folder(settings: Settings) -> Iterator[None]:
    """Make the data folder, for its owner's eyes only, and keep a second server off it."""
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(folder / "serving.lock", "a")  # noqa: SIM115
    except OSError as error:
        raise CannotServe(f"HEADWAY_DATA_DIR: {folder} can't be used: {error.strerror}.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotServe(
                f"Another Headway is already running on {folder}. "
                "Stop it first, or set HEADWAY_DATA_DIR to another folder."
            ) from None
        yield


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """The web server's address, taken before anything starts and kept while the web server restarts."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise CannotServe(
            f"Port {settings.port} on {settings.host} can't be used: {error.strerror}. "
            "Stop what uses it, or set HEADWAY_PORT or HEADWAY_HOST."
        ) from None
    with listener:
        yield listener


def _first_admin(settings: Settings) -> str:
    """Make the first user if there is none; returns what to tell about it, once."""
    password = settings.admin_password or secrets.token_urlsafe(12)
    with Database(settings.effective_database_url).transaction() as session:
        if session.scalar(select(User.id).limit(1)) is not None:
            return ""
        try:
            admin = User.create(session, email=settings.admin_email, password=password, role="admin")
        except ValueError as error:
            raise CannotServe(f"HEADWAY_ADMIN_EMAIL or HEADWAY_ADMIN_PASSWORD: {error}") from None
    if settings.admin_password:
        return f"The first admin is {admin.email}, with the password from HEADWAY_ADMIN_PASSWORD."
    return f"\nThe first login (shown this once):\n  email     {admin.email}\n  password  {password}\n"


def _web(settings: Settings, listener: socket.socket) -> Program:
    number = listener.fileno()
    return Program(
        "web",
        [
            sys.executable,
            "-m",
            "webapp.web",
            "-c",
            str(PROJECT / "webapp/gunicorn_conf.py"),
            "--bind",
            f"fd://{number}",
        ],
        environment=_environment(),
        inherit=(number,),
    )


def _workers(settings: Settings) -> list[Program]:
    command = [sys.executable, "-m", "webapp.cli", "worker"]
    return [Program(f"worker-{n}", command, environment=_environment()) for n in range(1, settings.workers + 1)]


def _environment() -> dict[str, str]:
    """Python as our processes need it: our modules and no others from the current folder, output at once."""
    return {"PYTHONPATH": python_path(), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


def _healthy(listener: socket.socket) -> bool:
    """Whether the web server answers on its own address."""
    host, port = listener.getsockname()[:2]
    connection = http.client.HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=1)  # noqa: S104
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _address(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
