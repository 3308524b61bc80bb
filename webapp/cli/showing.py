"""Jobs on a screen: bars where there is a terminal, lines where there is none, JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from webapp.cli.following import CANCELLED, News
from webapp.logs import printable

# In lines, every so many percent is worth one.
STEP = 10


class Screen(Protocol):
    def show(self, news: News) -> None: ...


def show_on(names: Mapping[str, str], *, as_json: bool) -> AbstractContextManager[Screen]:
    """The screen that fits standard output, while it is used. `names` are of the jobs, by number."""
    if as_json:
        return JsonLines()
    return Bars(names) if sys.stdout.isatty() else Lines(names)


class Bars:
    """A bar a job, in place."""

    def __init__(self, names: Mapping[str, str], console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[words]}", markup=False, style="dim"),
            TimeElapsedColumn(),
            console=console or Console(),
        )
        self._tasks = {
            job_id: self._progress.add_task(_label(job_id, name), total=None, words="")
            for job_id, name in names.items()
        }

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, news: News) -> None:
        task = self._tasks[news.job_id]
        if news.status is None:
            words = printable(news.given_up or f"{news.trouble} Trying again")
            self._progress.update(task, words=words)
        else:
            waits = news.status.get("status") == "pending"
            percent = _percent(news.status)
            self._progress.update(task, total=None if waits else 100.0, completed=percent, words=_words(news.status))
        if news.is_last:
            self._progress.stop_task(task)


class Lines:
    """A line for each stage, each tenth of the work and each end."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._labels = {job_id: _label(job_id, name) for job_id, name in names.items()}
        self._said: dict[str, object] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, news: News) -> None:
        label = self._labels[news.job_id]
        if news.status is None:
            click.echo(f"{label}: {printable(news.given_up or news.trouble)}", err=True)
            return
        percent, words = _percent(news.status), _words(news.status)
        if self._said.get(news.job_id) == (gist := (words, percent // STEP)):
            return
        self._said[news.job_id] = gist
        click.echo(f"{label}: {words}" if news.is_last else f"{label}: {words}, {percent:.0f} %")


class JsonLines:
    """What the API says, as it says it."""

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, news: News) -> None:
        if news.status is not None:
            click.echo(json.dumps(news.status))
        else:
            click.echo(f"#{news.job_id}: {printable(news.given_up or news.trouble)}", err=True)


def _label(job_id: str, name: str) -> str:
    return f"#{job_id} {printable(name)}".rstrip()


def _percent(status: dict[str, Any]) -> float:
    percent = status.get("progress_percentage")
    return float(percent) if isinstance(percent, int | float) else 0.0


def _words(status: dict[str, Any]) -> str:
    """`embedding`, `completed`, or why not."""
    state, error = str(status.get("status")), status.get("error_message")
    if state == "processing":
        return printable(str(status.get("current_step")).replace("-", " "))
    if state == "failed" and error != CANCELLED:
        return f"failed: {printable(str(error))}"
    return CANCELLED if state == "failed" else {"pending": "waiting"}.get(state, printable(state))
