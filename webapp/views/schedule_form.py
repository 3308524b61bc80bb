"""The fields that say when and how a schedule runs, as they are shown, sent and looked at beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import request

from webapp import moments
from webapp.acceptance import checked_priority
from webapp.errors import JobError
from webapp.file_names import tidy
from webapp.records.database import now
from webapp.records.schedule import NAME_LENGTH, Plan, Schedule
from webapp.records.user import User
from webapp.recurrence import Recurrence

SHOWN = 5
EVERY_WORKDAY = "0 6 * * 1-5"


@dataclass(frozen=True)
class Preview:
    """What an expression means: in words, and the next times by the clocks of its zone and in UTC."""

    words: str = ""
    times: Sequence[tuple[datetime, datetime]] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Form:
    """What stands in the fields. `is_new` ones may be set to the browser's own zone."""

    name: str
    cron: str
    zone: str
    priority: str
    overlaps: bool
    is_new: bool = False

    @classmethod
    def new(cls) -> Form:
        return cls("", EVERY_WORKDAY, "UTC", "normal", False, is_new=True)

    @classmethod
    def of(cls, schedule: Schedule) -> Form:
        return cls(schedule.name, schedule.cron, schedule.zone, schedule.priority, schedule.overlaps)

    @classmethod
    def sent(cls) -> Form:
        name, cron, zone, priority = (request.form.get(field, "") for field in ("name", "cron", "zone", "priority"))
        return cls(name, cron, zone, priority, "overlaps" in request.form)

    @property
    def only_checked(self) -> bool:
        """Whether somebody without scripts wants to see what it would mean, and no more."""
        return "check" in request.form

    def plan(self, owner: User) -> Plan:
        """For a schedule of this owner's. Raises JobError."""
        name = tidy(self.name)[:NAME_LENGTH]
        return Plan(name, Recurrence.of(self.cron, self.zone), checked_priority(self.priority, owner), self.overlaps)

    def preview(self) -> Preview:
        try:
            recurrence = Recurrence.of(self.cron, self.zone)
        except JobError as error:
            return Preview(problem=str(error))
        return Preview(recurrence.words(), [(at, at.astimezone(UTC)) for at in recurrence.coming(now(), SHOWN)])


def zones(chosen: str) -> list[str]:
    """What to choose a zone from: UTC and the places, without the many other names for them."""
    places = {name for name in moments.zones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/"))}
    return ["UTC", *sorted(places | ({chosen} & moments.zones() - {"UTC"}))]
