"""Whether the times that were said held."""

from __future__ import annotations

import click

from webapp.cli.stores import open_database
from webapp.records.estimate import accounts
from webapp.settings import Settings


@click.command(name="estimates")
@click.pass_obj
def command(settings: Settings) -> None:
    """Report how often jobs ended within the range that was said at each quarter of the work."""
    with open_database(settings).reading() as session:
        rows = accounts(session)
    if not rows:
        click.echo("Nothing to go by yet: ranges are said once ten jobs of a kind have been completed.")
    for held in rows:
        share = held.inside / held.said
        click.echo(f"{held.kind:<20} at {held.quarter * 25:>2} %: {held.inside} of {held.said} inside ({share:.0%})")
