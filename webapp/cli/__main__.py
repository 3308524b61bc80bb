"""bin/headway: the commands, each loaded only when it is called, so that all of them start quickly."""

from __future__ import annotations

import importlib
import os

import click

from webapp.settings import Settings, SettingsError

COMMANDS = {
    "run": "Serve until Ctrl-C (what bin/run does).",
    "worker": "Run one worker.",
    "settings": "Show every setting, its value and where it comes from.",
    "users": "Make, list, disable and enable users.",
    "tokens": "Make, list and revoke API tokens.",
    "submit": "Start a job for each file, on any server.",
    "watch": "Watch jobs to their end, on any server.",
    "jobs": "List jobs.",
    "estimates": "Report how often the times that were said held.",
    "prune": "Delete what is kept longer, or takes more, than the settings say.",
    "db": "Bring the database up to date.",
}


class Commands(click.Group):
    """The command NAME is the object `command` in webapp/cli/NAME.py."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"webapp.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """Headway's command line. Settings come from HEADWAY_* variables."""
    # Whatever a command or its processes write is for their own user's eyes.
    os.umask(0o077)
    try:
        context.obj = Settings.from_environment()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main(prog_name="headway")
