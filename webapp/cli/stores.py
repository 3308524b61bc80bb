"""The database as commands use it, beside a running server or without one."""

from __future__ import annotations

import click
from sqlalchemy.orm import Session

from webapp.live.client import connect
from webapp.live.wake import Announcer
from webapp.records.database import Database
from webapp.records.user import User
from webapp.settings import Settings


def open_database(settings: Settings) -> Database:
    """Changes are announced to a running server, so that its open pages and streams follow at once."""
    if not settings.database_url and not (settings.data_dir / "headway.db").exists():
        raise click.ClickException(
            f"There is no database in {settings.data_dir} yet. Start bin/run once, or run bin/headway db upgrade."
        )
    running = not settings.embedded_redis or settings.redis_socket.exists()
    announce = Announcer(connect(settings.effective_redis_url)) if running else None
    return Database(settings.effective_database_url, announce=announce)


def user_with(session: Session, email: str) -> User:
    """The user with this address, or an end in words."""
    user = User.by_email(session, email)
    if user is None:
        raise click.ClickException(f"There is no user {email}. `bin/headway users list` shows who there is.")
    return user
