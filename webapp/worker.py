"""The worker process: a Huey consumer that claims jobs and has a runner make the attempts.

It stays light and alive itself: it beats, it sweeps, it answers searches, and it outlives whatever
an attempt does to its runner.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from datetime import timedelta

from huey.consumer import Consumer
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.engines import embed
from webapp.kinds import KINDS
from webapp.live import question
from webapp.live.client import LiveUnavailable
from webapp.records.database import now
from webapp.records.job import Job
from webapp.records.line import next_job
from webapp.records.worker import Worker as WorkerRow
from webapp.retention import keep_pruning
from webapp.runner import Order, Outcome, Runner
from webapp.services import Services
from webapp.settings import Settings
from webapp.sweeper import sweep

HEARTBEAT = 5.0
SWEEP = 1.0
RETRY_REDIS = 1.0

log = logging.getLogger(__name__)


def main(settings: Settings) -> None:
    """Take jobs until INT or TERM; a running one then has most of `stop_grace` to end."""
    Worker(Services.open(settings)).serve()


class Worker:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.database
        self._runner = Runner(services.settings)
        self._running: Job | None = None
        self._stopping = threading.Event()
        self._id = 0

    def serve(self) -> None:
        with self._database.transaction() as session:
            self._id = WorkerRow.register(session, f"{socket.gethostname()}:{os.getpid()}").id
        self._runner.start()
        for loop in (self._beat, self._answer, self._prune):
            threading.Thread(target=loop, name=loop.__name__, daemon=True).start()
        self._services.queue.run = self.work
        # The supervisor kills what outstays its whole grace: be done before that.
        grace = self._services.settings.stop_grace * 0.7
        consumer = Consumer(
            self._services.queue.huey, workers=1, periodic=False, graceful_signal="TERM", shutdown_timeout=grace
        )
        consumer.run()
        self._leave()

    def work(self, _job_id: int) -> None:
        """Claim a job, have it run, and write down how it ended.

        There is a message for each waiting job, but whose turn it is is decided here and now.
        """
        with self._database.transaction() as session:
            job_id = next_job(session)
            job = Job.claim(session, job_id, self._id) if job_id else None
        if job is None:
            return
        self._running = job
        outcome = self._runner.run(Order.of(job), lambda: self._outstayed_cancel(job))
        self._running = None
        if self._stopping.is_set():
            return
        with self._database.transaction() as session:
            settle(session, job, outcome)
        log.info("job=%s attempt=%s state=%s", job.id, job.attempt, outcome.state)

    def _outstayed_cancel(self, job: Job) -> bool:
        """Whether a cancel was asked for longer ago than the work may take to notice."""
        with self._database.reading() as session:
            asked = session.get_one(Job, job.id).cancel_requested_at
        return asked is not None and now() - asked > timedelta(seconds=self._services.settings.cancel_grace)

    def _beat(self) -> None:
        beaten_at = -HEARTBEAT
        while True:
            try:
                if time.monotonic() - beaten_at >= HEARTBEAT:
                    with self._database.transaction() as session:
                        WorkerRow.beat(session, self._id)
                    beaten_at = time.monotonic()
                sweep(self._services)
            except (SQLAlchemyError, LiveUnavailable) as error:
                log.warning("heartbeat: %s", error)
            if self._stopping.wait(SWEEP):
                return

    def _answer(self) -> None:
        while not self._stopping.is_set():
            try:
                question.answer_one(self._services.blocking_redis, embed.embed_one)
            except LiveUnavailable:
                self._stopping.wait(RETRY_REDIS)

    def _prune(self) -> None:
        keep_pruning(self._services, self._stopping)

    def _leave(self) -> None:
        """Hand back what did not end in time, and say goodbye."""
        self._stopping.set()
        self._runner.kill()
        with self._database.transaction() as session:
            if self._running:
                self._running.hand_back(session, "The worker was stopped.")
            WorkerRow.stop(session, self._id)


def settle(session: Session, job: Job, outcome: Outcome) -> None:
    """Write down how an attempt ended."""
    if outcome.state == "completed":
        job.complete(session, outcome.result, outcome.trace)
    elif outcome.state == "cancelled":
        job.cancelled(session, outcome.trace)
    elif outcome.permanent:
        job.fail(session, outcome.error, outcome.trace)
    else:
        job.stumble(session, outcome.error, KINDS[job.kind].retries, outcome.trace)
