"""The database's shape, from the command line."""

from __future__ import annotations

import click

from webapp import migrations
from webapp.settings import Settings


@click.group(name="db")
def command() -> None:
    """Bring the database up to date."""


@command.command()
@click.pass_obj
def upgrade(settings: Settings) -> None:
    """Bring the database to the newest shape, as bin/run does at each start."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        migrations.upgrade(settings.effective_database_url)
    except migrations.MigrationError as error:
        raise click.ClickException(str(error)) from None
    click.echo("The database is up to date.")


@command.command()
@click.argument("message")
@click.pass_obj
def revision(settings: Settings, message: str) -> None:
    """For developers: write the step from the database's shape to the models' into webapp/migrations/versions."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    click.echo(migrations.revise(settings.effective_database_url, message))
