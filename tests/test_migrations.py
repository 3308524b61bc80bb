from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from webapp import migrations
from webapp.records.database import Base, Database


@pytest.fixture
def url(tmp_path: Path) -> str:
    # A name that ConfigParser would stumble over.
    return f"sqlite:///{tmp_path / 'a %(b)s.db'}"


def test_an_empty_database_is_brought_to_the_models_shape(url: str):
    migrations.upgrade(url)
    with Database(url).engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


def test_upgrading_again_keeps_what_is_there(url: str):
    migrations.upgrade(url)
    with Database(url).transaction() as session:
        session.execute(
            text("insert into workers (name, started_at, seen_at) values ('a', '2026-01-01', '2026-01-01')")
        )
    migrations.upgrade(url)
    with Database(url).reading() as session:
        assert session.scalar(text("select count(*) from workers")) == 1


def test_two_upgrades_at_the_same_time_wait_for_each_other(url: str):
    with ProcessPoolExecutor(3) as pool:
        list(pool.map(migrations.upgrade, [url] * 3))


def test_a_database_from_a_newer_version_is_refused_in_words(url: str):
    migrations.upgrade(url)
    with Database(url).transaction() as session:
        session.execute(text("update alembic_version set version_num = 'fedcba987654'"))
    with pytest.raises(migrations.MigrationError, match="newer Headway"):
        migrations.upgrade(url)


def test_the_jobs_table_is_remade_with_what_is_in_it_and_what_refers_to_it(url: str):
    command.upgrade(migrations._config(url), "0003")
    with Database(url).transaction() as session:
        for row in (
            "users (id, email, password_hash, role, created_at) values (1, 'a', 'b', 'admin', '2026-01-01')",
            "jobs (id, kind, state, owner_id, params, attempt, tries, created_at)"
            " values (7, 'checksum', 'completed', 1, '{}', 1, 1, '2026-01-01')",
            "events (job_id, at, name, attempt, detail) values (7, '2026-01-01', 'queued', 0, '{}')",
        ):
            session.execute(text(f"insert into {row}"))
    migrations.upgrade(url)
    with Database(url).reading() as session:
        assert session.execute(text("select id, priority from jobs")).all() == [(7, 1)]
        assert session.scalar(text("select job_id from events")) == 7
        assert session.execute(text("pragma foreign_key_check")).all() == []
