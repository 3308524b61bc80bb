"""The process in which attempts run, apart from the worker: its models stay warm between jobs, and
when an attempt crashes or must be stopped by force only this process goes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from webapp.engines.lanes import Lanes
from webapp.logs import configure

from webapp.errors import JobError
from webapp.kinds import KINDS
from webapp.kinds.base import Attempt, Kind
from webapp.processes import die_with_parent
from webapp.progress import LogLine, Progress
from webapp.records.database import Change
from webapp.records.job import NO_TRACE, Job, Trace
from webapp.report import Cancelled, Report
from webapp.services import Services
from webapp.settings import Settings

ERROR_LENGTH = 2_000

log = logging.getLogger(__name__)


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
        )


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended. `permanent` says that another would end the same way."""

    state: Literal["completed", "failed", "cancelled"]
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    permanent: bool = True
    trace: Trace = NO_TRACE


class Runner:
    """The worker's side: starts the process, gives it one order at a time, and outlives it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spawn = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._pipe: Connection | None = None

    def start(self) -> None:
        """Have a process ready; harmless if there is one."""
        if self._process and self._process.is_alive():
            return
        self._pipe, theirs = self._spawn.Pipe()
        self._process = self._spawn.Process(target=serve, args=(theirs, self._settings), name="runner")
        self._process.start()
        theirs.close()

    def run(self, order: Order, should_kill: Callable[[], bool], *, look_every: float = 1.0) -> Outcome:
        """Have one attempt made. `should_kill` is asked now and then while it runs."""
        self.start()
        assert self._pipe
        self._pipe.send(order)
        while not wait([self._pipe, self._process.sentinel], timeout=look_every):
            if should_kill():
                self.kill()
                return Outcome("cancelled")
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            return Outcome("failed", error=_death_in_words(self._process.exitcode), permanent=False)

    def kill(self) -> None:
        """End the process at once, with all that it started."""
        if self._process and self._process.is_alive():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.join()


def _death_in_words(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return "The process that did the work was killed (SIGKILL): perhaps the machine ran out of memory."
    if exit_code < 0:
        return f"The process that did the work crashed ({signal.Signals(-exit_code).name})."
    return f"The process that did the work ended unexpectedly (exit code {exit_code})."


def serve(pipe: Connection, settings: Settings) -> None:
    """The process's own side: make attempts until the worker goes away."""
    os.setpgid(0, 0)
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    configure(settings.log_level)
    services, lanes = Services.open(settings), Lanes(settings.lanes)
    try:
        while True:
            pipe.send(attempt(pipe.recv(), services, lanes))
    except (EOFError, OSError):
        lanes.close()


def attempt(order: Order, services: Services, lanes: Lanes) -> Outcome:
    """One try at one job, from its order to how it ended."""
    kind = KINDS[order.kind]
    change = Change("job", order.job_id, order.owner_id, "progress")

    def publish(progress: Progress | None, lines: Sequence[LogLine]) -> bool:
        return services.live.publish(change, order.attempt, progress, lines)

    with Report(kind.stages, publish, attempt=order.attempt) as report:
        outcome = _work(kind, order, services, lanes, report)
    return replace(outcome, trace=Trace(report.picture(), report.tail))


def _work(kind: Kind, order: Order, services: Services, lanes: Lanes, report: Report) -> Outcome:
    try:
        with ExitStack() as stack:
            file = stack.enter_context(services.files.local(order.file_key)) if order.file_key else None
            input = kind.Input.model_validate(order.params)
            return Outcome("completed", result=kind.run(_given(order, services, lanes, file), input, report))
    except Cancelled:
        return Outcome("cancelled")
    except JobError as error:
        report.log(str(error), "error")
        return Outcome("failed", error=str(error), permanent=error.permanent)
    except Exception as error:
        log.exception("job %s: attempt %s failed", order.job_id, order.attempt)
        for line in traceback.format_exception(error):
            report.log(line.rstrip(), "error")
        return Outcome("failed", error=f"{type(error).__name__}: {error}"[:ERROR_LENGTH], permanent=False)


def _given(order: Order, services: Services, lanes: Lanes, file: Path | None) -> Attempt:
    return Attempt(
        job_id=order.job_id,
        number=order.attempt,
        owner_id=order.owner_id,
        document_id=order.document_id,
        file=file,
        file_name=order.file_name,
        database=services.database,
        passages=services.passages,
        lanes=lanes,
    )
