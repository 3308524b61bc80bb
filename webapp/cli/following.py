"""Following jobs to their ends: through cuts, restarts of the server and limits."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from webapp.cli.remote import Remote, RemoteError

ENDED = ("completed", "failed")
# What the API calls a cancelled job.
CANCELLED = "cancelled"


@dataclass(frozen=True)
class News:
    """What was heard of a job: its status as the API says it, trouble on the way to it, or why there is no more."""

    job_id: str
    status: dict[str, Any] | None = None
    trouble: str = ""
    given_up: str = ""

    @property
    def is_last(self) -> bool:
        return bool(self.given_up) or (self.status is not None and self.status.get("status") in ENDED)


@dataclass(frozen=True)
class Backoff:
    """How long to rest before coming back: longer each time, and never all at once."""

    first: float = 0.5
    longest: float = 30.0

    def delay(self, failures: int, at_least: float = 0.0) -> float:
        seconds = min(self.first * 2.0 ** min(failures - 1, 20), self.longest)
        return max(seconds * random.uniform(0.7, 1.3), at_least)  # noqa: S311


def follow_all(remote: Remote, job_ids: Sequence[str], backoff: Backoff) -> Iterator[News]:
    """What is heard of each job, as it comes, until all have ended."""
    heard: SimpleQueue[News | Exception] = SimpleQueue()
    for job_id in job_ids:
        # Daemons: whoever stops looking leaves at once, whatever a connection waits for.
        threading.Thread(target=_pass_on, args=(follow(remote, job_id, backoff), heard), daemon=True).start()
    left = len(job_ids)
    while left:
        news = heard.get()
        if isinstance(news, Exception):
            raise news
        left -= news.is_last
        yield news


def _pass_on(all_news: Iterator[News], heard: SimpleQueue[News | Exception]) -> None:
    try:
        for news in all_news:
            heard.put(news)
    except Exception as fault:
        # Raised where it is seen, and not lost with the thread.
        heard.put(fault)


def follow(remote: Remote, job_id: str, backoff: Backoff, rest: Callable[[float], None] = time.sleep) -> Iterator[News]:
    """What is heard of one job, to its end. Only what was never there is given up: a server comes back."""
    last_event_id, failures, known = "", 0, False
    while True:
        trouble = RemoteError("The stream ended.", passing=True)
        try:
            for event in remote.events(job_id, last_event_id):
                last_event_id, failures, known = event.id or last_event_id, 0, True
                news = News(job_id, event.json())
                yield news
                if news.is_last:
                    return
        except RemoteError as error:
            trouble = error
        if not trouble.passing or not (known or trouble.rest):
            yield News(job_id, given_up=trouble.message)
            return
        failures += 1
        if failures > 1:
            # The first is no news: streams are cut now and then, and taken up again at once.
            yield News(job_id, trouble=trouble.message)
        rest(backoff.delay(failures, trouble.rest))
