"""Thousands of clients in one process: they open streams, count what comes, and note how long it took.

Each event carries the moment of its making, in microseconds since the stage was set, as `total_chunks`.
Every tenth client looks at that; the others only count, so that one core takes more events than a server makes.
`busy` says what share of a core that took: below 0.9 the clients were not the limit.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MADE = re.compile(rb'"total_chunks": ?(\d+)')
EVENT = b"\ndata: {"
AT_ONCE = 100
LOOKS = 10


@dataclass
class Heard:
    """Of some seconds of listening; delays in milliseconds."""

    seconds: float
    deliveries: int
    busy: float
    delays: list[float] = field(default_factory=list)
    ended: int = 0

    def delay(self, share: float) -> float:
        ordered = sorted(self.delays)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


class Watchers:
    """Clients in a process of their own, on a core of their own."""

    def __init__(self, core: int, zero: float) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(theirs, core, zero), daemon=True
        )
        self._process.start()

    def open(self, address: Any, requests: Sequence[bytes]) -> float:
        """Open a stream with each request; the seconds until all had their first event."""
        return self._ask("open", address, requests)

    def listen(self, seconds: float) -> Heard:
        self.begin(seconds)
        return self.heard()

    def begin(self, seconds: float) -> None:
        self._pipe.send(("listen", (seconds,)))

    def heard(self) -> Heard:
        return self._pipe.recv()

    def close(self) -> None:
        self._pipe.send(("close", ()))
        self._process.join()

    def _ask(self, command: str, *arguments: Any) -> Any:
        self._pipe.send((command, arguments))
        return self._pipe.recv()


def _serve(pipe: Any, core: int, zero: float) -> None:
    os.sched_setaffinity(0, {core})
    crowd = _Crowd(zero)
    while True:
        command, arguments = pipe.recv()
        if command == "close":
            return
        pipe.send(getattr(crowd, command)(*arguments))


class _Crowd:
    def __init__(self, zero: float) -> None:
        self._zero = zero
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}

    def open(self, address: Any, requests: Sequence[bytes]) -> float:
        began, waiting = time.monotonic(), list(requests)
        pending: dict[int, bytes] = {}
        while waiting or pending:
            while waiting and len(pending) < AT_ONCE:
                self._connect(address, waiting.pop(), pending)
            for fd, _ in self._epoll.poll(60):
                if fd not in pending:
                    self._sockets[fd].recv(65536)
                    continue
                pending[fd] += (data := self._sockets[fd].recv(65536))
                assert data and pending[fd].startswith(b"HTTP/1.1 200 OK"), pending[fd][:300]
                # nchan has no first state to give.
                if EVENT in pending[fd] or (b"Server: nginx" in pending[fd] and b"\r\n\r\n" in pending[fd]):
                    del pending[fd]
        return time.monotonic() - began

    def _connect(self, address: Any, request: bytes, pending: dict[int, bytes]) -> None:
        client = socket.socket()
        client.connect(address)
        client.send(request)
        client.setblocking(False)
        self._sockets[client.fileno()] = client
        self._epoll.register(client.fileno(), select.EPOLLIN)
        pending[client.fileno()] = b""

    def listen(self, seconds: float) -> Heard:
        buffer = bytearray(65536)
        view = memoryview(buffer)
        count, ended, delays, sockets = 0, 0, [], self._sockets
        began, cpu = time.monotonic(), time.process_time()
        until = began + seconds
        while (now := time.monotonic()) < until:
            for fd, _ in self._epoll.poll(until - now, 1000):
                try:
                    size = sockets[fd].recv_into(buffer)
                except ConnectionError:
                    size = 0
                if not size:
                    sockets.pop(fd).close()
                    ended += 1
                    continue
                count += buffer.count(EVENT, 0, size)
                if fd % LOOKS == 0:
                    made = MADE.findall(view[:size])
                    if made:
                        delays.append(1000 * (time.time() - self._zero - int(made[-1]) / 1e6))
        took = time.monotonic() - began
        return Heard(took, count, (time.process_time() - cpu) / took, delays, ended)
