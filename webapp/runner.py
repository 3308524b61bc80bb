"""The worker's side of the process in which attempts run; attempt.py has the other side.

Its models stay warm between jobs, and when an attempt crashes or must be stopped by force, only
that process goes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from typing import Any, Literal

from webapp.processes import python_path
from webapp.records.job import NO_TRACE, Job, Trace
from webapp.settings import Settings

LOOK_EVERY = 1.0
DYING = 5.0
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Order:
    """What a runner needs to know of a claimed job."""

    job_id: int
    attempt: int
    kind: str
    owner_id: int
    document_id: str | None
    params: dict[str, Any]
    file_key: str | None
    file_name: str
    file_size: int | None

    @classmethod
    def of(cls, job: Job) -> Order:
        return cls(
            job_id=job.id,
            attempt=job.attempt,
            kind=job.kind,
            owner_id=job.owner_id,
            document_id=job.document_id,
            params=job.params,
            file_key=job.file_key,
            file_name=job.file_name or "",
            file_size=job.file_size,
        )


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended. `permanent` says that another would end the same way, `kept` that there may be
    checkpoints of the job.
    """

    state: Literal["completed", "failed", "cancelled", "handed_back"]
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    permanent: bool = True
    kept: bool = False
    trace: Trace = NO_TRACE


class Runner:
    """Starts the process, gives it one order at a time, and outlives it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> Connection:
        """The pipe to a living process, which is started if there is none."""
        if self._process is None or self._pipe is None or self._process.poll() is not None:
            self.kill()
            self._pipe, theirs = Pipe()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "webapp.attempt", str(os.getpid()), str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    env=os.environ | {"PYTHONPATH": python_path()},
                    # A group of its own, which its lanes share and which can be killed whole.
                    process_group=0,
                )
            self._pipe.send(self._settings)
        return self._pipe

    def run(self, order: Order, should_kill: Callable[[], bool], *, look_every: float = LOOK_EVERY) -> Outcome:
        """Have one attempt made. `should_kill` is asked now and then while it runs."""
        try:
            pipe = self.start()
            pipe.send(order)
            while not pipe.poll(look_every):
                if should_kill():
                    self.kill()
                    return Outcome("cancelled")
            return pipe.recv()
        except (EOFError, OSError) as error:
            return self._death(error)
        except BaseException:
            # What it still says must not be taken for the answer to the next order.
            self.kill()
            raise

    def ask_to_hand_back(self) -> None:
        """Have the running attempt end where another can go on; without such a place it goes on itself."""
        if process := self._process:
            process.terminate()

    def kill(self) -> None:
        """End the process at once, with all that it started."""
        if self._process is not None:
            # Before it is waited for, its number can't belong to another group.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _death(self, error: Exception) -> Outcome:
        if self._process is None:
            words = f"The process that does the work can't be started: {error}."
            return Outcome("failed", error=words, permanent=False)
        with suppress(subprocess.TimeoutExpired):
            # Its pipe is closed, so it ends by itself, or is not worth waiting for.
            self._process.wait(DYING)
        code = self._process.poll()
        self.kill()
        if code == -signal.SIGTERM:
            # Somebody stops all processes, and this one had not begun yet.
            return Outcome("handed_back")
        return Outcome("failed", error=_in_words(code, self._settings.attempt_memory), permanent=False)


def _in_words(code: int | None, memory: int) -> str:
    """How a process ended. Native code that gets no more memory aborts."""
    limit = f" Perhaps it needed more memory than the {memory / MEGABYTE:,.0f} MB it may use." if memory else ""
    if code == -signal.SIGKILL:
        return "The process that did the work was killed (SIGKILL). Perhaps the machine ran out of memory."
    if code is not None and code < 0:
        return f"The process that did the work crashed ({signal.Signals(-code).name}).{limit}"
    return f"The process that did the work ended unexpectedly (exit code {code}).{limit}"
