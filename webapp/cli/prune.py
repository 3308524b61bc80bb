"""Pruning by hand; workers do it by themselves every ten minutes."""

from __future__ import annotations

from dataclasses import replace

import click

from webapp import retention
from webapp.cli.stores import open_database
from webapp.retention import Policy, Pruned
from webapp.services import Services
from webapp.settings import Settings

LONGEST = 36500


@click.command(name="prune")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.IntRange(0, LONGEST),
    help="In place of HEADWAY_KEEP_DAYS; 0 means all jobs that have ended.",
)
@click.pass_obj
def command(settings: Settings, dry_run: bool, older_than: int | None) -> None:
    """Delete ended jobs that HEADWAY_KEEP_DAYS and HEADWAY_KEEP_BYTES don't keep, and files that no job names.

    What waits or runs is never touched, and documents stay.
    """
    database = open_database(settings)
    services = replace(Services.open(settings), database=database)
    policy = Policy.of(settings, older_than=older_than)
    verb = "Would delete" if dry_run else "Deleted"
    jobs = retention.prune(services, policy, dry_run=dry_run)
    click.echo(f"{verb} {_count(jobs.jobs, 'ended job')} with {_files(jobs)}.")
    strays = retention.prune_strays(services, dry_run=dry_run)
    click.echo(f"{verb} {_files(strays)} that no job names.")


def _files(pruned: Pruned) -> str:
    return f"{_count(pruned.files, 'file')} ({pruned.bytes:,} bytes)"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
