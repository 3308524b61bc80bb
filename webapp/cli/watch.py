"""Watching jobs in a terminal, on any server."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from webapp.cli.following import Backoff, News, follow_all
from webapp.cli.remote import Remote, with_remote
from webapp.cli.showing import show_on

COMPLETED, FAILED, STOPPED = 0, 1, 2
INTERRUPTED = 130

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as the API says it.")


@click.command(name="watch")
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@json_option
@with_remote
def command(remote: Remote, jobs: tuple[str, ...], as_json: bool) -> None:
    """Watch jobs to their end, by number.

    Exits with 0 when all were completed, 1 when one failed, and 2 when one was cancelled. Ctrl-C only
    stops watching.
    """
    numbers = [_number(job) for job in dict.fromkeys(jobs)]
    sys.exit(watch(remote, dict.fromkeys(numbers, ""), as_json=as_json))


def watch(remote: Remote, names: dict[str, str], *, as_json: bool, backoff: Backoff | None = None) -> int:
    """Show jobs, by number and with what they are called if that is known; the exit code."""
    outcomes: dict[str, int] = {}
    try:
        with show_on(names, as_json=as_json) as screen:
            for news in follow_all(remote, list(names), backoff or Backoff()):
                screen.show(news)
                if news.is_last:
                    outcomes[news.job_id] = _outcome(news)
    except KeyboardInterrupt:
        left = [job_id for job_id in names if job_id not in outcomes]
        click.echo(_come_back(remote, left), err=True)
        return INTERRUPTED
    return next((code for code in (FAILED, STOPPED) if code in outcomes.values()), COMPLETED)


def _number(job: str) -> str:
    number = job.removeprefix("#")
    if not (number.isascii() and number.isdecimal()):
        raise click.UsageError(f"“{job}” is no job’s number.")
    return number


def _outcome(news: News) -> int:
    return {"completed": COMPLETED, "cancelled": STOPPED}.get(news.state, FAILED)


def _come_back(remote: Remote, left: Sequence[str]) -> str:
    jobs = f"Job {left[0]} goes" if len(left) == 1 else f"{len(left)} jobs go"
    return f"\n{jobs} on. To come back: bin/headway watch {' '.join(left)} --url {remote.url}"
