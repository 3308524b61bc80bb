"""Which workers are still there. No clock decides it: clocks jump, and differ between machines.

On one machine the kernel knows: each worker locks a file of its own, and the lock goes when its
process does, however that ends. One that is frozen, or was on another machine, is given up once
it has missed several heartbeats in a row while this worker gave its own: where nobody can
write for a while, nobody is given up.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from webapp.locks import is_free, locked
from webapp.records.database import Database
from webapp.records.worker import Worker

# A lease is so many heartbeats.
MISSED = 8

log = logging.getLogger(__name__)


class Roster:
    """One worker's place among the others. `folder` is shared by those of one machine."""

    def __init__(self, database: Database, folder: Path, name: str) -> None:
        self._database = database
        self._folder = folder
        self._name = name
        self._lock: IO[bytes] | None = None
        self._signs: dict[int, datetime] = {}
        self._missed: dict[int, int] = {}
        self.id = 0

    def join(self) -> None:
        """Be known to the others from here on; anew, if they gave this worker up."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._database.transaction() as session:
            worker_id = Worker.register(session, self._name).id
        former, self._lock = self._lock, locked(self._folder / str(worker_id))
        self.id = worker_id
        if former:
            former.close()

    def beat(self) -> bool:
        """Give a sign of life, and look who gave none since the last time; False if given up."""
        with self._database.transaction() as session:
            here = Worker.beat(session, self.id)
            signs = Worker.signs(session)
        self._missed = {id: self._missed.get(id, 0) + 1 for id, at in signs.items() if self._signs.get(id) == at}
        self._signs = signs
        return here

    def strike_off(self) -> None:
        """Have those that ended or fell silent counted as stopped."""
        silent = {id for id, missed in self._missed.items() if missed >= MISSED and id != self.id}
        ended = set(self._ended())
        if lost := silent | ended:
            with self._database.transaction() as session:
                Worker.stop(session, lost)
            log.warning("workers lost: ended %s, silent %s", sorted(ended), sorted(silent - ended))
        self._missed = {id: missed for id, missed in self._missed.items() if id not in lost}
        for id in ended:
            (self._folder / str(id)).unlink(missing_ok=True)

    def _ended(self) -> Iterator[int]:
        for path in self._folder.iterdir():
            if path.name.isdecimal() and int(path.name) != self.id and is_free(path):
                yield int(path.name)
