"""Writes a watcher's stream as a WSGI response: the plain generator, which works on any server."""

from __future__ import annotations

import logging
import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from flask import Response

from webapp.stream.hub import Hub
from webapp.stream.names import Topic
from webapp.stream.rendering import Rendering
from webapp.stream.watcher import Watcher
from webapp.stream.wire import Message

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
# A first comment makes proxies pass the headers on.
OPENING = b": headway\n\n"
# Of the kernel's states of a TCP connection.
ESTABLISHED = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """Seconds: between signs of life on a quiet stream, of a stream's life at most, and of patience with a client
    that has stopped reading."""

    heartbeat: float = 15.0
    lifetime: float = 600.0
    stalled_after: float = 30.0


USUAL = Timing()


def stream(
    hub: Hub,
    watcher: Watcher,
    wanted: Iterable[tuple[Topic, Rendering]],
    *,
    heartbeat: bytes,
    timing: Timing,
    connection: socket.socket | None,
) -> Response:
    """Subscribe a watcher and answer with its stream. Raises TooManyStreams before anything is sent."""
    watcher.abort = _abort(connection)
    watcher.has_left = partial(_has_left, connection)
    hub.subscribe(watcher, wanted)
    log.info("stream opened %s user=%s", watcher.label, watcher.user_id)
    response = Response(_pieces(watcher, heartbeat, timing), headers=HEADERS)
    # Also when the generator was never begun, and so can't clean up after itself.
    response.call_on_close(lambda: _close(hub, watcher))
    return response


def _pieces(watcher: Watcher, heartbeat: bytes, timing: Timing) -> Iterator[bytes]:
    yield OPENING
    # Spreads those who come back. It goes before the first event's own lines: readers take a lone one for an event.
    retry = b"retry: %d\n" % random.randint(2000, 8000)  # noqa: S311
    ends_at = watcher.opened_at + timing.lifetime * random.uniform(0.8, 1.0)  # noqa: S311
    while time.monotonic() < ends_at:
        piece = watcher.take(timing.heartbeat)
        if piece is None:
            yield heartbeat
        elif piece:
            yield retry + piece
            retry = b""
        if watcher.finished and not watcher.pending:
            return


def only(message: Message) -> Response:
    """A stream of one event, where there is nothing to watch."""
    return Response(iter((OPENING, message.encode())), headers=HEADERS)


def _close(hub: Hub, watcher: Watcher) -> None:
    hub.unsubscribe(watcher)
    if hub.closed:
        # All is sent. Else a server that stops would wait for the client's next request.
        watcher.abort()
    seconds = time.monotonic() - watcher.opened_at
    log.info("stream closed %s user=%s seconds=%.1f events=%d", watcher.label, watcher.user_id, seconds, watcher.events)


def _has_left(connection: socket.socket | None) -> bool:
    """Whether the other side of a TCP connection has closed it; no, where that can't be told."""
    try:
        return (
            connection is not None and connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED
        )
    except OSError:
        return False


def _abort(connection: socket.socket | None) -> Callable[[], None]:
    """Cuts a connection whose client has stopped reading: its greenlet is stuck in a write."""

    def abort() -> None:
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("a stalled stream was gone already")

    return abort
