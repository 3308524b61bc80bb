"""Estimates: no figure without ground, and ranges that hold as often as they say."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.conftest import Cast
from webapp.progress import Progress
from webapp.records.database import Database, now
from webapp.records.estimate import (
    FRESH,
    GROUND,
    Estimate,
    Experience,
    Experiences,
    accounts,
    range_around,
)
from webapp.records.job import Job
from webapp.records.stored_file import StoredFile


def completed(database: Database, owner_id: int, *, size: int, seconds: float, said: float | None = None) -> None:
    """A job that took so long; half-way through it was said to take `said` more."""
    file = StoredFile(key="ab/1", name="data.bin", size=size, sha256="ab" * 32, media_type="text/plain")
    with database.transaction() as session:
        job = Job.accept(session, kind="checksum", owner_id=owner_id, params={}, file=file)
        job.state, job.attempt = "completed", 1
        job.finished_at = now()
        job.started_at = job.finished_at - timedelta(seconds=seconds)
        if said is not None:
            Estimate.note(session, job.id, 1, "checksum", 2, said)
            session.flush()
            session.query(Estimate).filter_by(job_id=job.id).update(
                {"at": job.finished_at - timedelta(seconds=seconds / 2)}
            )


def half_done(elapsed: float) -> Progress:
    return Progress(attempt=1, started_at=1000, updated_at=1000 + elapsed, fraction=0.5)


def test_nothing_is_said_without_ground(database: Database, cast: Cast) -> None:
    for _ in range(GROUND - 1):
        completed(database, cast.ben.id, size=1000, seconds=10, said=5)
    with database.reading() as session:
        experience = Experience.of(session, "checksum")
        assert experience.duration(1000) is None
        assert experience.usual(1000) is None
        assert experience.left(1000, half_done(elapsed=10)) is None
        assert Experiences().seconds_to_start(session, place=3, workers=2) is None


def test_a_range_says_what_such_estimates_were_worth(database: Database, cast: Cast) -> None:
    for number in range(40):
        # Five more seconds were said; it took from five to ten.
        completed(database, cast.ben.id, size=1000, seconds=10 + number / 4, said=5)
    with database.reading() as session:
        experience = Experience.of(session, "checksum")
    assert len(experience.ratios[2]) == 40
    said = experience.left(1000, half_done(elapsed=20))
    assert said
    assert 20 <= said.low < 24
    assert 36 < said.high <= 40


def test_larger_files_are_expected_to_take_longer(database: Database, cast: Cast) -> None:
    for number in range(1, 21):
        completed(database, cast.ben.id, size=number * 1000, seconds=number)
    with database.reading() as session:
        experience = Experience.of(session, "checksum")
        assert Experience.of(session, "ingest_document").duration(5_000) is None
    assert experience.duration(5_000) == pytest.approx(5, rel=0.05)
    assert experience.duration(20_000) == pytest.approx(20, rel=0.05)
    # Beyond what was ever seen the line is not drawn on.
    assert experience.duration(10**9) == pytest.approx(20, rel=0.05)
    usual = experience.usual(10_000)
    assert usual
    assert (usual.low, usual.high) == pytest.approx((10, 10), rel=0.05)


def test_the_start_is_expected_by_the_line_and_the_workers(database: Database, cast: Cast) -> None:
    for _ in range(GROUND):
        completed(database, cast.ben.id, size=1000, seconds=10)
    with database.reading() as session:
        assert Experiences().seconds_to_start(session, place=4, workers=2) == pytest.approx(20)
        assert Experiences().seconds_to_start(session, place=4, workers=0) is None


def test_experience_is_read_anew_only_every_few_seconds(database: Database, cast: Cast) -> None:
    now = 100.0
    experiences = Experiences(clock=lambda: now)
    with database.reading() as session:
        assert experiences.of(session, "checksum").past == []
    completed(database, cast.ben.id, size=1000, seconds=10)
    with database.reading() as session:
        assert experiences.of(session, "checksum").past == []
        now += FRESH + 1
        assert len(experiences.of(session, "checksum").past) == 1


@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0])
def test_four_of_five_truths_fall_into_the_range(spread: float) -> None:
    chance = random.Random(7)
    truths = [chance.lognormvariate(0, spread) for _ in range(600)]
    inside = said = 0
    for number, truth in enumerate(truths):
        if found := range_around(1.0, truths[max(number - 100, 0) : number]):
            said += 1
            inside += found.low <= truth <= found.high
    assert 0.7 <= inside / said <= 0.9


def test_the_accounts_tell_how_often_ranges_held(database: Database, cast: Cast) -> None:
    for _ in range(GROUND + 4):
        completed(database, cast.ben.id, size=1000, seconds=10, said=5)
    completed(database, cast.ben.id, size=1000, seconds=100, said=5)
    with database.reading() as session:
        held = accounts(session)
    assert [(row.kind, row.quarter, row.said) for row in held] == [("checksum", 2, 5)]
    assert held[0].inside < held[0].said


def test_the_last_moments_of_a_job_are_held_to_the_same_measure(database: Database, cast: Cast) -> None:
    for number in range(30):
        # What is left for a tenth of a second cannot be said so finely: half a second is said.
        completed(database, cast.ben.id, size=1000, seconds=0.2 + number * 7 % 30 / 1000, said=0.1)
    with database.reading() as session:
        (held,) = accounts(session)
    assert held.inside >= held.said * 0.6
