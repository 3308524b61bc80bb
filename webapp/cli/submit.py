"""Starting jobs from a shell, on any server."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from webapp.cli.following import Backoff
from webapp.cli.remote import Remote, RemoteError, with_remote
from webapp.cli.watch import COMPLETED, FAILED, json_option, watch
from webapp.logs import printable

TRIES = 3
FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(name="submit")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@click.option("--kind", default="ingest_document", show_default=True, help="What is to be done with the files.")
@click.option("--param", "params", metavar="NAME=VALUE", multiple=True, help="A parameter of the kind; repeatable.")
@click.option("--priority", metavar="low|normal|high", default="", help="How soon the jobs are to run.")
@click.option("--watch", "watches", is_flag=True, help="Then watch the jobs to their end.")
@json_option
@with_remote
def command(
    remote: Remote,
    files: tuple[Path, ...],
    kind: str,
    params: tuple[str, ...],
    priority: str,
    watches: bool,
    as_json: bool,
) -> None:
    """Start a job for each file.

    Exits with 0 when all were accepted, and 1 when one was not; with --watch as `headway watch` does.
    """
    form = {"kind": kind, "params": json.dumps(dict(_pair(param) for param in params)), "priority": priority}
    for file in files:
        if not file.is_file():
            raise click.UsageError(f"“{file}” is no file that can be sent. Write what it gives into one first.")
    names = _submit_all(remote, files, form, as_json=as_json)
    all_taken = len(names) == len(files)
    code = watch(remote, names, as_json=as_json) if watches and names else COMPLETED
    sys.exit(code if all_taken else FAILED)


def _submit_all(remote: Remote, files: tuple[Path, ...], form: dict[str, str], *, as_json: bool) -> dict[str, str]:
    """The new jobs' numbers and names; why a file was not taken is said."""
    names: dict[str, str] = {}
    for file in files:
        try:
            job_id = submit(remote, file, form, Backoff())
        except RemoteError as error:
            click.echo(f"{printable(file.name)}: {error.message}", err=True)
            continue
        names[job_id] = file.name
        said = json.dumps({"job_id": job_id, "file": str(file)}) if as_json else f"#{job_id} {printable(file.name)}"
        click.echo(said)
    return names


def submit(
    remote: Remote, file: Path, form: dict[str, str], backoff: Backoff, rest: Callable[[float], None] = time.sleep
) -> str:
    """The new job's number. Where nobody knows whether it arrived it is sent again, and is one job still."""
    key = uuid.uuid4().hex
    for failures in range(1, TRIES):
        try:
            return _send(remote, file, form, key)
        except RemoteError as error:
            if not error.passing:
                raise
            rest(backoff.delay(failures, error.rest))
    return _send(remote, file, form, key)


def _send(remote: Remote, file: Path, form: dict[str, str], key: str) -> str:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    # On the other channel, so that standard output holds the jobs alone.
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        description = f"Sending {printable(file.name)}"
        with progress.open(file, "rb", description=description) as content:
            # Names on a disk need not be text.
            return remote.submit(file.name.encode("utf-8", "replace").decode(), content, form, key)


def _pair(param: str) -> tuple[str, str]:
    name, sign, value = param.partition("=")
    if not (name and sign):
        raise click.UsageError(f"“{param}” is no parameter. Write it like bytes_per_second=20000.")
    return name, value
