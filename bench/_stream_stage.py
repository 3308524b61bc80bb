"""What all peers of bench.streams stand on: stores with jobs that run, somebody who lets them move, and /proc."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.serving import eventually
from webapp import migrations
from webapp.embedded_redis import EmbeddedRedis
from webapp.kinds import KINDS
from webapp.progress import LaneProgress, Progress, StageProgress
from webapp.records.database import Change
from webapp.records.job import Job
from webapp.records.token import Token
from webapp.records.user import User
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.settings import Settings

KIND = "ingest_document"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Stage:
    """Jobs in work, an admin's token, and the moment from which events are dated."""

    settings: Settings
    jobs: list[int]
    token: str
    zero: float
    core: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("HEADWAY_")},
            "HEADWAY_DATA_DIR": str(self.settings.data_dir),
            "HEADWAY_LOG_LEVEL": "info",
            "HEADWAY_WEB_PROCESSES": "1",
            "HEADWAY_MAX_STREAMS": "12000",
            "HEADWAY_MAX_STREAMS_PER_USER": "12000",
            "HEADWAY_MAX_STREAMS_PER_ADDRESS": "12000",
            "HEADWAY_MAX_STREAM_CONNECTS": "1000000",
        }

    def picture(self, job: int) -> Progress:
        """What an ingestion in work says of itself, as it is made now."""
        now = time.time()
        stages = [StageProgress(name=stage.name, unit=stage.unit) for stage in KINDS[KIND].stages]
        stages[0].status, stages[0].done, stages[0].total, stages[0].started_at = "in_progress", job, 5000, self.zero
        return Progress(
            attempt=1,
            started_at=self.zero,
            updated_at=now,
            fraction=0.25,
            stages=stages,
            lanes=[LaneProgress(n, "processing", f"chunk-{n}", 1, 0.5) for n in (1, 2)],
            in_flight=2,
            queue_depth=17,
            counters={"chunks": int((now - self.zero) * 1e6), "entities": 42, "graph_writes": 70, "vector_writes": 15},
        )

    @contextlib.contextmanager
    def moving(self, publish: Callable[[int], None], jobs: list[int], a_second: float) -> Iterator[None]:
        """Have each of the jobs move so many times a second, evenly spread, from a process of its own."""
        process = multiprocessing.get_context("fork").Process(
            target=_move, args=(self.core, publish, jobs, a_second), daemon=True
        )
        process.start()
        try:
            yield
        finally:
            process.terminate()
            process.join()

    def publisher(self) -> Callable[[int], None]:
        """As a worker does at each flush."""
        opened: list[Services] = []

        def publish(job: int) -> None:
            services = opened[0] if opened else (opened.append(Services.open(self.settings)) or opened[0])
            services.live.publish(Change("job", job, 1, "progress"), 1, self.picture(job), [])

        return publish


def _move(core: int, publish: Callable[[int], None], jobs: list[int], a_second: float) -> None:
    os.sched_setaffinity(0, {core})
    gap, due = 1 / (a_second * len(jobs)), time.monotonic()
    while True:
        for job in jobs:
            due += gap
            time.sleep(max(due - time.monotonic(), 0))
            publish(job)


@contextlib.contextmanager
def stage(jobs: int, core: int) -> Iterator[Stage]:
    """Stores of their own; everything but the peer that is measured runs on `core`."""
    folder = Path(tempfile.mkdtemp(prefix="headway-"))
    settings = Settings(data_dir=folder / "data")
    settings.data_dir.mkdir()
    redis = EmbeddedRedis(settings)
    process = subprocess.Popen(redis.program().command, stdout=subprocess.DEVNULL)
    try:
        os.sched_setaffinity(process.pid, {core})
        eventually(redis.answers)
        migrations.upgrade(settings.effective_database_url)
        services = Services.open(settings)
        with services.database.transaction() as session:
            admin = User.create(session, email="ada@example.org", password="correct horse", role="admin")
            _, secret = Token.create(session, admin, "bench")
            worker = Worker.register(session, "bench:1")
            rows = [Job.accept(session, kind=KIND, owner_id=admin.id, params={}, file=None) for _ in range(jobs)]
            session.flush()
            for row in rows:
                Job.claim(session, row.id, worker.id)
        stage = Stage(settings, [row.id for row in rows], secret, time.time(), core)
        publish = stage.publisher()
        for row in rows:
            publish(row.id)
        yield stage
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def cpu(pid: int) -> float:
    """Seconds that the scheduler charged a process, all its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory(pid: int) -> float:
    """Bytes that are a process's own and in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
