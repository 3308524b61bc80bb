"""Why nothing moves, or soon won't, in words for an admin, each with the next step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from webapp.records.database import now
from webapp.records.traffic import Traffic
from webapp.settings import Settings, variable

# Seconds after which a job that could run should have begun.
PATIENCE = 15
LITTLE_ROOM = 1_000_000_000


@dataclass(frozen=True)
class Advice:
    """`urgent`: something is wrong, and does not only take its time."""

    problem: str
    step: str
    urgent: bool = True


@dataclass(frozen=True)
class Facts:
    """`busy` and `idle` are workers that are alive; `held` says of what may not begin why."""

    traffic: Traffic
    busy: int
    idle: int
    held: Mapping[str, str]
    redis_answers: bool
    free_bytes: int


def advise(facts: Facts, settings: Settings) -> list[Advice]:
    """Nothing, if all is well."""
    return [
        *_about_redis(facts, settings),
        *_about_workers(facts, settings),
        *_about_rules(facts),
        *_about_waiting(facts),
        *_about_room(facts),
    ]


def _about_redis(facts: Facts, settings: Settings) -> Iterator[Advice]:
    if not facts.redis_answers:
        ours = "bin/run starts its Redis again within seconds. If this stays, look at what bin/run has printed."
        theirs = f"Look after the server that {variable('redis_url')} names. Everything goes on once it answers."
        yield Advice(
            "Redis can’t be reached. Jobs are accepted and kept, but none begins, and no progress is known.",
            ours if settings.embedded_redis else theirs,
        )


def _about_workers(facts: Facts, settings: Settings) -> Iterator[Advice]:
    if facts.busy + facts.idle == 0:
        waiting = f", and {_jobs(facts.traffic.waiting)} for one" if facts.traffic.waiting else ""
        yield Advice(
            f"No worker is running{waiting}.",
            f"bin/run keeps {settings.workers} of them up ({variable('workers')}): see that it runs and what it "
            "has printed. “bin/headway worker” starts one more.",
        )


def _about_rules(facts: Facts) -> Iterator[Advice]:
    for what, why in facts.held.items():
        paused = why.startswith("Paused")
        step = "An admin can resume it." if paused else "The next one begins when one of them ends."
        yield Advice(f"{what}: {why}", step, urgent=False)


def _about_waiting(facts: Facts) -> Iterator[Advice]:
    traffic = facts.traffic
    waited = (now() - traffic.waiting_since).total_seconds() if traffic.waiting_since else 0.0
    if facts.idle and waited > PATIENCE and not facts.held and facts.redis_answers:
        yield Advice(
            f"{_jobs(traffic.waiting).capitalize()} although a worker is idle.",
            "Waiting jobs are put on the queue again every second. If this stays, see what the workers log, and "
            "start bin/run anew: nothing is lost by that.",
        )
    elif traffic.waiting and facts.busy and not facts.idle:
        busy = "The worker is busy" if facts.busy == 1 else f"All {facts.busy} workers are busy"
        yield Advice(
            f"{busy}, and {_jobs(traffic.waiting)} in line.",
            f"They begin as workers get free. {variable('workers')} says how many run at the same time.",
            urgent=False,
        )
    if traffic.resting:
        yield Advice(
            f"{_jobs(traffic.resting).capitalize()} for a time to come: that of another try, or the one they are for.",
            "Their pages say when and why. “Try again” or “Start now” there begins at once.",
            urgent=False,
        )


def _about_room(facts: Facts) -> Iterator[Advice]:
    if facts.free_bytes < LITTLE_ROOM:
        yield Advice(
            f"Only {facts.free_bytes // 1_000_000} MB are free on the disk of the data folder.",
            f"Make room, or keep less: {variable('keep_days')} and {variable('keep_bytes')} say what is kept.",
        )


def _jobs(count: int) -> str:
    return "one job waits" if count == 1 else f"{count} jobs wait"
