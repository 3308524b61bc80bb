"""How many calls may be made in a minute, told in every answer by the IETF's RateLimit headers."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass

from flask import Flask, Response, current_app, g, request
from flask_login import current_user
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from webapp.current import services
from webapp.limits import STORAGE_OPTIONS, storage_uri
from webapp.settings import Settings

WINDOW = 60
# Seconds for which calls are not counted after Redis did not answer: each would wait for it.
PAUSE = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """So many calls in a window, how many are left, and in how many seconds there are all again."""

    name: str
    calls: int
    left: int
    seconds: int
    # By this call, if that was counted.
    exceeded: bool = False


class Counting:
    """Calls of somebody by some name, in Redis for all web processes. While it is away nothing is bounded."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = FixedWindowRateLimiter(storage_from_string(storage_uri(settings), **STORAGE_OPTIONS))
        self._away_until = 0.0

    def count(self, name: str, who: str, calls: int) -> Budget | None:
        """What is left after one call more; None if it could not be counted."""
        return self._asked(name, who, calls, hit=True)

    def present(self, name: str, who: str, calls: int) -> Budget | None:
        """What is left; None if nobody knows."""
        return self._asked(name, who, calls, hit=False)

    def _asked(self, name: str, who: str, calls: int, *, hit: bool) -> Budget | None:
        if time.monotonic() < self._away_until:
            return None
        item = RateLimitItemPerMinute(calls)
        try:
            exceeded = hit and not self._limiter.hit(item, name, who)
            reset_at, left = self._limiter.get_window_stats(item, name, who)
        except RedisError as error:
            log.warning("calls are not counted: %s", error)
            self._away_until = time.monotonic() + PAUSE
            return None
        seconds = min(max(math.ceil(reset_at - time.time()), 1), WINDOW)
        return Budget(name, calls, left, seconds, exceeded)


def init_app(app: Flask, settings: Settings) -> None:
    app.extensions["counting"] = Counting(settings)
    app.after_request(_tell)


def counting() -> Counting:
    counting: Counting = current_app.extensions["counting"]
    return counting


def count_call() -> None:
    """Streams are bounded by how many are open, and who is not let in by webapp/api/strangers.py."""
    calls = services().settings.api_rate
    if not calls or not current_user.is_authenticated or _opens_stream():
        return
    g.budget = budget = counting().count("calls", str(current_user.id), calls)
    if budget and budget.exceeded:
        words = f"You may make {calls} calls in a minute. Wait for {budget.seconds} seconds."
        raise TooManyRequests(words, retry_after=budget.seconds)


def _tell(response: Response) -> Response:
    budget: Budget | None = g.get("budget")
    if budget:
        response.headers["RateLimit-Policy"] = f'"{budget.name}";q={budget.calls};w={WINDOW}'
        response.headers["RateLimit"] = f'"{budget.name}";r={budget.left};t={budget.seconds}'
    return response


def _opens_stream() -> bool:
    call = getattr(current_app.view_functions.get(request.endpoint or ""), "call", None)
    return bool(call and call.events and not call.answers)
