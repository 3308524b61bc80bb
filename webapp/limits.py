"""How often something may be tried. Counted in Redis for all web processes; in memory while it is away."""

from __future__ import annotations

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from webapp.settings import Settings

STORAGE_OPTIONS: dict[str, str | float | bool] = {"socket_timeout": 2, "socket_connect_timeout": 2}
FAILED_LOGINS = "10 per minute; 100 per hour"
FAILED_LOGINS_AN_ACCOUNT = "10 per 15 minutes"

limiter = Limiter(key_func=get_remote_address)


def init_app(app: Flask, settings: Settings) -> None:
    app.config.update(
        RATELIMIT_STORAGE_URI=storage_uri(settings),
        RATELIMIT_STORAGE_OPTIONS=STORAGE_OPTIONS,
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_KEY_PREFIX="headway",
        RATELIMIT_HEADERS_ENABLED=True,
    )
    limiter.init_app(app)


def storage_uri(settings: Settings) -> str:
    """Redis, as the library wants it named."""
    return settings.effective_redis_url.replace("unix://", "redis+unix://", 1)


def by_account() -> str:
    """The account that a login is tried for, whatever the address it is tried from."""
    return "account:" + request.form.get("email", "").strip().lower()[:254]


def was_refused(response: Response) -> bool:
    """Only what failed counts: nobody is locked out for logging in often."""
    return response.status_code in (401, 422)
