"""Lengths of time as people write them in settings, and as they read them."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
WRITTEN = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")


def parse(text: str) -> timedelta:
    """`2h`, `1h30m`, `90s` and `0`. Raises ValueError."""
    found = WRITTEN.fullmatch("0s" if text == "0" else text)
    if not text or found is None:
        raise ValueError(f"“{text[:50]}” is no length of time: write one like 2h, 1h30m or 90s")
    numbers = zip(found.groups(), SECONDS.values(), strict=True)
    return timedelta(seconds=sum(int(number or 0) * seconds for number, seconds in numbers))


def short(length: timedelta) -> str:
    """`1h30m`: what `parse` takes."""
    return "".join(f"{number}{unit}" for number, unit in _parts(length)) or "0"


def in_words(length: timedelta) -> str:
    """`1 hour 30 minutes`"""
    return " ".join(f"{number} {UNITS[unit]}{'s' * (number != 1)}" for number, unit in _parts(length)) or "0 seconds"


def _parts(length: timedelta) -> list[tuple[int, str]]:
    """Hours up to two days are told as hours."""
    left, parts = round(length.total_seconds()), []
    units = [unit for unit in UNITS if unit != "d" or left >= 2 * SECONDS["d"]]
    for unit in units:
        number, left = divmod(left, SECONDS[unit])
        if number:
            parts.append((number, unit))
    return parts
