"""Jobs on a screen: bars where there is a terminal, lines where there is none, JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from webapp.cli.following import News
from webapp.cli.telling import amount, label, percent, words
from webapp.logs import printable

# In lines, every so many percent is worth one.
STEP = 10
# Of the log of a job that is watched alone.
TAIL = 8
STYLES = {"completed": "green", "failed": "red", "cancelled": "yellow"}


class Screen(Protocol):
    def show(self, news: News) -> None: ...


def show_on(names: Mapping[str, str], *, as_json: bool) -> AbstractContextManager[Screen]:
    """The screen that fits standard output, while it is used. `names` are of the jobs, by number."""
    if as_json:
        return nullcontext(JsonLines())
    return Bars(names) if sys.stdout.isatty() else nullcontext(Lines(names))


class Bars:
    """A bar a job, in place; of one that is watched alone, its stages and the end of its log too."""

    def __init__(self, names: Mapping[str, str], console: Console | None = None) -> None:
        self._names = dict(names)
        self._news: dict[str, News] = {}
        self._words = dict.fromkeys(names, "")
        self._tail: list[str] = []
        self._live = Live(self._drawn(), console=console or Console(), refresh_per_second=8)

    def __enter__(self) -> Bars:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, news: News) -> None:
        if news.job:
            self._news[news.job_id] = news
            self._words[news.job_id] = words(news.job)
        elif news.lines:
            self._tail = [*self._tail, *(printable(str(line.get("text"))) for line in news.lines)][-TAIL:]
        else:
            self._words[news.job_id] = printable(news.given_up or f"{news.trouble} Trying again")
        self._live.update(self._drawn())

    def _drawn(self) -> Group:
        table = Table.grid(padding=(0, 1))
        for job_id, name in self._names.items():
            self._draw(table, job_id, name)
        alone = len(self._names) == 1
        return Group(table, *(Text(f"  {line}", style="dim", overflow="ellipsis") for line in self._tail if alone))

    def _draw(self, table: Table, job_id: str, name: str) -> None:
        news = self._news.get(job_id)
        job = news.job if news and news.job else {}
        style = STYLES.get(str(job.get("state")), "")
        bar = ProgressBar(total=100, completed=percent(job), width=30, pulse=not job)
        table.add_row(Text(label(job_id, name, job)), bar, f"{percent(job):3.0f} %", Text(self._words[job_id], style))
        if len(self._names) == 1:
            for stage in (job.get("progress") or {}).get("stages", ()):
                self._draw_stage(table, stage)

    def _draw_stage(self, table: Table, stage: dict[str, Any]) -> None:
        name = Text("  " + printable(str(stage["name"])).replace("-", " "), style="dim")
        bar = ProgressBar(total=1, completed=stage["fraction"], width=30)
        took = f", {stage['seconds']:.1f} s" if stage["status"] != "pending" else ""
        table.add_row(name, bar, f"{stage['fraction'] * 100:3.0f} %", Text(amount(stage) + took, style="dim"))


class Lines:
    """A line for each stage, each tenth of the work, each thing it logs and each end."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._said: dict[str, object] = {}

    def show(self, news: News) -> None:
        name = label(news.job_id, self._names[news.job_id])
        for line in news.lines:
            click.echo(f"{name}: | {printable(str(line.get('text')))}")
        if news.given_up or news.trouble:
            click.echo(f"{name}: {printable(news.given_up or news.trouble)}", err=True)
        if news.job:
            self._show_job(name, news, news.job)

    def _show_job(self, name: str, news: News, job: dict[str, Any]) -> None:
        said, done = words(job, briefly=True), percent(job)
        if self._said.get(news.job_id) == (gist := (said, done // STEP)):
            return
        self._said[news.job_id] = gist
        click.echo(f"{name}: {said}" if news.is_last else f"{name}: {said}, {done:.0f} %")


class JsonLines:
    """What the API says, as it says it."""

    def show(self, news: News) -> None:
        if news.job:
            click.echo(json.dumps(news.job))
        elif news.lines:
            click.echo(json.dumps({"job_id": news.job_id, "lines": news.lines}))
        else:
            click.echo(f"#{news.job_id}: {printable(news.given_up or news.trouble)}", err=True)
