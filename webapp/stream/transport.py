"""Brings words of change from Redis to the hub of this process, over one subscription."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from redis import Redis
from redis.client import PubSub

from webapp.live.client import LiveUnavailable, translated
from webapp.live.wake import CHANNEL, decode
from webapp.records.database import Change
from webapp.stream.hub import Hub

RECONNECT = 1.0
# Seconds after some words before the next are listened for: to wake up for each one costs several times what it says.
BREATH, AT_ONCE = 0.02, 1000

log = logging.getLogger(__name__)


def listen(redis: Redis, hub: Hub, is_closed: Callable[[], bool]) -> None:
    """Pass words on until closed. `redis` must be a client whose calls may block."""
    while not is_closed():
        try:
            with translated():
                _subscription(redis.pubsub(), hub, is_closed)  # type: ignore[no-untyped-call]
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


def _subscription(pubsub: PubSub, hub: Hub, is_closed: Callable[[], bool]) -> None:
    with pubsub:
        pubsub.subscribe(CHANNEL)
        while not is_closed():
            changes: list[Change] = []
            message = pubsub.get_message(timeout=1.0)
            while message and len(changes) < AT_ONCE:
                if message["type"] == "message":
                    changes.append(decode(message["data"]))
                elif message["type"] == "subscribe":
                    # A first or a renewed subscription: what was said before it is lost.
                    hub.resync()
                    hub.readmit()
                message = pubsub.get_message()
            if changes:
                hub.changed(*changes)
            time.sleep(BREATH)
