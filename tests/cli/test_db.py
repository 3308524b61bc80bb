from pathlib import Path

from tests.cli.conftest import Headway


def test_the_database_is_made_before_the_first_start(headway: Headway, tmp_path: Path):
    folder = tmp_path / "new"
    result = headway("db", "upgrade", HEADWAY_DATA_DIR=str(folder))
    assert (result.exit_code, result.output) == (0, "The database is up to date.\n")
    assert folder.stat().st_mode & 0o077 == 0
    assert headway("users", "list", HEADWAY_DATA_DIR=str(folder)).exit_code == 0
