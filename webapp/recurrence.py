"""When something comes again and again: a cron expression on the clocks of a time zone.

Where clocks are put forward or back, times of day behave as in Debian's cron: what falls into an hour
that is skipped comes right after it, and what falls into an hour that comes twice comes once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from cronsim import CronSim, CronSimError

from webapp.errors import JobError
from webapp.moments import zone_named

FIELDS = 5
LONGEST = 100
ANY_DAY = datetime(2000, 1, 1)


@dataclass(frozen=True)
class Recurrence:
    """`Recurrence("0 6 * * 1-5", "Europe/Berlin")`."""

    cron: str
    zone: str

    @classmethod
    def of(cls, cron: str, zone: str) -> Recurrence:
        """As somebody typed it. Raises JobError with words for them."""
        found = cls(" ".join(cron.split()), zone)
        zone_named(zone)
        if len(found.cron) > LONGEST or len(found.cron.split(" ")) != FIELDS:
            raise JobError("A cron expression has five fields: minute, hour, day of the month, month, day of the week.")
        try:
            CronSim(found.cron, ANY_DAY)
        except CronSimError as error:
            raise JobError(f"That is no cron expression: {str(error).lower().replace('bad', 'look at the')}.") from None
        if not found.coming(datetime.now(UTC), 1):
            raise JobError("By this expression it would never run: there is no such day in the next 50 years.")
        return found

    def words(self) -> str:
        """`At 06:00 on Monday through Friday`."""
        return CronSim(self.cron, ANY_DAY).explain()

    def after(self, moment: datetime) -> datetime | None:
        """The next time, in UTC; None if there is none to come."""
        return next(self._after(moment), None)

    def coming(self, moment: datetime, count: int) -> list[datetime]:
        """The next times, by the clocks of the zone."""
        zone = zone_named(self.zone)
        return [at.astimezone(zone) for at in islice(self._after(moment), count)]

    def _after(self, moment: datetime) -> Iterator[datetime]:
        last = moment.astimezone(UTC)
        for at in CronSim(self.cron, moment.astimezone(zone_named(self.zone))):
            # In an hour that comes twice the library begins anew with the first.
            if (at := at.astimezone(UTC)) > last:
                yield at
                last = at
