"""Watching jobs in a terminal, on any server."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from webapp.cli.following import Backoff, follow_all
from webapp.cli.remote import Remote, RemoteError, with_remote
from webapp.cli.showing import show_on
from webapp.cli.telling import label, words

COMPLETED, FAILED, STOPPED = 0, 1, 2
INTERRUPTED = 130
# Of the jobs of a batch, in each state.
MOST_TOLD = 20

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
    ends: dict[str, dict[str, Any] | None] = {}
    try:
        with show_on(names, as_json=as_json) as screen:
            for news in follow_all(remote, list(names), backoff or Backoff()):
                screen.show(news)
                if news.is_last:
                    ends[news.job_id] = news.job
    except KeyboardInterrupt:
        left = [job_id for job_id in names if job_id not in ends]
        click.echo(_come_back(remote, left), err=True)
        return INTERRUPTED
    for job in ends.values():
        if job and job.get("batch"):
            _tell_of(remote, job, as_json=as_json)
    outcomes = {_outcome(job) for job in ends.values()}
    return next((code for code in (FAILED, STOPPED) if code in outcomes), COMPLETED)


def _number(job: str) -> str:
    number = job.removeprefix("#")
    if not (number.isascii() and number.isdecimal()):
        raise click.UsageError(f"“{job}” is no job’s number.")
    return number


def _outcome(job: dict[str, Any] | None) -> int:
    """A batch may be completed though a job in it was cancelled."""
    state = job.get("state") if job else None
    if job and state == "completed" and job.get("batch") and _ended(job, "cancelled"):
        return STOPPED
    return {"completed": COMPLETED, "cancelled": STOPPED}.get(str(state), FAILED)


def _tell_of(remote: Remote, batch: dict[str, Any], *, as_json: bool) -> None:
    """Which jobs of a batch came to no good end, and why."""
    for state in ("failed", "cancelled"):
        if not (count := _ended(batch, state)):
            continue
        try:
            jobs = remote.jobs_in(str(batch["id"]), state, MOST_TOLD)
        except RemoteError as error:
            click.echo(f"#{batch['id']}: {error.message}", err=True)
            return
        for job in reversed(jobs):
            click.echo(json.dumps(job) if as_json else f"{label(str(job['id']), '', job)}: {words(job)}")
        if count > len(jobs):
            click.echo(f"#{batch['id']}: {count - len(jobs)} more {state}", err=True)


def _ended(batch: dict[str, Any], state: str) -> int:
    return int((batch.get("result") or {}).get(state, 0))


def _come_back(remote: Remote, left: Sequence[str]) -> str:
    jobs = f"Job {left[0]} goes" if len(left) == 1 else f"{len(left)} jobs go"
    return f"\n{jobs} on. To come back: bin/headway watch {' '.join(left)} --url {remote.url}"
