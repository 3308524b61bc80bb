from datetime import timedelta

import pytest

from tests.cli.conftest import Headway
from tests.conftest import Cast
from webapp.records.database import Database, now
from webapp.records.job import Job
from webapp.records.stored_file import StoredFile


@pytest.fixture
def ended(database: Database, cast: Cast) -> Job:
    """A job of Ben's that was cancelled 100 days ago."""
    file = StoredFile(key="aa/" + "b" * 32, name="a.txt", size=12_345, sha256="0" * 64, media_type="text/plain")
    with database.transaction() as session:
        job = Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=file)
        job.request_cancel(session, by="ben")
    with database.transaction() as session:
        session.get_one(Job, job.id).finished_at = now() - timedelta(days=100)
    return job


def jobs(headway: Headway) -> int:
    return len(headway("jobs", "list", "--json").stdout.splitlines())


def test_a_dry_run_says_what_would_go_and_deletes_nothing(headway: Headway, ended: Job):
    result = headway("prune", "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "Would delete 1 ended job with 1 file (12,345 bytes).",
        "Would delete 0 files (0 bytes) that no job names.",
    ]
    assert jobs(headway) == 1


def test_what_is_older_than_the_settings_say_is_deleted(headway: Headway, ended: Job):
    assert "Deleted 0 ended jobs" in headway("prune", HEADWAY_KEEP_DAYS="120").stdout
    assert "Deleted 1 ended job with 1 file" in headway("prune").stdout
    assert jobs(headway) == 0


def test_the_age_can_be_given(headway: Headway, ended: Job):
    assert "Deleted 0 ended jobs" in headway("prune", "--older-than", "101").stdout
    assert "Deleted 1 ended job " in headway("prune", "--older-than", "99", HEADWAY_KEEP_DAYS="0").stdout


def test_files_that_take_too_much_make_the_oldest_go(headway: Headway, ended: Job):
    settings = {"HEADWAY_KEEP_DAYS": "0", "HEADWAY_KEEP_BYTES": "12KB"}
    assert "Deleted 1 ended job " in headway("prune", **settings).stdout


def test_an_age_that_makes_no_sense_is_refused(headway: Headway):
    assert headway("prune", "--older-than", "-1").exit_code == 2
