"""Moments as people and programs give them: checked, and told back in words if they can't be meant."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from webapp.errors import JobError
from webapp.records.database import now

# Clocks differ, and a form knows minutes only: so much in the past still means now.
JUST_NOW = timedelta(minutes=2)
FARTHEST = timedelta(days=366)


def with_offset(text: str) -> datetime:
    """`2026-11-24T14:00:00+01:00`, as programs say it. Raises JobError."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise JobError(f"“{text[:100]}” is no time. Send one like 2026-11-24T14:00:00+01:00.") from None
    if moment.tzinfo is None:
        raise JobError(f"“{text[:100]}” has no time zone. Add one, such as Z or +01:00.")
    return moment


def on_the_clock(text: str, zone: ZoneInfo) -> datetime:
    """`2026-11-24T14:00`, as forms say it, on the clocks of a zone. Raises JobError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise JobError("Say when it is to start: a day and a time.") from None
    return moment.replace(tzinfo=zone)


def zone_named(name: str) -> ZoneInfo:
    """Raises JobError."""
    if name not in zones():
        raise JobError(f"There is no time zone “{name[:100]}”. Choose one such as Europe/Berlin, or UTC.")
    return ZoneInfo(name)


@cache
def zones() -> frozenset[str]:
    return frozenset(available_timezones())


def start_at(moment: datetime) -> datetime | None:
    """When to start a job that is wanted at a moment; None for at once. Raises JobError."""
    ahead = moment - now()
    if ahead < -JUST_NOW:
        raise JobError("The time to start is in the past. Choose one that is still to come.")
    if ahead > FARTHEST:
        raise JobError("The time to start is more than a year ahead. Choose an earlier one.")
    return moment if ahead > timedelta(0) else None
