"""What a feed has to say at one moment, encoded once for all who watch it."""

from __future__ import annotations

from collections.abc import Hashable

from msgspec import Struct

Parts = dict[Hashable, bytes]


class Update(Struct, frozen=True):
    """Of each part only the latest counts; what is appended is never dropped. `whole` is all of it in one piece.

    A newcomer's first update is no backlog, however long it is.
    """

    parts: Parts
    appended: bytes
    whole: bytes
    events: int
    first: bool

    @classmethod
    def of(cls, parts: Parts, appended: bytes = b"", *, first: bool = False) -> Update:
        # Appended first: the parts may carry an id that says it was seen.
        pieces = [appended, *parts.values()] if appended else list(parts.values())
        return cls(parts, appended, b"".join(pieces), len(pieces), first)


class Backlog:
    """What waits for one watcher who is behind: the latest of each part, all that was appended, and the end."""

    __slots__ = ("_appended", "_last", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: Parts = {}
        self._appended: list[bytes] = []
        self._last = b""
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes of what can't be dropped."""
        return self._size

    def add(self, update: Update) -> None:
        for key, part in update.parts.items():
            # The newest goes last: a client comes back with the id it saw last.
            self._parts.pop(key, None)
            self._parts[key] = part
        if update.appended:
            self._appended.append(update.appended)
            self._size += 0 if update.first else len(update.appended)

    def end(self, last: bytes) -> None:
        """What goes after everything else."""
        self._last = last

    def take(self) -> tuple[bytes, int]:
        """All of it in one piece, and of how many events."""
        pieces = [piece for piece in (*self._appended, *self._parts.values(), self._last) if piece]
        self.__init__()  # type: ignore[misc]
        return b"".join(pieces), len(pieces)
