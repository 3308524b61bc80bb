"""Who is still there: by locks on one machine, by missed heartbeats elsewhere, and never by a clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from webapp.records.database import Database, now
from webapp.records.worker import Worker
from webapp.roster import MISSED, Roster

JOINS_AND_WAITS = """
import signal, sys
from pathlib import Path
from webapp.records.database import Database
from webapp.roster import Roster
roster = Roster(Database(sys.argv[1]), Path(sys.argv[2]), "there:1")
roster.join()
print(roster.id, flush=True)
signal.pause()
"""


@pytest.fixture
def here(database: Database, tmp_path: Path) -> Roster:
    return joined(database, tmp_path / "here", "here:1")


def joined(database: Database, folder: Path, name: str) -> Roster:
    roster = Roster(database, folder, name)
    roster.join()
    return roster


def alive(database: Database) -> set[int]:
    with database.reading() as session:
        return set(Worker.signs(session))


def test_a_process_that_was_killed_is_struck_off_at_once(database: Database, here: Roster, tmp_path: Path) -> None:
    arguments = [str(database.engine.url), str(tmp_path / "here")]
    process = subprocess.Popen([sys.executable, "-c", JOINS_AND_WAITS, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    there = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGSTOP)
    here.strike_off()
    assert alive(database) == {here.id, there}
    process.kill()
    process.wait()
    here.strike_off()
    assert alive(database) == {here.id}
    assert [path.name for path in (tmp_path / "here").iterdir()] == [str(here.id)]


def test_one_that_misses_its_heartbeats_is_struck_off(database: Database, here: Roster, tmp_path: Path) -> None:
    silent = joined(database, tmp_path / "elsewhere", "elsewhere:1")
    for _ in range(MISSED):
        here.beat()
        here.strike_off()
        assert silent.id in alive(database)
    here.beat()
    here.strike_off()
    assert alive(database) == {here.id}


def test_one_that_beats_is_kept_whatever_its_clock_says(database: Database, here: Roster, tmp_path: Path) -> None:
    other = joined(database, tmp_path / "elsewhere", "elsewhere:1")
    for hours in (5, -5, 0, 100, 1, -100, 7):
        with database.transaction() as session:
            session.get_one(Worker, other.id).seen_at = now() + timedelta(hours=hours)
        here.beat()
        here.strike_off()
    assert alive(database) == {here.id, other.id}


def test_nobody_is_struck_off_for_the_time_in_which_this_worker_gave_no_sign_either(
    database: Database, here: Roster, tmp_path: Path
) -> None:
    other = joined(database, tmp_path / "elsewhere", "elsewhere:1")
    here.beat()
    with database.transaction() as session:
        session.get_one(Worker, here.id).seen_at = now() - timedelta(days=3)
    here.beat()
    here.strike_off()
    assert alive(database) == {here.id, other.id}


def test_one_that_was_given_up_joins_anew(database: Database, here: Roster, tmp_path: Path) -> None:
    former = here.id
    with database.transaction() as session:
        Worker.stop(session, [former])
    assert not here.beat()
    here.join()
    assert here.beat()
    assert alive(database) == {here.id}
    joined(database, tmp_path / "here", "here:2").strike_off()
    assert not (tmp_path / "here" / str(former)).exists()
    assert here.id in alive(database)
