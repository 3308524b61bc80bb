"""The queue: Huey on Redis. A message is a job's id and no more; what it means stands in SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from huey import RedisHuey
from huey.api import Task
from huey.registry import Message
from huey.serializer import Serializer
from redis import ConnectionPool

from webapp.live.client import translated


class JsonSerializer(Serializer):  # type: ignore[misc]
    """JSON in place of Huey's pickle: whoever can write to Redis must not get to run code here."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


class Messenger(RedisHuey):  # type: ignore[misc]
    """Huey that only carries messages: nothing is revoked, retried or kept, so it does not ask Redis what was."""

    def execute(self, task: Task, timestamp: datetime | None = None) -> None:
        task.execute()


class Queue:
    """Ids of jobs, first in first out. Only a worker sets `run`, the function that takes an id."""

    def __init__(self, redis_url: str) -> None:
        # Longer than a worker waits for a message at a time; an upload waits as long when Redis hangs.
        pool = ConnectionPool.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2)
        self.huey = Messenger("headway", results=False, serializer=JsonSerializer(), connection_pool=pool)
        self.run: Callable[[int], None] | None = None
        self._run_job = self.huey.task(name="run_job")(self._call)

    def _call(self, job_id: int) -> None:
        assert self.run is not None, "this process takes no jobs"
        self.run(job_id)

    def enqueue(self, job_id: int) -> None:
        """Raises LiveUnavailable; the job stays `queued` in SQL, and the sweeper comes back to it."""
        with translated():
            self._run_job(job_id)

    def __len__(self) -> int:
        """How many messages wait. Raises LiveUnavailable."""
        with translated():
            return self.huey.pending_count()
