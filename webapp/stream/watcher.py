"""One open stream: what it has still to be sent. The latest of each part wins; appended things queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from webapp.stream.names import Topic

PENDING_BYTES = 256 * 1024


@dataclass(eq=False)
class Watcher:
    """`after` says how far the client had come when it was cut; `abort` cuts one that has stopped reading.

    `may_stay` says whether its person would still be let in, `has_left` whether the client has closed.
    `waiting_since` is since when something waits to be written, or is being written.
    """

    user_id: int
    address: str
    label: str
    after: dict[Topic, int] = field(default_factory=dict)
    abort: Callable[[], None] = lambda: None
    may_stay: Callable[[], bool] = lambda: True
    has_left: Callable[[], bool] = lambda: False
    opened_at: float = field(default_factory=time.monotonic)
    events: int = 0
    overflowed: bool = False
    finished: bool = False
    waiting_since: float | None = None
    _parts: dict[object, bytes] = field(default_factory=dict)
    _appended: list[bytes] = field(default_factory=list)
    _last: bytes = b""
    _ready: threading.Event = field(default_factory=threading.Event)

    def offer(self, parts: dict[object, bytes], appended: bytes = b"") -> None:
        """Hand over what is new; keys name parts over all the feeds it follows."""
        if self.finished:
            return
        for key, part in parts.items():
            # The newest goes last: a client comes back with the id it saw last.
            self._parts.pop(key, None)
            self._parts[key] = part
        if appended:
            self._appended.append(appended)
        if sum(map(len, self._appended)) > PENDING_BYTES:
            self.overflowed = True
        self._stir()

    def finish(self, last: bytes = b"") -> None:
        """Nothing comes after this."""
        if not self.finished:
            self.finished, self._last = True, last
            self._stir()

    @property
    def pending(self) -> bool:
        """Whether anything is still to be taken."""
        return self._ready.is_set()

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
        # Appended first: the parts may carry an id that says they were seen.
        pieces = [*self._appended, *self._parts.values(), self._last]
        self.events += sum(bool(piece) for piece in pieces)
        self._appended, self._parts, self._last = [], {}, b""
        return b"".join(pieces)

    def _stir(self) -> None:
        self.waiting_since = self.waiting_since or time.monotonic()
        self._ready.set()
