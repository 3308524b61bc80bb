"""bin/run: serve until INT or TERM."""

from __future__ import annotations

import click

from webapp.serving import CannotServe, serve
from webapp.settings import Settings


@click.command(name="run")
@click.pass_obj
def command(settings: Settings) -> None:
    """Serve until Ctrl-C: the database, an embedded Redis, the web server and workers."""
    try:
        serve(settings)
    except CannotServe as error:
        raise click.ClickException(str(error)) from None
