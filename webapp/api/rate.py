"""How many calls a person may make in a minute, told in every answer by the IETF's RateLimit headers."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass

from flask import Response, current_app, g, request
from flask_login import current_user
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from webapp.current import services
from webapp.limits import STORAGE_OPTIONS, storage_uri
from webapp.settings import Settings

NAME, WINDOW = "calls", 60
# Seconds for which calls are not counted after Redis did not answer: each would wait for it.
PAUSE = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """So many calls in a window, how many are left, and in how many seconds there are all again."""

    calls: int
    left: int
    seconds: int


class Counting:
    """Calls by person, in Redis for all web processes. While it is away everybody may go on."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = FixedWindowRateLimiter(storage_from_string(storage_uri(settings), **STORAGE_OPTIONS))
        self._away_until = 0.0

    def count(self, user_id: int, calls: int) -> Budget | None:
        """One call more. Raises TooManyRequests; None if it could not be counted."""
        if time.monotonic() < self._away_until:
            return None
        try:
            budget = self._counted(user_id, RateLimitItemPerMinute(calls))
        except RedisError as error:
            log.warning("calls are not counted: %s", error)
            self._away_until = time.monotonic() + PAUSE
            return None
        return budget

    def _counted(self, user_id: int, item: RateLimitItemPerMinute) -> Budget:
        allowed = self._limiter.hit(item, NAME, str(user_id))
        reset_at, left = self._limiter.get_window_stats(item, NAME, str(user_id))
        budget = Budget(item.amount, left, min(max(math.ceil(reset_at - time.time()), 1), WINDOW))
        if not allowed:
            g.budget = budget
            words = f"You may make {item.amount} calls in a minute. Wait for {budget.seconds} seconds."
            raise TooManyRequests(words, retry_after=budget.seconds)
        return budget


def count_call() -> None:
    """Streams are bounded by how many are open, and people who are not let in by nothing that costs anything."""
    calls = services().settings.api_rate
    if not calls or not current_user.is_authenticated or _opens_stream():
        return
    g.budget = current_app.extensions["counting"].count(current_user.id, calls)


def tell(response: Response) -> Response:
    budget: Budget | None = g.get("budget")
    if budget:
        response.headers["RateLimit-Policy"] = f'"{NAME}";q={budget.calls};w={WINDOW}'
        response.headers["RateLimit"] = f'"{NAME}";r={budget.left};t={budget.seconds}'
    return response


def _opens_stream() -> bool:
    call = getattr(current_app.view_functions.get(request.endpoint or ""), "call", None)
    return bool(call and call.events and not call.answers)
