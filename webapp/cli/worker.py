"""One worker process, as bin/run starts several."""

from __future__ import annotations

import click

from webapp.logs import configure
from webapp.settings import Settings
from webapp.worker import main


@click.command(name="worker")
@click.pass_obj
def command(settings: Settings) -> None:
    """Run one worker until INT or TERM."""
    configure(settings.log_level)
    main(settings)
