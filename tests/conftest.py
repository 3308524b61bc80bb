"""The cast and the stage: three people, a database, a real Redis, and a whole server to visit."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from tests.serving import LOGIN, Server, eventually, serving
from webapp import migrations
from webapp.app import create_app
from webapp.embedded_redis import EmbeddedRedis
from webapp.records.database import Database
from webapp.records.user import User
from webapp.services import Services
from webapp.settings import Settings


@dataclass(frozen=True)
class Cast:
    """Ada runs the place; Ben and Cleo are members who have nothing to do with each other."""

    ada: User
    ben: User
    cleo: User


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Valkey of the tests' own, for all of them."""
    folder = Path(tempfile.mkdtemp(prefix="headway-"))
    redis = EmbeddedRedis(Settings(data_dir=folder))
    process = subprocess.Popen(redis.program().command, stdout=subprocess.DEVNULL)
    eventually(redis.answers)
    yield Settings(data_dir=folder).effective_redis_url
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(data_dir=tmp_path / "data", redis_url=redis_url, lanes=2)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of the newest shape, to be copied: migrating takes a while."""
    path = tmp_path_factory.mktemp("migrated") / "headway.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def services(settings: Settings, migrated: Path) -> Iterator[Services]:
    """Stores as a process has them, on a migrated database and an empty Redis."""
    settings.data_dir.mkdir()
    shutil.copy(migrated, settings.data_dir / "headway.db")
    services = Services.open(settings)
    services.redis.flushall()
    yield services
    services.database.engine.dispose()


@pytest.fixture
def database(services: Services) -> Database:
    return services.database


@pytest.fixture
def cast(database: Database) -> Cast:
    with database.transaction() as session:
        return Cast(
            *(
                User.create(session, email=f"{name}@example.org", password=LOGIN["password"], role=role)
                for name, role in (("ada", "admin"), ("ben", "member"), ("cleo", "member"))
            )
        )


@pytest.fixture
def app(settings: Settings, services: Services) -> Flask:
    """The application on the same stores as `services`, which sees to the database."""
    app = create_app(settings)
    app.testing = True
    return app


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A whole server that many tests may visit; Ada is its admin, Ben and Cleo its members."""
    folder = Path(tempfile.mkdtemp(prefix="headway-"))
    with serving(folder / "data") as server:
        for name in ("ben", "cleo"):
            server.command(
                "users",
                "create",
                f"{name}@example.org",
                "--role",
                "member",
                "--password-stdin",
                input=LOGIN["password"],
            )
        yield server
    shutil.rmtree(folder)
