"""The key that signs cookies: one for all processes, and for its owner's eyes only."""

import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from webapp.secret_key import ensure_secret_key
from webapp.settings import Settings


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path):
    settings = Settings(data_dir=tmp_path / "new")
    key = ensure_secret_key(settings)
    assert len(key) >= 32
    assert ensure_secret_key(settings) == key
    assert stat.S_IMODE((tmp_path / "new" / "secret_key").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["secret_key"]


def test_a_secret_key_that_is_set_is_used_and_not_kept(tmp_path: Path):
    assert ensure_secret_key(Settings(data_dir=tmp_path, secret_key="x" * 20)) == "x" * 20
    assert not list(tmp_path.iterdir())


def test_processes_that_start_together_agree_on_the_secret_key(tmp_path: Path):
    with ProcessPoolExecutor(4) as pool:
        keys = set(pool.map(ensure_secret_key, [Settings(data_dir=tmp_path)] * 16))
    assert len(keys) == 1
