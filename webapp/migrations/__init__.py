"""The database's shape over time: Alembic, driven from here, without an alembic.ini."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

HERE = Path(__file__).parent


class MigrationError(Exception):
    """The database can't be brought to the newest shape; the message says why and what to do."""


def upgrade(database_url: str) -> None:
    """Bring a database to the newest shape; an empty or missing one too. Harmless if it is there."""
    try:
        command.upgrade(_config(database_url), "head")
    except CommandError as error:
        raise MigrationError(
            f"The database can't be brought up to date: {error}. Was it last used by a newer Headway? "
            "Then run that one, or restore the backup you made before."
        ) from error


def revise(database_url: str, message: str) -> Path:
    """Upgrade a database, and write the step from its shape to the models' into `versions/`."""
    upgrade(database_url)
    script = command.revision(_config(database_url), message, autogenerate=True)
    assert script is not None
    assert not isinstance(script, list)
    return Path(script.path)


def _config(database_url: str) -> Config:
    config = Config()
    # Alembic keeps options in a ConfigParser, where % begins a reference.
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["database_url"] = database_url
    return config
