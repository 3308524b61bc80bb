"""Following jobs to their ends: through cuts, restarts of the server and limits."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from httpx_sse import ServerSentEvent

from webapp.cli.remote import Remote, RemoteError

ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class News:
    """What was heard of a job: all of it, or what it logged; trouble on the way; or why no more comes."""

    job_id: str
    job: dict[str, Any] | None = None
    lines: Sequence[dict[str, Any]] = ()
    trouble: str = ""
    given_up: str = ""

    @property
    def state(self) -> str:
        return str(self.job.get("state")) if self.job else ""

    @property
    def is_last(self) -> bool:
        return bool(self.given_up) or self.state in ENDED


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
                news = _news(job_id, event)
                yield news
                if news.is_last:
                    return
        except RemoteError as error:
            trouble = error
        except (ValueError, KeyError, TypeError):
            trouble = RemoteError(f"{remote.url} does not answer as a Headway server does.")
        if not trouble.passing or not (known or trouble.rest):
            yield News(job_id, given_up=trouble.message)
            return
        failures += 1
        if failures > 1:
            # The first is no news: streams are cut now and then, and taken up again at once.
            yield News(job_id, trouble=trouble.message)
        rest(backoff.delay(failures, trouble.rest))


def _news(job_id: str, event: ServerSentEvent) -> News:
    said = event.json()
    return News(job_id, lines=said["lines"]) if event.event == "log" else News(job_id, said)
