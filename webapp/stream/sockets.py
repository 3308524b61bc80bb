"""What can't be done to a connection by its descriptor alone."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator

from gevent.monkey import get_original

# The real one, where gevent has put its own in its place.
Socket = get_original("socket", "socket")

# The client of a stream has nothing more to say; who says more than this at once is cut.
HEARD_AT_ONCE = 64 * 1024
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


def heard(fd: int) -> bool:
    """Throw away what a client says; False if it has closed, or says too much."""
    try:
        return 0 < len(os.read(fd, HEARD_AT_ONCE)) < HEARD_AT_ONCE
    except BlockingIOError:
        return True
    except OSError:
        return False


def shut(fd: int) -> None:
    """Say that nothing more comes."""
    # If the client was quicker, the epoll set will say so.
    with _borrowed(fd) as connection, contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)


def reset(fd: int) -> None:
    """Have the kernel drop what the client did not take, once it is closed, not keep it for minutes."""
    with _borrowed(fd) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)


@contextlib.contextmanager
def _borrowed(fd: int) -> Iterator[socket.socket]:
    connection = Socket(fileno=fd)
    try:
        yield connection
    finally:
        connection.detach()
