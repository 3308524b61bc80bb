"""Retention: ended jobs go once they are too old, or once the files of all jobs take too much.

Those that ended first go first. What waits or runs is never touched, and documents stay.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from webapp import deletion
from webapp.files import FOLDERS
from webapp.live.client import PREFIX, translated
from webapp.records import ended
from webapp.records.database import now
from webapp.records.ended import Ended
from webapp.records.submission import Submission
from webapp.services import Services
from webapp.settings import Settings

BATCH = 100
# Between two batches, so that others get to write.
PAUSE = 0.05
# Younger files may belong to an upload that is being accepted.
STRAY_AFTER = timedelta(days=1)
# Seconds between two runs by whichever worker asks first, and between two times that it asks.
PERIOD, ASK = 600, 60

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Policy:
    """What is kept: jobs that ended since then, and so many bytes of files. None sets no bound."""

    since: datetime | None
    most_bytes: int | None

    @classmethod
    def of(cls, settings: Settings, *, older_than: int | None = None) -> Policy:
        """As set; `older_than` days in place of the days that are."""
        days = settings.keep_days or None if older_than is None else older_than
        return cls(None if days is None else now() - timedelta(days=days), settings.keep_bytes or None)

    def reaches(self, job: Ended, stored: int) -> bool:
        """Whether there is still something to delete once all that ended before this one is looked at."""
        too_old = self.since is not None and job.finished_at < self.since
        return too_old or (self.most_bytes is not None and stored > self.most_bytes)

    def spares(self, job: Ended) -> bool:
        """A job that is in reach may stay if it is only the bytes that are too many, and it has none."""
        return not job.files and (self.since is None or job.finished_at >= self.since)


@dataclass
class Stored:
    """The bytes of all files and the jobs that use each, as jobs are taken away in thought."""

    bytes: int
    uses: Counter[str] = field(default_factory=Counter)

    def without(self, job: Ended) -> dict[str, int]:
        """Take a job away; those of its files that no other job uses."""
        self.uses.subtract(job.files.keys())
        alone = {key: size for key, size in job.files.items() if self.uses[key] <= 0}
        self.bytes -= sum(alone.values())
        return alone


@dataclass
class Pruned:
    """What was deleted, or would be."""

    jobs: int = 0
    files: int = 0
    bytes: int = 0

    def add(self, job_ids: Sequence[int], files: dict[str, int]) -> None:
        self.jobs += len(job_ids)
        self.files += len(files)
        self.bytes += sum(files.values())


def prune_in_turn(services: Services) -> None:
    """Prune as set, if that is due: the workers take turns at it. Raises LiveUnavailable."""
    with translated():
        due = services.redis.set(PREFIX + "pruned", "1", nx=True, ex=PERIOD)
    if not due:
        return
    pruned = prune(services, Policy.of(services.settings))
    with services.database.transaction() as session:
        Submission.forget_old(session)
    # One folder a run: all of them would take longer the more is kept.
    strays = prune_strays(services, [random.choice(FOLDERS)])  # noqa: S311
    if pruned.jobs or strays.files:
        log.info("pruned jobs=%d files=%d strays=%d", pruned.jobs, pruned.files, strays.files)


def prune(services: Services, policy: Policy, *, dry_run: bool = False, at_most: int | None = None) -> Pruned:
    """Delete what the policy doesn't keep, batch by batch; stop early once `at_most` jobs or more are found."""
    pruned, last = Pruned(), None
    stored = Stored(_stored_bytes(services) if policy.most_bytes is not None else 0)
    while batch := _next(services, stored, last):
        ids, files = choose(batch, policy, stored)
        if not dry_run:
            removed = deletion.delete_jobs(services, ids)
            ids, files = removed.job_ids, removed.files
        pruned.add(ids, files)
        last = batch[-1]
        if not policy.reaches(last, stored.bytes) or (at_most is not None and pruned.jobs >= at_most):
            break
        if not dry_run:
            time.sleep(PAUSE)
    return pruned


def choose(jobs: Iterable[Ended], policy: Policy, stored: Stored) -> tuple[Sequence[int], dict[str, int]]:
    """Which of these jobs are to go, by id, and the files (key → size) that go with them."""
    doomed: list[int] = []
    files: dict[str, int] = {}
    for job in jobs:
        if not policy.reaches(job, stored.bytes):
            break
        if not policy.spares(job):
            doomed.append(job.id)
            files |= stored.without(job)
    return doomed, files


def prune_strays(services: Services, folders: Iterable[str] = FOLDERS, *, dry_run: bool = False) -> Pruned:
    """Delete files that no job names, left by processes that were killed between two steps."""
    pruned, before = Pruned(), now() - STRAY_AFTER
    for folder in folders:
        sizes = services.files.sizes(folder)
        with services.database.reading() as session:
            used = ended.uses(session, sizes)
        strays = {key: size for key, size in sizes.items() if not used[key] and _kept_before(services, key, before)}
        if not dry_run:
            deletion.delete_files(services, strays)
        pruned.add((), strays)
    return pruned


def _stored_bytes(services: Services) -> int:
    with services.database.reading() as session:
        return ended.stored(session).bytes


def _next(services: Services, stored: Stored, last: Ended | None) -> list[Ended]:
    with services.database.reading() as session:
        batch = ended.oldest(session, after=last, limit=BATCH)
        keys = {key for job in batch for key in job.files}
        stored.uses.update(ended.uses(session, keys - stored.uses.keys()))
    return batch


def _kept_before(services: Services, key: str, moment: datetime) -> bool:
    try:
        return services.files.kept_at(key) < moment
    except FileNotFoundError:
        return False
