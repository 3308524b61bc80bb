"""Lengths of time, as they are written and read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from webapp.durations import in_words, parse, short


@pytest.mark.parametrize(
    ("text", "seconds", "words"),
    [
        ("0", 0, "0 seconds"),
        ("90s", 90, "1 minute 30 seconds"),
        ("1m", 60, "1 minute"),
        ("2h", 7200, "2 hours"),
        ("1h30m", 5400, "1 hour 30 minutes"),
        ("24h", 86_400, "24 hours"),
        ("3d1s", 259_201, "3 days 1 second"),
    ],
)
def test_a_length_is_read_and_told(text: str, seconds: int, words: str) -> None:
    length = parse(text)
    assert length == timedelta(seconds=seconds)
    assert in_words(length) == words
    assert parse(short(length)) == length


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "1.5h", "2 h", "30m1h", "two hours", "9" * 20 + "h", "٣h h"])
def test_what_is_no_length_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="write one like 2h, 1h30m or 90s"):
        parse(text)
