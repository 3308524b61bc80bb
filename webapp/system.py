"""What the admins' page shows: traffic, workers, what is in the way, and what is stored."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import retention
from webapp.advice import Advice, Facts, advise
from webapp.kinds import KINDS
from webapp.live.client import LiveUnavailable, translated
from webapp.records import ended
from webapp.records.ended import Files
from webapp.records.job import Job
from webapp.records.rule import EVERYTHING, why_held
from webapp.records.traffic import Traffic
from webapp.records.worker import Worker
from webapp.retention import Policy, Pruned
from webapp.services import Services
from webapp.settings import Settings

SHOWN_FOR = timedelta(hours=1)
# Measuring what is stored takes longer the more it is: at most so much of the time, but seconds at least.
SHARE, MEASURED_FOR = 0.02, 2.0
MOST_COUNTED = 1000
FACES = ("busy", "idle", "lost", "stopped")


@dataclass(frozen=True)
class WorkerState:
    """A worker, the job it runs, and how that looks: one of FACES."""

    worker: Worker
    job: Job | None
    face: str


@dataclass(frozen=True)
class Storage:
    """In bytes. `next_prune` counts no further than MOST_COUNTED jobs, and all of it holds `until` then."""

    files: Files
    passages: int
    database: int | None
    free: int
    next_prune: Pruned
    until: float

    @property
    def all_counted(self) -> bool:
        return self.next_prune.jobs < MOST_COUNTED


@dataclass(frozen=True)
class SystemState:
    """`streams` are open in this web process; others have their own."""

    settings: Settings
    traffic: Traffic
    workers: list[WorkerState]
    advice: list[Advice]
    storage: Storage
    streams: int
    ended: bool = False
    position: int = 0

    def count(self, *faces: str) -> int:
        """How many workers are like that."""
        return sum(worker.face in faces for worker in self.workers)


def load_system(services: Services, before: SystemState | None, streams: int) -> SystemState:
    """The present state; what takes long to measure may be a little older, and is then taken from `before`."""
    old = before.storage if before else None
    storage = old if old and time.monotonic() < old.until else _measured(services)
    with services.database.reading() as session:
        traffic, workers = Traffic.now(session), _workers(session, services.settings.worker_lease)
        held = {_label(kind): why for kind, why in why_held(session).items()}
    faces = [worker.face for worker in workers]
    facts = Facts(
        traffic=traffic,
        busy=faces.count("busy"),
        idle=faces.count("idle"),
        held=held,
        redis_answers=_answers(services),
        free_bytes=storage.free,
    )
    advice = advise(facts, services.settings)
    return SystemState(services.settings, traffic, workers, advice, storage, streams)


def _workers(session: Session, lease: float) -> list[WorkerState]:
    running = {job.worker_id: job for job in session.scalars(select(Job).where(Job.state == "processing"))}
    states = [_worker(worker, running.get(worker.id), lease) for worker in Worker.recent(session, SHOWN_FOR)]
    return sorted(states, key=lambda state: FACES.index(state.face))


def _worker(worker: Worker, job: Job | None, lease: float) -> WorkerState:
    if worker.is_lost(timedelta(seconds=lease)):
        return WorkerState(worker, job, "lost")
    return WorkerState(worker, job, "stopped" if worker.stopped_at else "busy" if job else "idle")


def _label(kind: str) -> str:
    return "The whole queue" if kind == EVERYTHING else f"“{KINDS[kind].label}”" if kind in KINDS else kind


def _answers(services: Services) -> bool:
    try:
        with translated():
            return bool(services.redis.ping())
    except LiveUnavailable:
        return False


def _measured(services: Services) -> Storage:
    began = time.monotonic()
    with services.database.reading() as session:
        files = ended.stored(session)
    url = services.database.engine.url
    policy = Policy.of(services.settings)
    next_prune = retention.prune(services, policy, dry_run=True, at_most=MOST_COUNTED)
    ended_at = time.monotonic()
    return Storage(
        files=files,
        passages=_on_disk(services.passages.path),
        database=_on_disk(Path(url.database)) if url.database else None,
        free=shutil.disk_usage(services.settings.data_dir).free,
        next_prune=next_prune,
        until=ended_at + max((ended_at - began) / SHARE, MEASURED_FOR),
    )


def _on_disk(path: Path) -> int:
    """The size of an SQLite database, with what is not yet written into its main file."""
    parts = (path, path.with_name(path.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())
