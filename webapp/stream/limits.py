"""How many streams may be open: in all, for one person, and for one network address; and how fast they may come."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from webapp.stream.watcher import Watcher

# Seconds after which it may be tried again.
RETRY_AFTER = 10
WINDOW = 60


class TooManyStreams(Exception):
    """A bound is reached. `busy` says that it is the process's own, not the client's."""

    def __init__(self, message: str, *, busy: bool, retry_after: int = RETRY_AFTER) -> None:
        super().__init__(message)
        self.busy = busy
        self.retry_after = retry_after


@dataclass(frozen=True)
class Limits:
    per_user: int
    per_address: int
    per_process: int
    connects_a_minute: int


class Admission:
    """Those who were let in, counted as they come and go."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # Guests of a person are counted by themselves: a link that many follow must not shut its owner out.
        self._users: dict[tuple[int, bool], set[Watcher]] = {}
        self._addresses: Counter[str] = Counter()
        self._total = 0
        self._window = 0
        self._connects: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._total

    def refusal(self, watcher: Watcher, now: float) -> TooManyStreams | None:
        if self._total >= self._limits.per_process:
            return TooManyStreams("This server holds as many streams as it may.", busy=True)
        if len(self._users.get(_account(watcher), ())) >= self._limits.per_user:
            return TooManyStreams("You have as many streams open as one user may.", busy=False)
        if self._addresses[watcher.asked.address] >= self._limits.per_address:
            return TooManyStreams("There are as many streams open from your address as may be.", busy=False)
        return self._too_fast(watcher.asked.address, now)

    def _too_fast(self, address: str, now: float) -> TooManyStreams | None:
        """Counted in windows of a minute, which keeps no history of anybody."""
        if now // WINDOW != self._window:
            self._window = int(now // WINDOW)
            self._connects.clear()
        self._connects[address] += 1
        if self._connects[address] <= self._limits.connects_a_minute:
            return None
        words = "Streams are being opened from your address faster than may be."
        return TooManyStreams(words, busy=False, retry_after=WINDOW - int(now % WINDOW))

    def add(self, watcher: Watcher) -> None:
        self._users.setdefault(_account(watcher), set()).add(watcher)
        self._addresses[watcher.asked.address] += 1
        self._total += 1

    def remove(self, watcher: Watcher) -> bool:
        """Whether it was in."""
        theirs = self._users.get(_account(watcher), set())
        if watcher not in theirs:
            return False
        theirs.remove(watcher)
        if not theirs:
            del self._users[_account(watcher)]
        self._addresses[watcher.asked.address] -= 1
        if not self._addresses[watcher.asked.address]:
            del self._addresses[watcher.asked.address]
        self._total -= 1
        return True

    def of_user(self, user_id: int) -> list[Watcher]:
        """Their guests too."""
        return [watcher for guest in (False, True) for watcher in self._users.get((user_id, guest), ())]

    def everybody(self) -> list[Watcher]:
        return [watcher for theirs in self._users.values() for watcher in theirs]


def _account(watcher: Watcher) -> tuple[int, bool]:
    return watcher.user_id, watcher.asked.credential.guest
