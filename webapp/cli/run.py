"""bin/run: serve until INT or TERM; the second one, or QUIT, says: hurry."""

from __future__ import annotations

import click

from webapp.serving import CannotServe, serve
from webapp.settings import Settings


@click.command(name="run")
@click.pass_obj
def command(settings: Settings) -> None:
    """Serve until Ctrl-C: the database, an embedded Redis, the web server and workers.

    Processes then have HEADWAY_STOP_GRACE seconds to end. A second Ctrl-C or TERM, or a QUIT, makes them end within
    three seconds: watchers are told, and what runs is handed back. A third kills them.
    """
    try:
        serve(settings)
    except CannotServe as error:
        raise click.ClickException(str(error)) from None
