"""When a schedule comes: cron expressions, by the clocks of a zone that are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.errors import JobError
from webapp.recurrence import Recurrence

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def coming(cron: str, zone: str, after: str, count: int = 3) -> list[str]:
    """The next times as the zone's clocks show them."""
    return [f"{at:%m-%d %H:%M %Z}" for at in Recurrence.of(cron, zone).coming(utc(after), count)]


def test_a_time_of_day_is_that_of_the_zone_all_year() -> None:
    weekdays = Recurrence.of(" 0  6 * * 1-5 ", BERLIN)
    assert weekdays.cron == "0 6 * * 1-5"
    assert weekdays.after(utc("2026-01-09 05:00")) == utc("2026-01-12 05:00")
    assert weekdays.after(utc("2026-07-10 03:59")) == utc("2026-07-10 04:00")
    assert weekdays.after(utc("2026-07-10 04:00")) == utc("2026-07-13 04:00")


def test_it_is_told_in_words() -> None:
    assert Recurrence.of("0 6 * * 1-5", BERLIN).words() == "At 06:00 on Monday through Friday"


def test_a_time_that_clocks_skip_comes_right_after_and_once() -> None:
    assert coming("30 2 * * *", BERLIN, "2026-03-28 00:00") == [
        "03-28 02:30 CET",
        "03-29 03:00 CEST",
        "03-30 02:30 CEST",
    ]
    assert coming("15,45 2 * * *", BERLIN, "2026-03-29 00:00", 2) == ["03-29 03:00 CEST", "03-30 02:15 CEST"]
    assert coming("0 * * * *", BERLIN, "2026-03-28 23:30") == [
        "03-29 01:00 CET",
        "03-29 03:00 CEST",
        "03-29 04:00 CEST",
    ]


def test_a_time_that_comes_twice_counts_once() -> None:
    assert coming("30 2 * * *", BERLIN, "2026-10-24 23:00", 2) == ["10-25 02:30 CEST", "10-26 02:30 CET"]
    assert Recurrence.of("30 1 * * *", NEW_YORK).after(utc("2026-11-01 05:30")) == utc("2026-11-02 06:30")
    # Asked in the second of the two hours, before and after its own half hour.
    for minute in ("10", "30", "50"):
        assert coming("30 2 * * *", BERLIN, f"2026-10-25 01:{minute}", 1) == ["10-26 02:30 CET"]


def test_what_comes_every_so_often_goes_on_through_both_hours() -> None:
    quarters = Recurrence.of("*/15 * * * *", BERLIN).coming(utc("2026-10-24 23:50"), 20)
    assert {later - earlier for earlier, later in pairwise(at.astimezone(UTC) for at in quarters)} == {
        timedelta(minutes=15)
    }


@pytest.mark.parametrize(
    "cron",
    [
        *("", "* * * *", "* * * * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 32 * *", "* * * 13 *", "* * * * 9"),
        *("*/0 * * * *", "5-1 * * * *", "a b c d e", "\0 * * * *", "1,,2 * * * *", "* * * * 1L/2", "* * * * ²L"),
        *("0 0 31 2 *", "0 0 30 FEB *", "* * */20 * 1L", "* " * 500, "1" * 5000 + " * * * *", "1," * 60 + "1 * * * *"),
    ],
)
def test_what_is_no_expression_or_never_comes_is_refused_in_words(cron: str) -> None:
    with pytest.raises(JobError, match=r"five fields|no cron expression|never run"):
        Recurrence.of(cron, "UTC")


@given(
    st.text("0123456789*/,-#LW MONJA", min_size=1, max_size=30)
    | st.lists(st.text("0159*/,-#LW", min_size=1, max_size=6), min_size=5, max_size=5).map(" ".join),
    st.sampled_from(["UTC", BERLIN, NEW_YORK, "Australia/Lord_Howe"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
)
def test_any_text_is_refused_or_comes_ever_later_on_whole_minutes(cron: str, zone: str, after: datetime) -> None:
    try:
        recurrence = Recurrence.of(cron, zone)
    except JobError:
        return
    times = [at.astimezone(UTC) for at in recurrence.coming(after, 4)]
    assert all(earlier < later for earlier, later in pairwise([after, *times]))
    assert all((at.second, at.microsecond) == (0, 0) for at in times)
    assert recurrence.words()
    if times:
        assert recurrence.after(after) == times[0]
        assert recurrence.after(times[0] - timedelta(seconds=1)) == times[0]
