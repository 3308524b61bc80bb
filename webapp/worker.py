"""The worker process: a Huey consumer that claims jobs and has a runner make the attempts.

It stays light and alive itself: it beats, it sweeps, it answers searches, and it outlives whatever
an attempt does to its runner.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from huey.consumer import Consumer
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import leftovers, retention, scheduling
from webapp.deletion import delete_files
from webapp.engines import embed
from webapp.kinds import KINDS
from webapp.live import question
from webapp.live.client import LiveUnavailable
from webapp.patience import Patience, limit_of
from webapp.records.job import NO_TRACE, Job
from webapp.records.line import next_job
from webapp.records.output import Output
from webapp.records.worker import Worker as WorkerRow
from webapp.roster import MISSED, Roster
from webapp.runner import Order, Outcome, Runner
from webapp.services import Services
from webapp.settings import Settings
from webapp.sweeper import close_abandoned, sweep, take_back

SWEEP = 1.0
RETRY = 1.0
STOPPED = "The worker was stopped."
UNWRITABLE = "The result could not be stored. The log of the worker says why."

T = TypeVar("T")

log = logging.getLogger(__name__)


def main(settings: Settings) -> None:
    """Take jobs until INT or TERM; a running one then has most of `stop_grace` to end. QUIT says: hurry."""
    Worker(Services.open(settings)).serve()


class Worker:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings
        self._database = services.database
        name = f"{socket.gethostname()}:{os.getpid()}"
        self._roster = Roster(services.database, services.settings.data_dir / "workers", name)
        self._runner = Runner(services.settings)
        # Held while a job is taken and while it is looked what was: between the two lies a commit.
        self._hand = threading.Lock()
        self._in_hand: int | None = None
        self._stopping = threading.Event()

    def serve(self) -> None:
        leftovers.clear(self._services)
        self._roster.join()
        self._runner.start()
        self._keep_doing(self._beat, every=self._settings.worker_lease / MISSED)
        self._keep_doing(self._sweep, every=SWEEP)
        self._keep_doing(self._run_schedules, every=SWEEP)
        self._keep_doing(self._answer, every=0)
        self._keep_doing(self._tidy, every=retention.ASK)
        self._services.queue.run = self.work
        # The supervisor kills what outstays its whole grace: be done before that.
        grace = self._settings.stop_grace * 0.7
        consumer = Consumer(
            self._services.queue.huey,
            workers=1,
            periodic=False,
            # Its rests while Redis is away. Huey's own schedule stays empty.
            max_delay=RETRY,
            scheduler_interval=60,
            graceful_signal="TERM",
            shutdown_timeout=grace,
        )
        threading.Thread(target=self._pass_on, args=(consumer.stop_flag,), name="_pass_on", daemon=True).start()
        signal.signal(signal.SIGQUIT, lambda *_: _hurry(consumer))
        with contextlib.suppress(KeyboardInterrupt):
            consumer.run()
        signal.signal(signal.SIGQUIT, signal.SIG_IGN)
        self._leave()

    def work(self, _job_id: int) -> None:
        """Claim a job, have it run, and write down how it ended.

        There is a message for each waiting job, but whose turn it is is decided here and now.
        """
        try:
            if job := self._claim():
                self._attempt(job)
        except OperationalError as error:
            # The job is still queued, and the sweeper comes back to it.
            log.warning("nothing could be claimed: %s", error.orig)
            self._stopping.wait(RETRY)
        finally:
            self._in_hand = None

    def _claim(self) -> Job | None:
        with self._hand, self._database.transaction() as session:
            job_id = next_job(session)
            # Whoever was given up takes nothing before it is back on the roster.
            if job_id is None or not WorkerRow.beat(session, self._roster.id):
                return None
            self._in_hand = job_id
            return Job.claim(session, job_id, self._roster.id)

    def _attempt(self, job: Job) -> None:
        limit = limit_of(KINDS[job.kind], self._settings)
        patience = Patience(self._database, job, grace=self._settings.cancel_grace, limit=limit)
        outcome = patience.judged(self._runner.run(Order.of(job), patience.is_over))
        if outcome.trace is NO_TRACE:
            # It crashed, or was ended by force.
            outcome = replace(outcome, trace=self._services.live.last_word(job.id, job.attempt))
        counts = self._write_down(job, outcome)
        log.info("job=%s attempt=%s state=%s%s", job.id, job.attempt, outcome.state, "" if counts else " (too late)")

    def _write_down(self, job: Job, outcome: Outcome) -> bool:
        try:
            counts, spent = self._insist(lambda session: settle_and_tidy(session, job, outcome))
        except Exception:
            log.exception("job=%s attempt=%s could not be written down", job.id, job.attempt)
            return self._insist(lambda session: job.fail(session, UNWRITABLE, NO_TRACE))
        delete_files(self._services, spent)
        return counts

    def _insist(self, write: Callable[[Session], T]) -> T:
        """However long the database takes nothing: what an attempt came to must not be lost."""
        while True:
            try:
                with self._database.transaction() as session:
                    return write(session)
            except OperationalError as error:
                log.warning("not written yet: %s", error.orig)
                time.sleep(RETRY)

    def _beat(self) -> None:
        if not self._roster.beat():
            log.warning("this worker was given up, and joins anew")
            self._roster.join()

    def _sweep(self) -> None:
        self._roster.strike_off()
        self._drop_what_is_not_in_hand()
        sweep(self._services)

    def _run_schedules(self) -> None:
        scheduling.run_due(self._services)

    def _drop_what_is_not_in_hand(self) -> None:
        """Whatever went wrong between taking a job and working on it: nobody else would take it back."""
        with self._hand, self._database.reading() as session:
            held = [job for job in Job.held_by(session, self._roster.id) if job.id != self._in_hand]
        for job in held:
            take_back(self._services, job)

    def _answer(self) -> None:
        question.answer_one(self._services.blocking_redis, embed.embed_one)

    def _tidy(self) -> None:
        close_abandoned(self._services)
        retention.prune_in_turn(self._services)

    def _keep_doing(self, duty: Callable[[], object], *, every: float) -> None:
        """In a thread of its own, whatever happens."""

        def loop() -> None:
            while not self._stopping.wait(every):
                try:
                    duty()
                except (SQLAlchemyError, LiveUnavailable) as error:
                    log.warning("%s: %s", duty.__name__, error)
                    self._stopping.wait(RETRY)
                except Exception:
                    log.exception("%s failed", duty.__name__)
                    self._stopping.wait(RETRY)

        threading.Thread(target=loop, name=duty.__name__, daemon=True).start()

    def _pass_on(self, stopping: threading.Event) -> None:
        """Tell the running attempt that it should end where another can go on."""
        stopping.wait()
        self._runner.ask_to_hand_back()

    def _leave(self) -> None:
        """Hand back what did not end in time, and say goodbye: from then on this worker takes nothing."""
        self._stopping.set()
        self._insist(self._hand_back)
        # Not before: its end would count as a failure of the attempt.
        self._runner.kill()

    def _hand_back(self, session: Session) -> None:
        for job in Job.held_by(session, self._roster.id):
            job.hand_back(session, STOPPED)
        WorkerRow.leave(session, self._roster.id)


def _hurry(consumer: Consumer) -> None:
    """Have it wait no more for the running attempt, whether it is being stopped already or not."""
    consumer.shutdown_timeout = 0
    raise KeyboardInterrupt


def settle_and_tidy(session: Session, job: Job, outcome: Outcome) -> tuple[bool, list[str]]:
    """Whether it counts, and the files that are of no use any more."""
    counts = settle(session, job, outcome)
    done = counts and outcome.kept and outcome.state == "completed"
    return counts, Output.drop_spent(session, job.id) if done else []


def settle(session: Session, job: Job, outcome: Outcome) -> bool:
    """Write down how an attempt ended; False if it counts no more."""
    if outcome.state == "completed":
        return job.complete(session, outcome.result, outcome.trace)
    if outcome.state == "cancelled":
        return job.cancelled(session, outcome.trace)
    if outcome.state == "handed_back":
        return job.hand_back(session, STOPPED)
    if outcome.permanent:
        return job.fail(session, outcome.error, outcome.trace)
    return job.stumble(session, outcome.error, KINDS[job.kind].retries, outcome.trace)
