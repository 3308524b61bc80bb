"""Word that a record has changed. It says which, never what: the state is read where it is true."""

from __future__ import annotations

import logging

from redis import Redis

from webapp.live.client import PREFIX, LiveUnavailable, translated
from webapp.records.database import Change

CHANNEL = PREFIX + "changes"

log = logging.getLogger(__name__)


def encode(change: Change) -> str:
    """`Change("job", 42, 7, "claimed")` → `job 42 7 claimed`."""
    return f"{change.noun} {change.id} {change.owner_id} {change.what}"


def decode(message: str) -> Change:
    noun, id, owner_id, what = message.split(" ", 3)
    return Change(noun, int(id), int(owner_id), what)


class Announcer:
    """Publishes committed changes. A lost word costs freshness, never truth, so it never raises."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def __call__(self, changes: list[Change]) -> None:
        try:
            with translated():
                pipeline = self._redis.pipeline(transaction=False)
                for change in changes:
                    pipeline.publish(CHANNEL, encode(change))
                pipeline.execute()
        except LiveUnavailable as error:
            log.warning("change not announced: %s", error)
