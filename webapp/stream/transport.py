"""Brings words of change from Redis to the hub of this process, over one subscription."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis import Connection, Redis

from webapp.live.client import LiveUnavailable, translated
from webapp.live.wake import CHANNEL, decode
from webapp.records.database import Change
from webapp.stream.hub import Hub

RECONNECT = 1.0
# Seconds after some words before the next are listened for: to wake up for each one costs several times what it says.
BREATH, AT_ONCE = 0.03, 1000

log = logging.getLogger(__name__)


def listen(redis: Redis, hub: Hub, is_closed: Callable[[], bool]) -> None:
    """Pass words on until closed. `redis` must be a client whose calls may block, and that speaks RESP 2."""
    while not is_closed():
        try:
            with translated(), _subscription(redis) as connection:
                # What was said before it is lost.
                hub.resync()
                hub.readmit()
                while not is_closed():
                    if connection.can_read(timeout=1.0):
                        hub.changed(*_words(connection))
                        time.sleep(BREATH)
        except LiveUnavailable as error:
            log.warning("no word of changes: %s", error)
        except Exception:
            log.exception("hearing of changes failed")
        else:
            continue
        # Pages are to say that they are stale, and later to catch up. Who is shut out meanwhile is found by asking.
        hub.resync()
        hub.readmit()
        time.sleep(RECONNECT)


@contextmanager
def _subscription(redis: Redis) -> Iterator[Connection]:
    """A connection that hears of all changes. The library's own subscriptions take three times as long for each
    word, and when one is cut it connects again without saying so."""
    connection = redis.connection_pool.get_connection()
    try:
        connection.send_command("SUBSCRIBE", CHANNEL)  # type: ignore[no-untyped-call]
        connection.read_response()
        yield connection
    finally:
        connection.disconnect()  # type: ignore[no-untyped-call]
        redis.connection_pool.release(connection)


def _words(connection: Connection) -> list[Change]:
    changes: list[Change] = []
    while len(changes) < AT_ONCE and connection.can_read():
        _, _, word = connection.read_response()
        changes.append(decode(word))
    return changes
