"""Starting jobs from a shell, on any server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from webapp.cli.following import Backoff
from webapp.cli.remote import Remote, RemoteError, with_remote
from webapp.cli.sending import close_batch, open_batch, submit
from webapp.cli.watch import COMPLETED, FAILED, json_option, watch
from webapp.file_names import name_together
from webapp.logs import printable

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(name="submit")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@click.option("--kind", default="ingest_document", show_default=True, help="What is to be done with the files.")
@click.option("--param", "params", metavar="NAME=VALUE", multiple=True, help="A parameter of the kind; repeatable.")
@click.option("--priority", metavar="low|normal|high", default="", help="How soon the jobs are to run.")
@click.option("--watch", "watches", is_flag=True, help="Then watch the job, or the batch, to its end.")
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
    """Start a job for each file; for several, in one batch.

    Exits with 0 when all were accepted, and 1 when one was not; with --watch as `headway watch` does.
    """
    form = {"kind": kind, "params": json.dumps(dict(_pair(param) for param in params)), "priority": priority}
    for file in files:
        if not file.is_file():
            raise click.UsageError(f"“{file}” is no file that can be sent. Write what it gives into one first.")
    taken, watched = _submit(remote, files, form, as_json=as_json)
    code = watch(remote, watched, as_json=as_json) if watches and taken else COMPLETED
    sys.exit(code if taken == len(files) else FAILED)


def _submit(
    remote: Remote, files: tuple[Path, ...], form: dict[str, str], *, as_json: bool
) -> tuple[int, dict[str, str]]:
    """How many files were taken, and the job or the batch that came of them, by number and with its name."""
    if len(files) == 1:
        names = _submit_each(remote, files, form, as_json=as_json)
        return len(names), names
    name = name_together([file.name for file in files])
    with _batch(remote, name, form["priority"]) as batch_id:
        if not as_json:
            click.echo(f"#{batch_id} {name}")
        names = _submit_each(remote, files, form | {"batch": batch_id}, as_json=as_json)
    return len(names), {batch_id: name}


@contextmanager
def _batch(remote: Remote, name: str, priority: str) -> Iterator[str]:
    """One that is closed whatever comes between: what was given to it by then is all of it."""
    batch_id = open_batch(remote, name, priority, Backoff())
    try:
        yield batch_id
    finally:
        try:
            close_batch(remote, batch_id, Backoff())
        except RemoteError as error:
            words = "could not be closed. It closes by itself after an hour in which it is given nothing"
            click.echo(f"Batch #{batch_id} {words}: {error.message}", err=True)


def _submit_each(remote: Remote, files: Sequence[Path], form: dict[str, str], *, as_json: bool) -> dict[str, str]:
    """The new jobs' numbers and names; why a file was not taken is said."""
    names: dict[str, str] = {}
    for file in files:
        try:
            job_id = submit(remote, file, form, Backoff())
        except RemoteError as error:
            click.echo(f"{printable(file.name)}: {error.message}", err=True)
            continue
        names[job_id] = file.name
        of_batch = {"batch_id": form["batch"]} if "batch" in form else {}
        said = {"job_id": job_id, "file": str(file)} | of_batch
        click.echo(json.dumps(said) if as_json else f"#{job_id} {printable(file.name)}")
    return names


def _pair(param: str) -> tuple[str, str]:
    name, sign, value = param.partition("=")
    if not (name and sign):
        raise click.UsageError(f"“{param}” is no parameter. Write it like bytes_per_second=20000.")
    return name, value
