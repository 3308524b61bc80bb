"""What Alembic runs for each command; see __init__.py for who asks."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, Literal

from alembic import context
from sqlalchemy.types import TypeDecorator

import webapp.records
from webapp.records.database import Base, Database

# Every table counts, also one whose module nobody else has imported yet.
for module in pkgutil.iter_modules(webapp.records.__path__, "webapp.records."):
    importlib.import_module(module.name)


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write our own column types as the plain ones they are in SQL: a step must outlive our classes."""
    return f"sa.{item.impl_instance!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


database = Database(context.config.attributes["database_url"])
sqlite = database.engine.dialect.name == "sqlite"

# Taking the write lock first makes two upgrades at the same time wait for each other.
with database.engine.connect().execution_options(writes=True) as connection:
    if sqlite:
        # Remaking a table drops the old one; rows that refer to it must survive that. Past the
        # driver's wrapper, because within a transaction this would change nothing.
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=sqlite,
        compare_type=True,
        render_item=render_item,
        # True of SQLite as well, since Database begins transactions itself: all steps or none.
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
database.engine.dispose()
