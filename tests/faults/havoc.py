"""Ways to do a running server harm, by the names of its processes."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from random import Random

import psutil

from tests.faults.crowd import Crowd, ask
from tests.serving import Server, eventually

WORKER, RUNNER, REDIS, WEB = "webapp.cli worker", "webapp.attempt", "valkey-server", "gunicorn"
LAST_TRY = 3


def family(server: Server) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(server.process.pid).children(recursive=True)
    return []


def processes(server: Server, name: str) -> list[psutil.Process]:
    """Those that run under a name, oldest first."""
    found = []
    for process in family(server):
        with contextlib.suppress(psutil.NoSuchProcess):
            if name in " ".join(process.cmdline()):
                found.append(process)
    return found


def kill(process: psutil.Process, number: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def again_and_again(
    crowd: Crowd,
    harm: Callable[[], None],
    *,
    every: float,
    at_most: float,
    until: Callable[[], bool] | None = None,
) -> int:
    """Do harm at random moments until all jobs have ended, or for so many seconds; how often it was done."""
    count, deadline = 0, time.monotonic() + at_most
    while not (until or crowd.ended)() and time.monotonic() < deadline:
        pause(every * crowd.random.uniform(0.3, 1.7))
        harm()
        count += 1
    return count


def pause(seconds: float) -> None:
    """Where a moment or a length is what is tried, there is nothing else to wait for."""
    time.sleep(seconds)


def kill_a_worker(server: Server, random: Random) -> None:
    """One that runs no job's last try: that job would fail, and should."""
    _kill_one(processes(server, WORKER), random, doomed=_pids_with_tries(server, LAST_TRY))


def kill_a_runner(server: Server, random: Random) -> None:
    """As before; one of a second try would be right too, but its job rests long after it."""
    doomed = _pids_with_tries(server, LAST_TRY - 1)
    _kill_one([runner for runner in processes(server, RUNNER) if runner.ppid() not in doomed], random, doomed=set())


def _kill_one(candidates: list[psutil.Process], random: Random, *, doomed: set[int]) -> None:
    if spared := [process for process in candidates if process.pid not in doomed]:
        kill(random.choice(spared))


def busy_workers(server: Server) -> list[psutil.Process]:
    """Those that are on a job now."""
    pids = _pids_with_tries(server, 0)
    return [process for process in processes(server, WORKER) if process.pid in pids]


def _pids_with_tries(server: Server, tries: int) -> set[int]:
    """Of workers that are on a job which was tried so often."""
    held = "SELECT workers.name FROM jobs JOIN workers ON workers.id = worker_id WHERE state = 'processing'"
    return {int(name.rpartition(":")[2]) for (name,) in ask(server, f"{held} AND tries >= ?", tries)}


def kill_redis(server: Server, *, wipe: bool = False) -> None:
    """It comes back by itself; wiped, it has forgotten everything."""
    (redis,) = processes(server, REDIS)
    kill(redis)
    if wipe:
        shutil.rmtree(server.data_dir / "redis" / "appendonlydir")
    eventually(lambda: [process for process in processes(server, REDIS) if process.pid != redis.pid])


def kill_a_web_process(server: Server, random: Random) -> None:
    """One of those that answer; the one that keeps them up is killed now and then."""
    if web := processes(server, WEB):
        kill(random.choice(web[1:]) if len(web) > 1 and random.random() < 0.9 else web[0])


def freeze_a_worker(server: Server, random: Random, *, seconds: float) -> None:
    """Past its lease or not, with all that it started."""
    doomed = _pids_with_tries(server, LAST_TRY)
    if spared := [process for process in processes(server, WORKER) if process.pid not in doomed]:
        worker = random.choice(spared)
        with contextlib.suppress(psutil.NoSuchProcess), frozen(worker, *worker.children(recursive=True)):
            pause(seconds)


@contextlib.contextmanager
def frozen(*stopped: psutil.Process) -> Iterator[None]:
    for process in stopped:
        kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            kill(process, signal.SIGCONT)


@contextlib.contextmanager
def locked_database(server: Server) -> Iterator[None]:
    """Nobody else can write meanwhile."""
    with contextlib.closing(sqlite3.connect(server.data_dir / "headway.db", isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("COMMIT")


@contextlib.contextmanager
def files_of_at_most(size: int, server: Server) -> Iterator[None]:
    """What the server's own processes may write into one file; Valkey is spared, which such a limit would end."""
    pids = [process.pid for process in family(server) if "valkey" not in process.name()]
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
