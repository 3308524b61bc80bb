"""Streams as generators that the server iterates over: the plain way, which works on any server."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence

from flask import Response

from webapp.stream.hub import Hub
from webapp.stream.update import Backlog, Update
from webapp.stream.watcher import PENDING_BYTES, Asked, Watcher
from webapp.stream.writer import FIRST_HEARTBEAT, HEADERS, Timing, Wanted, bound_buffer, log_closed, log_opened, opening

# Of the kernel's states of a TCP connection.
ESTABLISHED = 1

log = logging.getLogger(__name__)


class Mailbox(Watcher):
    """A watcher whose greenlet or thread waits here for what is new.

    `waiting_since` is since when something waits to be written, or is being written.
    """

    def __init__(self, asked: Asked, outlet: Generator, connection: socket.socket | None) -> None:
        super().__init__(asked, outlet)
        self.waiting_since: float | None = None
        self._connection = connection
        self._backlog = Backlog()
        self._ready = threading.Event()

    @property
    def over(self) -> bool:
        """Whether all is taken and nothing more will come."""
        return self.finished and not self._ready.is_set()

    @property
    def has_left(self) -> bool:
        """Whether the other side of a TCP connection has closed it; no, where that can't be told."""
        try:
            return self._connection is not None and (
                self._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED
            )
        except OSError:
            return False

    def offer(self, update: Update) -> None:
        if not self.finished:
            self._backlog.add(update)
            self._stir()

    def finish(self, last: bytes) -> None:
        if not self.finished:
            self.finished = True
            self._backlog.end(last)
            self._stir()

    def take(self, timeout: float) -> bytes | None:
        """All that is pending, in one piece; None if nothing came in time.

        Who asks for more has written what it had before.
        """
        if not self._ready.is_set():
            self.waiting_since = None
        stirred = self._ready.wait(timeout)
        # From now on it is being written, a heartbeat too.
        self.waiting_since = time.monotonic()
        if not stirred:
            return None
        self._ready.clear()
        taken, events = self._backlog.take()
        self.events += events
        return taken

    def is_stalled(self, limit: float) -> bool:
        """Whether too much waits for it, or since before that moment."""
        return self._backlog.size > PENDING_BYTES or (self.waiting_since or limit) < limit

    def cut(self) -> None:
        """End it now: its greenlet may be stuck in a write."""
        self.finish(b"")
        if self._connection is not None:
            try:
                self._connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("a stream that was to be cut was gone already")

    def _stir(self) -> None:
        self.waiting_since = self.waiting_since or time.monotonic()
        self._ready.set()


class Generator:
    """The outlet of mailboxes: each stream is a generator that the server iterates over."""

    def __init__(self, hub: Hub, timing: Timing) -> None:
        self._hub = hub
        self._timing = timing
        self._open: set[Mailbox] = set()
        self._next_look = 0.0

    def open(
        self, asked: Asked, wanted: Wanted, *, heartbeat: bytes, connection: socket.socket | None, at_most: float
    ) -> Response:
        mailbox = Mailbox(asked, self, connection)
        self._hub.subscribe(mailbox, wanted)
        self._open.add(mailbox)
        log_opened(mailbox)
        if connection:
            bound_buffer(connection)
        response = Response(self._pieces(mailbox, heartbeat, at_most), headers=HEADERS)
        # Also when the generator was never begun, and so can't clean up after itself.
        response.call_on_close(lambda: self._close(mailbox))
        return response

    @property
    def ready(self) -> bool:
        """Each mailbox keeps the newest by itself."""
        return True

    def deliver(self, watchers: Sequence[Watcher], update: Update) -> None:
        for mailbox in watchers:
            assert isinstance(mailbox, Mailbox)
            mailbox.offer(update)

    def finish(self, watchers: Sequence[Watcher], last: bytes = b"") -> None:
        for mailbox in watchers:
            assert isinstance(mailbox, Mailbox)
            mailbox.finish(last)

    def flush(self) -> None:
        """Now and then, cut those who have stopped reading, and those who left: two writes later it would show."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + min(self._timing.stalled_after / 4, 1.0)
        for mailbox in tuple(self._open):
            if mailbox.is_stalled(now - self._timing.stalled_after) or mailbox.has_left:
                mailbox.cut()

    def _pieces(self, mailbox: Mailbox, heartbeat: bytes, at_most: float) -> Iterator[bytes]:
        yield opening()
        ends_at = mailbox.opened_at + self._timing.some_lifetime(at_most)
        while (left := ends_at - time.monotonic()) > 0 and not mailbox.over:
            piece = mailbox.take(min(self._timing.heartbeat, left))
            if piece is None:
                yield heartbeat if mailbox.events else FIRST_HEARTBEAT
            elif piece:
                yield piece

    def _close(self, mailbox: Mailbox) -> None:
        self._hub.unsubscribe(mailbox)
        self._open.discard(mailbox)
        if self._hub.closed:
            # All is sent. Else a server that stops would wait for the client's next request.
            mailbox.cut()
        log_closed(mailbox)
