import json

from tests.cli.conftest import Headway
from tests.conftest import Cast
from webapp.records.database import Database
from webapp.records.job import Job
from webapp.records.stored_file import StoredFile

NASTY = "a\nb\x1b[31m.txt"


def accept(database: Database, cast: Cast) -> int:
    file = StoredFile(key="aa/bb", name=NASTY, size=3, sha256="0" * 64, media_type="text/plain")
    with database.transaction() as session:
        return Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=file).id


def test_jobs_are_one_json_object_a_line(headway: Headway, cast: Cast, database: Database):
    ids = [accept(database, cast), accept(database, cast)]
    lines = headway("jobs", "list", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "id": str(id),
            "kind": "checksum",
            "state": "queued",
            "attempts": 0,
            "owner": "ben@example.org",
            "file_name": NASTY,
            "error": None,
        }
        for id in ids
    ]


def test_a_hostile_file_name_stays_on_its_line(headway: Headway, cast: Cast, database: Database):
    accept(database, cast)
    (line,) = headway("jobs", "list").stdout.splitlines()
    assert "a\\nb\\x1b[31m.txt" in line


def test_no_jobs_are_no_lines(headway: Headway):
    assert headway("jobs", "list", "--json").stdout == ""
