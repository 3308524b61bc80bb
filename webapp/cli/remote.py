"""A Headway server as any program sees it: by its address, an API token, and the public API alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, BinaryIO, TextIO
from urllib.parse import urlsplit

import click
import httpx
from httpx_sse import ServerSentEvent, SSEError, connect_sse

from webapp.logs import printable
from webapp.settings import TOKEN_VARIABLE, URL_VARIABLE, Settings

# Servers say at least every 15 seconds that they are still there.
SILENCE = 45.0
# A large upload is looked into before it is answered.
ANSWER = 300.0
LONGEST_MESSAGE = 500
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104


class RemoteError(click.ClickException):
    """The server's no, or that there was no answer. Asking again helps only if it is `passing`."""

    def __init__(self, message: str, *, passing: bool = False, rest: float = 0.0) -> None:
        # Whatever a server says must not reach the terminal as anything but text.
        super().__init__(printable(message[:LONGEST_MESSAGE]))
        self.passing = passing
        self.rest = rest


def with_remote(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which server and as whom, and make them its argument `remote`."""

    @click.option("--url", envvar=URL_VARIABLE, metavar="URL", help="The server. Default: the one on this machine.")
    @click.option(
        "--token-file",
        type=click.File("r"),
        metavar="FILE",
        help=f"Holds an API token; - reads standard input. Default: {TOKEN_VARIABLE} is one.",
    )
    @wraps(command)
    def called(url: str | None, token_file: TextIO | None, **options: Any) -> Any:
        settings: Settings = click.get_current_context().obj
        token = token_file.read() if token_file else os.environ.get(TOKEN_VARIABLE, "")
        return command(remote=Remote(_checked(url) if url else _own(settings), _whole(token)), **options)

    return called


class Remote:
    def __init__(self, url: str, token: str) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "headway"}
        timeout = httpx.Timeout(SILENCE, connect=10.0)
        # Redirects are not followed: the token is for this server alone.
        limits = httpx.Limits(max_connections=None)
        self._client = httpx.Client(base_url=url, headers=headers, timeout=timeout, limits=limits)

    def submit(self, name: str, file: BinaryIO, form: dict[str, str], key: str) -> str:
        """The new job's number; sent again under the same key, the same one's. Raises RemoteError."""
        headers, timeout = {"Idempotency-Key": key}, httpx.Timeout(ANSWER, connect=10.0)
        with _in_words(self.url):
            files = {"file": (name, file)}
            answer = self._client.post("/api/v1/jobs", data=form, files=files, headers=headers, timeout=timeout)
            return str(_checked_answer(answer).json()["job_id"])

    def open_batch(self, name: str, priority: str, key: str) -> str:
        """The new batch's number, like that of a job. Raises RemoteError."""
        sent, headers = {"name": name, "priority": priority}, {"Idempotency-Key": key}
        with _in_words(self.url):
            return str(_checked_answer(self._client.post("/api/v1/batches", json=sent, headers=headers)).json()["id"])

    def close_batch(self, batch_id: str) -> None:
        """Raises RemoteError. Done already, it is done."""
        with _in_words(self.url):
            answer = self._client.post(f"/api/v1/batches/{batch_id}/closing")
            if answer.status_code not in (404, 409):
                _checked_answer(answer)

    def jobs_in(self, batch_id: str, state: str, limit: int) -> list[dict[str, Any]]:
        """The newest jobs of a batch that are in a state, in brief. Raises RemoteError."""
        query: dict[str, str | int] = {"batch": batch_id, "state": state, "limit": limit}
        with _in_words(self.url):
            return list(_checked_answer(self._client.get("/api/v1/jobs", params=query)).json()["jobs"])

    def events(self, job_id: str, last_event_id: str) -> Iterator[ServerSentEvent]:
        """A job's stream, from where an earlier one was cut. Raises RemoteError."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        with (
            _in_words(self.url),
            connect_sse(self._client, "GET", f"/api/v1/jobs/{job_id}/live", headers=headers) as source,
        ):
            if source.response.status_code != 200:
                source.response.read()
                _checked_answer(source.response)
            yield from source.iter_sse()


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"“{url}” is no address of a server. Write it like https://headway.example.org.")
    return url.rstrip("/")


def _whole(token: str) -> str:
    token = token.strip()
    if not token:
        raise click.UsageError(
            f"Give an API token by {TOKEN_VARIABLE} or --token-file. "
            "`bin/headway tokens create EMAIL --name NAME` makes one."
        )
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise click.UsageError("The token is more than one word. Check where it comes from.")
    return token


def _own(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in EVERYWHERE else settings.host
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


@contextmanager
def _in_words(url: str) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout):
        message = f"{url} can’t be reached. Is it the right address, and does the server run?"
        raise RemoteError(message, passing=True) from None
    except (httpx.InvalidURL, SSEError, ValueError, KeyError, TypeError):
        raise RemoteError(f"{url} does not answer as a Headway server does.") from None
    except httpx.TransportError as error:
        raise RemoteError(f"The connection to {url} broke ({type(error).__name__}).", passing=True) from None


def _checked_answer(answer: httpx.Response) -> httpx.Response:
    if answer.status_code in (200, 201, 204):
        return answer
    if answer.is_redirect:
        raise RemoteError(f"The server sends us on to {answer.headers.get('Location')}. Give that address by --url.")
    passing = answer.status_code in (429, 502, 503, 504)
    raise RemoteError(_reason(answer), passing=passing, rest=_rest(answer))


def _reason(answer: httpx.Response) -> str:
    if answer.status_code == 401:
        return "The server does not know this token, or no longer."
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = None
    return detail if isinstance(detail, str) and detail else f"The server answered {answer.status_code}."


def _rest(answer: httpx.Response) -> float:
    """How many seconds it asks for."""
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if seconds.isascii() and seconds.isdecimal() else 0.0
