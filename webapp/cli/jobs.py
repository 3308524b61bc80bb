"""Jobs, from the command line."""

from __future__ import annotations

import json

import click
from sqlalchemy import select

from webapp.cli.stores import open_database
from webapp.logs import printable
from webapp.records.job import Job
from webapp.settings import Settings


@click.group(name="jobs")
def command() -> None:
    """List jobs."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """List every job, oldest first."""
    with open_database(settings).reading() as session:
        for job in session.scalars(select(Job).order_by(Job.id).execution_options(yield_per=500)):
            click.echo(json.dumps(_fields(job)) if as_json else _line(job))


def _fields(job: Job) -> dict[str, object]:
    return {
        "id": str(job.id),
        "kind": job.kind,
        "state": job.state,
        "attempts": job.attempt,
        "owner": job.owner.email,
        "file_name": job.file_name,
        "error": job.error,
    }


def _line(job: Job) -> str:
    words = [f"{job.id:>6}  {job.state:<10}  {job.kind:<16}  {job.owner.email}", job.file_name or "", job.error or ""]
    return printable("  ".join(word for word in words if word))
