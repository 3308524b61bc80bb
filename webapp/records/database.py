"""The SQL database: one engine a process, short transactions, and word of what they changed."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVarTuple

from sqlalchemy import DateTime, Engine, MetaData, Row, Select, UpdateBase, bindparam, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

Values = TypeVarTuple("Values")

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
# How often the use of a credential is noted: at every request it would be a write a page.
SEEN_EVERY = timedelta(minutes=5)
# Between two tries to begin a transaction that writes.
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class UTCDateTime(TypeDecorator[datetime]):
    """Aware datetimes in Python, UTC without a zone in SQL (SQLite keeps none)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


def now() -> datetime:
    return datetime.now(UTC)


# The moment at which a statement is run, for one that was built long before.
AT_THAT_MOMENT = bindparam("at_that_moment", callable_=now, type_=UTCDateTime())


@dataclass(frozen=True)
class Change:
    """Which record a committed transaction changed, and how: `Change("job", 42, owner_id=7, what="claimed")`."""

    noun: str
    id: int
    owner_id: int
    what: str

    def note(self, session: Session) -> None:
        """Have it announced once the session's transaction is committed."""
        session.info.setdefault("changes", []).append(self)


class Database:
    """Hands out transactions. `announce` is told what each one changed, after its commit."""

    def __init__(
        self, url: str, *, busy_seconds: float = 30, announce: Callable[[list[Change]], None] | None = None
    ) -> None:
        self.engine = create_engine(url, connect_args={"timeout": busy_seconds} if url.startswith("sqlite") else {})
        if self.engine.dialect.name == "sqlite":
            _tune_sqlite(self.engine, busy_seconds)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        # Connections of their own, since those above begin transactions.
        self._glances = create_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
        self.announce = announce

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Session]:
        """Commit at the end, roll back on any exception, then announce what was committed.

        What is committed outlives every process; with `durable` a loss of power, too.
        """
        with self._sessions() as session:
            session.connection(execution_options={"writes": True, "durable": durable})
            yield session
            session.commit()
            changes = session.info.pop("changes", [])
        if changes and self.announce:
            self.announce(changes)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that writes nothing; what it loaded stays usable afterwards."""
        with self._sessions() as session:
            yield session

    def glance(self, statement: Select[*Values], values: Mapping[str, Any]) -> Row[*Values] | None:
        """The first row, as it is now: without a session and a transaction, which take ten times as long."""
        with self._glances.connect() as connection:
            return connection.execute(statement, values).first()


def _tune_sqlite(engine: Engine, busy_seconds: float) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # The driver would begin transactions at the first write only; then a read before it can
        # make the write fail with "database is locked" at once instead of waiting its turn.
        connection.isolation_level = None
        _use_wal(connection)
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if options.get("writes"):
            _begin_to_write(connection, busy_seconds, durable=options.get("durable", False))
        else:
            connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: Any, busy_seconds: float, *, durable: bool) -> None:
    """Wait for one's turn here, not in SQLite: its own waiting would hold up a whole web process."""
    driver = connection.connection.dbapi_connection
    deadline, pause = time.monotonic() + busy_seconds, FIRST_PAUSE
    driver.execute("PRAGMA busy_timeout = 0")
    # In the log that is written ahead, NORMAL leaves to the kernel when a commit reaches the disk.
    driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    try:
        while not _begins(connection, last=time.monotonic() >= deadline):
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")


def _begins(connection: Any, *, last: bool) -> bool:
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        # "database is locked" has subcodes; the low byte is what they have in common.
        busy = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
        if last or not busy:
            raise
        return False
    return True


def _use_wal(connection: Any, *, tries: int = 100, pause: float = 0.05) -> None:
    """Two processes that switch a new file to WAL at once: one is told "locked", without any waiting."""
    for left in reversed(range(tries)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if not left:
                raise
            time.sleep(pause)


def changed(session: Session, statement: UpdateBase, values: Mapping[str, Any] | None = None) -> bool:
    """Execute a conditional change; whether there was anything to change.

    Of the values, those that are no parameters of the statement are what its columns are set to. What
    the session has loaded stays as it was.
    """
    # The session itself would first look for what it has loaded, which takes several times as long.
    return session.connection().execute(statement, values).rowcount > 0
