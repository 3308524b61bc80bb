"""gunicorn's gevent worker, which lets go of connections that the stream writer took over.

The master loads this before the workers are patched: it may import nothing else of ours.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from typing import Any

import gevent
from gunicorn.workers.base_async import ALREADY_HANDLED
from gunicorn.workers.ggevent import GeventWorker

# The share of a graceful stop over which streams are ended; the rest is for who is slow to take the last bytes.
DRAIN = 0.6
LOOK_EVERY = 0.1
# Seconds for the last bytes where a stop is hurried: the master kills after two.
HURRY = 1.5
# New objects, of kinds that can form cycles, before the young ones are looked through; 700 by default.
COLLECTED_AT = 5_000


class CannotTakeOver(Exception):
    """Streams are to be taken over where that is not possible."""


class WebWorker(GeventWorker):  # type: ignore[misc]
    """On a stop it ends the streams, for which gunicorn has no hook, and waits for them: they are no requests to it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._between_requests: dict[gevent.Greenlet, gevent.Timeout] = {}

    @contextlib.contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """While a connection's next request is waited for."""
        with super().timeout_ctx() as timeout:
            self._between_requests[gevent.getcurrent()] = timeout
            try:
                yield
            finally:
                del self._between_requests[gevent.getcurrent()]

    def run(self) -> None:
        draining = gevent.spawn(self._drain)
        super().run()
        while not draining.ready():
            # Else the master would take it for stuck.
            self.notify()
            gevent.sleep(LOOK_EVERY)

    def _drain(self) -> None:
        while self.alive:
            gevent.sleep(LOOK_EVERY)
        # Else a stop would wait for requests that nobody means to send.
        for greenlet, timeout in tuple(self._between_requests.items()):
            gevent.kill(greenlet, timeout)
        streaming = self.wsgi.extensions["streaming"]
        streaming.close(within=self.cfg.graceful_timeout * DRAIN)
        while streaming.hub:
            gevent.sleep(LOOK_EVERY)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """A stop that must not take long: all streams are ended at once, and requests cut off."""
        # In the handler of a signal nothing may wait.
        gevent.spawn(self._hurry, sig, frame)

    def _hurry(self, sig: int, frame: Any) -> None:
        self.alive = False
        streaming = self.wsgi.extensions["streaming"]
        streaming.close()
        with gevent.Timeout(HURRY, False):
            while streaming.hub:
                gevent.sleep(LOOK_EVERY / 10)
        super().handle_quit(sig, frame)

    def is_already_handled(self, answer: Any) -> bool:
        if answer is ALREADY_HANDLED:
            # Else it would wait for the next request on a socket that is not its own any more.
            raise StopIteration
        return False


def choose_writer(worker: Any, setting: str) -> None:
    """Have streams taken over where the server and the system allow it. Raises CannotTakeOver."""
    possible = isinstance(worker, WebWorker) and sys.platform == "linux" and not worker.cfg.is_ssl
    if setting == "handoff" and not possible:
        raise CannotTakeOver(
            "HEADWAY_STREAM_WRITER: handoff needs Linux, and gunicorn as bin/run starts it, without TLS."
        )
    if possible and setting != "generator":
        worker.wsgi.extensions["streaming"].take_over()


def spare_the_collector() -> None:
    """Have the garbage collector pass over what was loaded, and come less often: each time it holds up everything.

    A running process makes little that is garbage by cycles only, and a thousand watched jobs are much to look through.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AT, *gc.get_threshold()[1:])
