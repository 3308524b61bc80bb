"""Moments as people and programs give them, well or badly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp.errors import JobError
from webapp.moments import FARTHEST, on_the_clock, start_at, with_offset, zone_named
from webapp.records.database import now

BERLIN = zone_named("Europe/Berlin")


def test_a_program_says_the_zone_with_the_time() -> None:
    assert with_offset("2026-11-24T14:00:00+01:00") == datetime(2026, 11, 24, 13, tzinfo=UTC)
    assert with_offset(" 2026-11-24T14:00Z ") == datetime(2026, 11, 24, 14, tzinfo=UTC)
    with pytest.raises(JobError, match="has no time zone"):
        with_offset("2026-11-24T14:00")


@pytest.mark.parametrize("text", ["", "tomorrow", "\0", "2026-13-01T00:00Z", "1e9", "9" * 5000, "٢٠٢٦-11-24T14:00Z"])
def test_what_is_no_time_is_refused_in_words(text: str) -> None:
    with pytest.raises(JobError, match="no time"):
        with_offset(text)
    with pytest.raises(JobError, match="Say when"):
        on_the_clock(text, BERLIN)


def test_a_form_s_time_is_that_of_the_clocks_in_its_zone() -> None:
    assert on_the_clock("2026-07-01T14:00", BERLIN) == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert on_the_clock("2026-12-01T14:00", BERLIN) == datetime(2026, 12, 1, 13, tzinfo=UTC)


def test_a_time_that_clocks_skip_is_the_same_moment_an_hour_later() -> None:
    skipped = on_the_clock("2026-03-29T02:30", BERLIN)
    assert skipped.astimezone(UTC) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "Nowhere", "../../etc/passwd", "/etc/passwd", "europe/berlin", "America", "\0"])
def test_an_unknown_zone_is_refused_in_words(name: str) -> None:
    with pytest.raises(JobError, match="There is no time zone"):
        zone_named(name)


def test_a_job_starts_neither_in_the_past_nor_beyond_a_year() -> None:
    later = now() + timedelta(hours=1)
    assert start_at(later) == later
    assert start_at(now() - timedelta(seconds=59)) is None
    with pytest.raises(JobError, match="in the past"):
        start_at(now() - timedelta(minutes=5))
    with pytest.raises(JobError, match="more than a year ahead"):
        start_at(now() + FARTHEST + timedelta(minutes=1))
    for extreme in (datetime.min, datetime.max):
        with pytest.raises(JobError):
            start_at(extreme.replace(tzinfo=BERLIN))
