"""Streams on connections that were taken over from the web server: one thread and one epoll set write to all of them.

The thread is a native one, beside gevent's. What a request does without yielding (a query, a password's hash)
then holds up no stream, and ten thousand writes hold up no request: each one lets go of the interpreter. No
more than bytes and descriptors is touched in it: locks, logging and stores belong to gevent's thread, where
`tell` has things done.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from gevent.monkey import get_original

from webapp.stream.sockets import heard, reset, shut
from webapp.stream.update import Backlog, Update
from webapp.stream.watcher import PENDING_BYTES, Asked, Outlet, Watcher
from webapp.stream.writer import FIRST_HEARTBEAT, Timing

# The real ones, where gevent has put its own in their place.
epoll = get_original("select", "epoll")
start_thread = get_original("_thread", "start_new_thread")

IN, OUT, ERROR, HANG_UP, PEER_GONE, EDGE = 0x1, 0x4, 0x8, 0x10, 0x2000, 1 << 31
LEFT = ERROR | HANG_UP | PEER_GONE
IDLE, BLOCKED = IN | PEER_GONE | EDGE, IN | OUT | PEER_GONE | EDGE
# Of the processor a quarter, while requests could use all of it.
NICE = 5
# How long a client has to take the last bytes and to close.
LINGER = 2.0
# In the place of what the kernel had no room for: the socket is not ours yet.
NOT_YET = memoryview(b"")

log = logging.getLogger(__name__)


class Connection(Watcher):
    """A stream whose socket is ours from `adopt` on; without a descriptor (-1) before that, and once it has ended.

    `rest` is what the kernel had no room for, since `blocked_at`; then newer things wait in the backlog.
    """

    __slots__ = ("backlog", "blocked_at", "ends_at", "fd", "heartbeat", "rest", "sent_at")

    def __init__(self, asked: Asked, outlet: Outlet, *, heartbeat: bytes, ends_at: float) -> None:
        super().__init__(asked, outlet)
        self.fd = -1
        self.heartbeat = heartbeat
        self.ends_at = ends_at
        self.sent_at = self.opened_at
        self.blocked_at = 0.0
        self.rest: memoryview | None = NOT_YET
        self.backlog: Backlog | None = None


class EpollWriter:
    """The outlet of connections. `tell(function, *arguments)` has a call made in the server's own thread."""

    def __init__(self, timing: Timing, tell: Callable[..., None], on_left: Callable[[Connection], None]) -> None:
        self._timing = timing
        self._tell = tell
        self._on_left = on_left
        self._posted: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._batches: deque[list[tuple[Callable[..., None], tuple[Any, ...]]]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = epoll()
        self._epoll.register(self._bell, IN)
        self._connections: dict[int, Connection] = {}
        self._unsent: dict[Connection, None] = {}
        self._lingering: dict[int, float] = {}
        self._look_every = min(timing.heartbeat, timing.stalled_after) / 8
        self._now = time.monotonic()
        self._writing = False

    # In the server's thread

    @property
    def ready(self) -> bool:
        return not self._batches and not self._writing

    def start(self) -> None:
        start_thread(self._run, ())

    def adopt(self, connection: Connection, fd: int, head: bytes) -> None:
        """Take a descriptor over, for good, at the next `flush`."""
        os.set_blocking(fd, False)
        self._post(self._adopt, connection, fd, head)

    def deliver(self, watchers: Sequence[Watcher], update: Update) -> None:
        self._post(self._deliver, watchers, update)

    def finish(self, watchers: Sequence[Watcher], last: bytes = b"") -> None:
        self._post(self._finish, watchers, last)

    def flush(self) -> None:
        """Have the thread do what was posted: all of a tick in one go, so that each watcher needs one write."""
        if self._posted:
            self._batches.append(self._posted)
            self._posted = []
            os.eventfd_write(self._bell, 1)

    def _post(self, function: Callable[..., None], *arguments: Any) -> None:
        self._posted.append((function, arguments))

    # In the writer's thread, all that follows

    def _run(self) -> None:
        # Of this thread alone: where it shares a core with requests, a page is not to wait for a burst of writes.
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        look_at = self._now
        while True:
            try:
                self._turn(max(look_at - time.monotonic(), 0.0))
                if self._now >= look_at:
                    look_at = self._now + self._look_every
                    self._look_after_all()
            except Exception as error:
                # The streams of a whole process hang on this thread.
                self._tell(log.error, "the stream writer stumbled", exc_info=error)

    def _turn(self, longest: float) -> None:
        events = self._epoll.poll(longest)
        self._now = time.monotonic()
        rung = False
        for fd, event in events:
            if fd == self._bell:
                rung = True
            else:
                self._attend(fd, event)
        # Last: it may bring a descriptor whose number was let go above.
        if rung:
            os.eventfd_read(self._bell)
            self._do_what_was_posted()

    def _do_what_was_posted(self) -> None:
        self._writing = True
        try:
            while self._batches:
                for function, arguments in self._batches.popleft():
                    function(*arguments)
                self._flush_unsent()
        finally:
            self._writing = False

    def _flush_unsent(self) -> None:
        unsent, self._unsent = self._unsent, {}
        for connection in unsent:
            self._flush(connection)

    def _adopt(self, connection: Connection, fd: int, head: bytes) -> None:
        connection.fd = fd
        self._connections[fd] = connection
        self._epoll.register(fd, IDLE)
        connection.rest = memoryview(head)
        self._unsent[connection] = None

    def _deliver(self, connections: Sequence[Connection], update: Update) -> None:
        data, events, size, now = update.whole, update.events, len(update.whole), self._now
        write = os.write
        for connection in connections:
            if connection.backlog is not None or len(connection.feeds) > 1 or connection.rest is not None:
                self._keep(connection, update)
                continue
            try:
                sent = write(connection.fd, data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._drop(connection)
                continue
            connection.events += events
            connection.sent_at = now
            if sent < size:
                self._block(connection, data, sent)

    def _keep(self, connection: Connection, update: Update) -> None:
        """More may come for it in this batch, or it is behind."""
        if connection.finished:
            return
        backlog = self._backlog(connection)
        backlog.add(update)
        if backlog.size > PENDING_BYTES:
            self._drop(connection)

    def _backlog(self, connection: Connection) -> Backlog:
        if connection.backlog is None:
            connection.backlog = Backlog()
        if connection.rest is None:
            self._unsent[connection] = None
        return connection.backlog

    def _finish(self, connections: Sequence[Connection], last: bytes) -> None:
        for connection in connections:
            if not connection.finished:
                self._backlog(connection).end(last)
                connection.finished = True

    def _flush(self, connection: Connection) -> None:
        """Write what waits, in one piece; then it may be over."""
        if connection.fd < 0:
            return
        rest, backlog = connection.rest or b"", connection.backlog
        connection.rest = connection.backlog = None
        data, events = backlog.take() if backlog else (b"", 0)
        connection.events += events
        if rest or data:
            self._write(connection, b"".join((rest, data)) if data else rest)
        if connection.finished and connection.rest is None and connection.fd >= 0:
            self._end(connection)

    def _write(self, connection: Connection, data: bytes | memoryview) -> None:
        try:
            sent = os.write(connection.fd, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        connection.sent_at = self._now
        if sent < len(data):
            self._block(connection, data, sent)

    def _block(self, connection: Connection, data: bytes | memoryview, sent: int) -> None:
        # A view, not a copy: thousands may share the bytes.
        connection.rest = memoryview(data)[sent:]
        connection.blocked_at = self._now
        self._epoll.modify(connection.fd, BLOCKED)

    def _attend(self, fd: int, event: int) -> None:
        connection = self._connections.get(fd)
        if connection is None:
            self._attend_lingering(fd, event)
        elif event & LEFT or (event & IN and not heard(fd)):
            self._drop(connection)
        elif event & OUT and connection.rest is not None:
            self._epoll.modify(fd, IDLE)
            self._flush(connection)

    def _drop(self, connection: Connection) -> None:
        """Close at once; what it still waits for is lost."""
        fd, connection.fd = connection.fd, -1
        connection.finished = True
        if fd < 0:
            return
        del self._connections[fd]
        self._unsent.pop(connection, None)
        connection.rest = connection.backlog = None
        # It leaves the epoll set by itself: there is no second descriptor for it.
        os.close(fd)
        self._tell(self._on_left, connection)

    def _end(self, connection: Connection) -> None:
        """Say that nothing more comes, and close once the client has done so.

        Closing a socket that has something unread would reset it, and the client might lose the last bytes.
        """
        fd, connection.fd = connection.fd, -1
        del self._connections[fd]
        self._lingering[fd] = self._now + LINGER
        shut(fd)
        self._tell(self._on_left, connection)

    def _attend_lingering(self, fd: int, event: int) -> None:
        if fd in self._lingering and (event & LEFT or not heard(fd)):
            del self._lingering[fd]
            os.close(fd)

    def _look_after_all(self) -> None:
        """The one timer: ends what has lived, lingered or stalled too long; gives signs of life where it is quiet."""
        now, timing = self._now, self._timing
        for fd in [fd for fd, deadline in self._lingering.items() if deadline < now]:
            del self._lingering[fd]
            os.close(fd)
        quiet_since = now - timing.heartbeat + self._look_every
        for connection in list(self._connections.values()):
            if connection.rest is not None:
                if connection.blocked_at < now - timing.stalled_after:
                    reset(connection.fd)
                    self._drop(connection)
            elif connection.ends_at < now:
                self._finish((connection,), b"")
            elif connection.sent_at < quiet_since:
                self._write(connection, connection.heartbeat if connection.events else FIRST_HEARTBEAT)
        self._flush_unsent()
