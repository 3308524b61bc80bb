"""What a process works with: its settings, its stores and its connections, opened once."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from webapp.engines.passages import Passages
from webapp.files import FileStore
from webapp.live import question
from webapp.live.client import connect
from webapp.live.job_live import JobLive
from webapp.live.wake import Announcer
from webapp.queue import Queue
from webapp.records.database import Database
from webapp.records.estimate import Experiences
from webapp.settings import Settings


@dataclass(frozen=True)
class Services:
    settings: Settings
    database: Database
    files: FileStore
    passages: Passages
    redis: Redis
    blocking_redis: Redis
    live: JobLive
    queue: Queue
    experiences: Experiences

    @classmethod
    def open(cls, settings: Settings) -> Services:
        """Connects to nothing yet: each store does at its first use."""
        redis_url = settings.effective_redis_url
        redis = connect(redis_url)
        return cls(
            settings=settings,
            database=Database(settings.effective_database_url, announce=Announcer(redis)),
            files=FileStore.open(settings.files_url or str(settings.files_dir), settings.data_dir / "incoming"),
            passages=Passages(settings.passages_path),
            redis=redis,
            blocking_redis=connect(redis_url, timeout=None),
            live=JobLive(redis),
            queue=Queue(redis_url),
            experiences=Experiences(),
        )

    def embed_question(self, text: str) -> bytes | None:
        """The vector of a search, made by a worker; None if none answered in time."""
        return question.ask(self.blocking_redis, text)
