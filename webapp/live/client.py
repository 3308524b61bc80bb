"""Connections to Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

PREFIX = "headway:"


class LiveUnavailable(ConnectionError):
    """Redis can't be reached, or did not answer in time."""


def connect(url: str, *, timeout: float | None = 2.0, protocol: int = 3) -> Redis:
    """A client whose calls fail after `timeout` seconds; None for one that blocks on purpose."""
    return Redis.from_url(
        url,
        decode_responses=True,
        protocol=protocol,
        socket_timeout=timeout,
        socket_connect_timeout=2.0,
        # One fresh connection at once mends an idle one that was cut; more would hold up a page.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        max_connections=10_000,
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn the library's errors into the one that callers expect."""
    try:
        yield
    except RedisError as error:
        raise LiveUnavailable(str(error)) from error
