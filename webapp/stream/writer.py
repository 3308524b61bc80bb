"""Answering with a stream: what `generator` and `handoff`, the two ways to do it, have in common."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import Response

from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.watcher import Asked, Watcher
from webapp.stream.wire import Message

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
SEND_BUFFER = 16 * 1024
Wanted = Sequence[tuple[Topic, Rendering]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """Seconds: between signs of life on a quiet stream, of a stream's life at most, and of patience with a client
    that has stopped reading."""

    heartbeat: float = 15.0
    lifetime: float = 600.0
    stalled_after: float = 30.0

    def some_lifetime(self, at_most: float) -> float:
        """Not the same for all, so that those who came together do not come back together."""
        return min(self.lifetime * random.uniform(0.8, 1.0), at_most)  # noqa: S311


USUAL = Timing()


class Writer(Protocol):
    """A way to answer with streams."""

    def open(
        self, asked: Asked, wanted: Wanted, *, heartbeat: bytes, connection: socket.socket | None, at_most: float
    ) -> Response:
        """Subscribe and answer, for so many seconds at most. Raises TooManyStreams before anything is sent."""


def opening() -> bytes:
    """What every stream begins with. A first comment makes proxies pass the headers on; `retry` spreads those who
    come back, and belongs to the event that follows: readers take a lone one for an event."""
    return b": headway\n\nretry: %d\n" % random.randint(2000, 8000)  # noqa: S311


# A sign of life before the first event: without a blank line, which would make an event of `retry`.
FIRST_HEARTBEAT = b":\n"


def bound_buffer(connection: socket.socket) -> None:
    """Have no megabytes of what is no longer true queue in the kernel for a client that reads slowly."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


def shut_ears(connection: socket.socket) -> None:
    """Hear no more from a client. What is sent to it still arrives."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)


def only(message: Message) -> Response:
    """A stream of one event, where there is nothing to watch."""
    return Response(iter((opening(), message.encode())), headers=HEADERS)


def log_opened(watcher: Watcher) -> None:
    log.info("stream opened %s", watcher)


def log_closed(watcher: Watcher) -> None:
    log.info("stream closed %s %s", watcher, watcher.account)
