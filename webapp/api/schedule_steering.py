"""What people do to schedules: pause them, have them go on, and have a job made at once."""

from __future__ import annotations

from flask import Blueprint, Response
from werkzeug.exceptions import Conflict

from webapp import scheduling
from webapp.api import asking
from webapp.api.call import Call
from webapp.api.idempotency import TAKES_KEY, once
from webapp.api.jobs import Accepted, made
from webapp.api.schedule import ScheduleFull, found, present
from webapp.api.schedules import GROUP
from webapp.current import services

bp = Blueprint("schedule_steering", __name__)


@bp.post("/api/v1/schedules/<schedule_id>/pause")
@Call(summary="Pause a schedule", group=GROUP, answers=ScheduleFull, refuses=(404, 409))
def pause(schedule_id: str) -> ScheduleFull:
    user = asking.identity()
    schedule = found(user, schedule_id)
    with services().database.transaction() as session:
        if not schedule.pause(session, by=user.email):
            raise Conflict("The schedule is paused already.")
    return present(schedule.id)


@bp.post("/api/v1/schedules/<schedule_id>/resumption")
@Call(summary="Have a paused schedule go on", group=GROUP, answers=ScheduleFull, refuses=(404, 409))
def resume(schedule_id: str) -> ScheduleFull:
    """With the next run that is to come."""
    schedule = found(asking.identity(), schedule_id)
    with services().database.transaction() as session:
        if not schedule.resume(session):
            raise Conflict("The schedule is not paused.")
    return present(schedule.id)


@bp.post("/api/v1/schedules/<schedule_id>/runs")
@Call(
    summary="Have a schedule make a job now",
    group=GROUP,
    answers=Accepted,
    status=201,
    headers=TAKES_KEY,
    refuses=(404, 422),
)
def run(schedule_id: str) -> Response:
    """Beside those that are due."""
    user = asking.identity()
    schedule = found(user, schedule_id)
    under_key = once(user.id, "run", schedule.id)
    job_id, repeated = under_key.job_of(
        lambda: scheduling.run_now(services(), schedule, by=user.email, also=under_key.note)
    )
    return made(Accepted(job_id=str(job_id)), job_id, repeated=repeated)
