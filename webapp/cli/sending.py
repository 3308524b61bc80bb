"""Sending files, and what they are put into: again where nobody knows whether it arrived, and done once still."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from webapp.cli.following import Backoff
from webapp.cli.remote import Remote, RemoteError
from webapp.logs import printable

TRIES = 3
Rest = Callable[[float], None]
T = TypeVar("T")


def submit(remote: Remote, file: Path, form: dict[str, str], backoff: Backoff, rest: Rest = time.sleep) -> str:
    """The new job's number."""
    key = uuid.uuid4().hex
    return _patiently(lambda: _send(remote, file, form, key), backoff, rest)


def open_batch(remote: Remote, name: str, priority: str, backoff: Backoff, rest: Rest = time.sleep) -> str:
    """The new batch's number."""
    key = uuid.uuid4().hex
    return _patiently(lambda: remote.open_batch(name, priority, key), backoff, rest)


def close_batch(remote: Remote, batch_id: str, backoff: Backoff, rest: Rest = time.sleep) -> None:
    _patiently(lambda: remote.close_batch(batch_id), backoff, rest)


def _patiently(call: Callable[[], T], backoff: Backoff, rest: Rest) -> T:
    for failures in range(1, TRIES):
        try:
            return call()
        except RemoteError as error:
            if not error.passing:
                raise
            rest(backoff.delay(failures, error.rest))
    return call()


def _send(remote: Remote, file: Path, form: dict[str, str], key: str) -> str:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    # On the other channel, so that standard output holds the jobs alone.
    console = Console(stderr=True)
    with (
        Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress,
        progress.open(file, "rb", description=f"Sending {printable(file.name)}") as content,
    ):
        # Names on a disk need not be text.
        return remote.submit(file.name.encode("utf-8", "replace").decode(), content, form, key)
