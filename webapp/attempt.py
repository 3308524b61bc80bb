"""The process in which attempts run: one order after another, until its worker goes away."""

from __future__ import annotations

import logging
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

from sqlalchemy.exc import DBAPIError

from webapp.acceptance import accept_from_archive
from webapp.engines.lanes import Lanes
from webapp.errors import JobError
from webapp.files import DISK_FULL, NoRoom
from webapp.forecast import Forecast
from webapp.keeping import StoredCheckpoints
from webapp.kinds import KINDS
from webapp.kinds.base import Attempt, Kind
from webapp.logs import configure
from webapp.patience import TimeLimit, limit_of
from webapp.processes import end_with
from webapp.progress import LogLine, Progress
from webapp.records.database import Change
from webapp.records.job import Job, Trace
from webapp.report import Cancelled, HandedBack, Report
from webapp.runner import Order, Outcome
from webapp.services import Services

ERROR_LENGTH = 2_000

log = logging.getLogger(__name__)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(int(sys.argv[1]))
    pipe = Connection(int(sys.argv[2]))
    try:
        settings = pipe.recv()
        configure(settings.log_level)
        _limit_memory(settings.attempt_memory)
        services, lanes = Services.open(settings), Lanes(settings.lanes)
        while True:
            pipe.send(_made(pipe.recv(), services, lanes))
            # Between two orders it just ends this process.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    except (EOFError, OSError):
        return


def _limit_memory(most: int) -> None:
    """For this process, and each of its lanes for itself. Libraries and files that are only read don't count."""
    if most:
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _made(order: Order, services: Services, lanes: Lanes) -> Outcome:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return attempt(order, services, lanes, should_end=stop.is_set)


def attempt(
    order: Order, services: Services, lanes: Lanes, *, should_end: Callable[[], bool] = lambda: False
) -> Outcome:
    """One try at one job, from its order to how it ended. Once `should_end()`, it ends where another can go on."""
    kind = KINDS[order.kind]
    change = Change("job", order.job_id, order.owner_id, "progress")

    forecast = Forecast(services.database, order)

    limit = TimeLimit(limit_of(kind, services.settings))
    asked_to_stop = threading.Event()

    def publish(progress: Progress | None, lines: Sequence[LogLine]) -> bool:
        if progress:
            forecast.hear(progress)
        if services.live.publish(change, order.attempt, progress, lines):
            asked_to_stop.set()
        return asked_to_stop.is_set() or limit.is_over()

    with Report(kind.stages, publish, attempt=order.attempt) as report:
        checkpoints = StoredCheckpoints(services, order, kind, report, should_end=should_end)
        outcome = _work(kind, order, services, lanes, report, checkpoints)
    if outcome.state == "cancelled" and not asked_to_stop.is_set():
        outcome = Outcome("failed", error=limit.words)
    return replace(outcome, trace=Trace(report.picture(), report.tail))


def _work(
    kind: Kind, order: Order, services: Services, lanes: Lanes, report: Report, checkpoints: StoredCheckpoints
) -> Outcome:
    try:
        with ExitStack() as stack:
            file = stack.enter_context(services.files.local(order.file_key)) if order.file_key else None
            input = kind.Input.model_validate(order.params)
            stack.enter_context(checkpoints)
            given = _given(order, services, lanes, file, checkpoints)
            return Outcome("completed", result=kind.run(given, input, report), kept=checkpoints.kept)
    except Cancelled:
        return Outcome("cancelled")
    except HandedBack:
        return Outcome("handed_back")
    except JobError as error:
        report.log(str(error), "error")
        return Outcome("failed", error=str(error), permanent=error.permanent)
    except Exception as error:
        log.exception("job=%s attempt=%s failed", order.job_id, order.attempt)
        for line in traceback.format_exception(error):
            report.log(line.rstrip(), "error")
        return Outcome("failed", error=_in_words(error)[:ERROR_LENGTH], permanent=False)


def _in_words(error: Exception) -> str:
    # The second is how C++ says it, in whatever exception a library makes of that.
    if isinstance(error, MemoryError) or "std::bad_alloc" in str(error):
        return "It needed more memory than there was, or than an attempt may use."
    if isinstance(error, NoRoom) or (isinstance(error, OSError) and error.errno in DISK_FULL):
        return "The disk is full, so it could not be finished."
    if isinstance(error, DBAPIError):
        # Its own text shows the statement and what was to be stored.
        return f"The database could not be used: {error.orig}"
    return f"{type(error).__name__}: {error}"


def _given(
    order: Order, services: Services, lanes: Lanes, file: Path | None, checkpoints: StoredCheckpoints
) -> Attempt:
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
        start=partial(_start, services, order.job_id),
        checkpoints=checkpoints,
    )


def _start(services: Services, job_id: int, key: str, name: str, stream: IO[bytes]) -> None:
    with services.database.reading() as session:
        job = session.get_one(Job, job_id)
    accept_from_archive(services, job, key, name, stream)


if __name__ == "__main__":
    main()
