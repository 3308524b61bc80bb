"""Every setting, for people to read."""

from __future__ import annotations

import click

from webapp.settings import Settings


@click.command(name="settings")
@click.option("--describe", is_flag=True, help="Say what each setting is for.")
@click.pass_obj
def command(settings: Settings, describe: bool) -> None:
    """Show every setting, its value (secrets hidden) and where it comes from."""
    explained = settings.explain()
    width = max(len(setting.variable) for setting in explained)
    for setting in explained:
        if describe:
            click.echo(f"# {setting.description}")
        click.echo(f"{setting.variable:<{width}}  {setting.value or '(empty)'}  [{setting.source}]")
