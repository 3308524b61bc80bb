"""Streams whose sockets are taken over from gunicorn's gevent worker: no greenlet, generator or queue a watcher.

The request is an ordinary one until its answer is due. Then the descriptor leaves gunicorn's socket object,
whose later close() closes nothing, and the worker is told that all is done. From there on gunicorn knows nothing
of the stream: it is no request that runs, so it counts neither for `worker_connections` nor for a graceful stop,
there is no keep-alive after it and no line of an access log. The hub bounds streams, and they are logged here.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from flask import Response, g
from gunicorn.workers.base_async import ALREADY_HANDLED
from werkzeug.http import http_date

from webapp.stream.epoll import Connection, EpollWriter
from webapp.stream.hub import Hub
from webapp.stream.watcher import Asked
from webapp.stream.writer import HEADERS, Timing, Wanted, bound_buffer, log_closed, log_opened, opening

Adopt = Callable[[Connection, int, bytes], None]
FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
PROTOCOLS = ("HTTP/1.0", "HTTP/1.1")


class HandOff:
    """Build it after the server has forked: it has a thread and descriptors of its own."""

    def __init__(self, hub: Hub, timing: Timing) -> None:
        self._hub = hub
        self._timing = timing
        self._writer = EpollWriter(timing, Calls().later, self._left)
        self._writer.start()

    def can_take(self, connection: Any, protocol: str) -> bool:
        """Whether a request came over a plain socket that carries nothing else."""
        return (
            isinstance(connection, socket.socket)
            and not isinstance(connection, ssl.SSLSocket)
            and connection.family in FAMILIES
            and protocol in PROTOCOLS
        )

    def open(
        self, asked: Asked, wanted: Wanted, *, heartbeat: bytes, connection: socket.socket | None, at_most: float
    ) -> Response:
        assert connection
        ends_at = time.monotonic() + self._timing.some_lifetime(at_most)
        stream = Connection(asked, self._writer, heartbeat=heartbeat, ends_at=ends_at)
        self._hub.subscribe(stream, wanted)
        log_opened(stream)
        answer = TakenOver(self._adopt, stream, connection)
        g.taken_over = answer
        return answer

    def forget_unanswered(self) -> None:
        """At the end of a request whose answer was never given, because something failed on the way."""
        answer: TakenOver | None = g.pop("taken_over", None)
        if answer and not answer.given:
            self._left(answer.watcher)

    def _adopt(self, stream: Connection, fd: int, head: bytes) -> None:
        self._writer.adopt(stream, fd, head)
        # It flushes, for all who come at once.
        self._hub.stir()

    def _left(self, stream: Connection) -> None:
        if self._hub.unsubscribe(stream):
            log_closed(stream)


class TakenOver(Response):
    """An answer whose head is written like its events, by the stream writer."""

    def __init__(self, adopt: Adopt, watcher: Connection, connection: socket.socket) -> None:
        super().__init__(headers=HEADERS)
        self.watcher = watcher
        self.given = False
        self._adopt = adopt
        self._connection = connection

    def __call__(self, _environ: Any, _start_response: Any) -> Iterable[bytes]:
        bound_buffer(self._connection)
        self._adopt(self.watcher, self._connection.detach(), self._head() + opening())
        self.given = True
        return ALREADY_HANDLED

    def _head(self) -> bytes:
        """Its end is the connection's: that HTTP/1.0 knows as well, and each event says where it ends by itself."""
        fields = [(name, value) for name, value in self.headers if name.lower() != "content-length"]
        lines = [f"{name}: {value}" for name, value in [("Date", http_date()), ("Connection", "close"), *fields]]
        return "\r\n".join([f"HTTP/1.1 {self.status}", *lines, "", ""]).encode("latin-1")


class Calls:
    """Calls that another thread wants to have made in gevent's."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[..., None], tuple[Any, ...], dict[str, Any]]] = deque()
        self._bell = gevent.get_hub().loop.async_()
        # From the event loop itself nothing may be called that could wait.
        self._bell.start(gevent.spawn, self._make_all)

    def later(self, function: Callable[..., None], *arguments: Any, **named: Any) -> None:
        self._waiting.append((function, arguments, named))
        self._bell.send()

    def _make_all(self) -> None:
        while self._waiting:
            function, arguments, named = self._waiting.popleft()
            function(*arguments, **named)
