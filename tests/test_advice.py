"""Why nothing moves: each state of things and the words for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from webapp.advice import PATIENCE, Facts, advise
from webapp.records.database import now
from webapp.records.traffic import Traffic
from webapp.settings import Settings

WELL = Facts(traffic=Traffic(), busy=0, idle=2, held={}, redis_answers=True, free_bytes=10**12)
OURS, THEIRS = Settings(), Settings(redis_url="redis://elsewhere")
LONG_AGO = now() - timedelta(seconds=PATIENCE + 1)
WAITING = Traffic(waiting=3, waiting_since=LONG_AGO)


def words(facts: Facts, settings: Settings = OURS) -> str:
    return " ".join(f"{advice.problem} {advice.step}" for advice in advise(facts, settings))


def test_nothing_is_said_while_all_is_well() -> None:
    assert advise(WELL, OURS) == []
    just_come = Traffic(waiting=1, waiting_since=now())
    assert advise(replace(WELL, traffic=just_come), OURS) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"idle": 0}, "No worker is running."),
        ({"idle": 0, "traffic": WAITING}, "No worker is running, and 3 jobs wait for one. bin/run keeps"),
        ({"idle": 0, "busy": 1, "traffic": WAITING}, "The worker is busy, and 3 jobs wait in line."),
        ({"idle": 0, "busy": 2, "traffic": WAITING}, "All 2 workers are busy, and 3 jobs wait in line."),
        ({"traffic": WAITING}, "3 jobs wait although a worker is idle."),
        ({"traffic": Traffic(resting=1)}, "One job waits for a time to come"),
        ({"held": {"“Checksum”": "Paused by ada."}}, "“Checksum”: Paused by ada. An admin can resume it."),
        ({"free_bytes": 5_000_000}, "Only 5 MB are free"),
        ({"redis_answers": False}, "bin/run starts its Redis again"),
    ],
)
def test_each_obstacle_has_its_words_and_the_next_step(changes: dict[str, object], said: str) -> None:
    assert said in words(replace(WELL, **changes))


def test_a_pause_explains_why_an_idle_worker_leaves_jobs_waiting() -> None:
    assert "although" not in words(replace(WELL, traffic=WAITING, held={"All": "Paused by ada."}))


def test_a_redis_of_ones_own_is_the_admins_to_mend() -> None:
    assert "HEADWAY_REDIS_URL" in words(replace(WELL, redis_answers=False), THEIRS)
