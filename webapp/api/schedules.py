"""Schedules: made, listed, read, changed and deleted."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Annotated, Any

from flask import Blueprint, Response, request, url_for
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from webapp import scheduling
from webapp.acceptance import Upload, checked_priority, offered
from webapp.api import asking
from webapp.api.call import FORMS, JSON, Call, json_of
from webapp.api.jobs import MOST_LISTED, as_object
from webapp.api.schedule import ScheduleFull, found, full, present
from webapp.current import services
from webapp.file_names import tidy
from webapp.kinds import OFFERED
from webapp.login import Identity
from webapp.records.job import PRIORITIES
from webapp.records.schedule import NAME_LENGTH, Plan, Schedule
from webapp.recurrence import Recurrence
from webapp.uploads import incoming_of, takes_uploads

GROUP = "Schedules"
CRON = "Five fields: minute, hour, day of the month, month, day of the week."

log = logging.getLogger(__name__)

bp = Blueprint("api_schedules", __name__)


class NewSchedule(BaseModel):
    """Beside it, as `file`, the file for a kind that takes one; or `job_id`, for what that job was given."""

    name: str = Field("", max_length=NAME_LENGTH, description="Without one, that of the file.")
    cron: str = Field(description=CRON)
    zone: str = Field("UTC", description="By the clocks of this zone, such as Europe/Berlin.")
    priority: str = Field("", description="`high` is for admins.", json_schema_extra={"enum": [*PRIORITIES]})
    overlaps: bool = Field(False, description="Make a job though the last one has not ended.")
    kind: str = Field("", json_schema_extra={"enum": [*OFFERED]})
    params: Annotated[dict[str, Any], BeforeValidator(as_object)] = Field({}, description="What the kind may be asked.")
    job_id: str | None = Field(None, description="In place of kind, params and file.")


class Changes(BaseModel):
    """What is not given stays."""

    name: str | None = Field(None, min_length=1, max_length=NAME_LENGTH)
    cron: str | None = Field(None, description=CRON)
    zone: str | None = None
    priority: str | None = Field(None, json_schema_extra={"enum": [*PRIORITIES]})
    overlaps: bool | None = None


class SchedulesQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=MOST_LISTED)
    cursor: int | None = Field(None, ge=1, lt=2**63, description="`next` of the page before.")


class SchedulePage(BaseModel):
    """Newest first."""

    schedules: list[ScheduleFull]
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")


@bp.post("/api/v1/schedules")
@takes_uploads
@Call(
    summary="Make a schedule",
    group=GROUP,
    body=NewSchedule,
    takes=(*FORMS, JSON),
    file=True,
    answers=ScheduleFull,
    status=201,
    refuses=(404, 413),
)
def create(body: NewSchedule) -> Response:
    """Its jobs belong to whoever makes it."""
    schedule = _created(asking.identity(), body)
    response = json_of(present(schedule.id), 201)
    response.headers["Location"] = url_for("api.api_schedules.show", schedule_id=schedule.id)
    return response


@bp.get("/api/v1/schedules")
@Call(summary="List schedules", group=GROUP, query=SchedulesQuery, answers=SchedulePage)
def index(query: SchedulesQuery) -> SchedulePage:
    """Everybody’s for an admin, one’s own for a member."""
    user = asking.identity()
    owner_id = None if user.is_admin else user.id
    with services().database.reading() as session:
        schedules = Schedule.newest(session, owner_id=owner_id, before=query.cursor, limit=query.limit + 1)
        page = [full(session, schedule) for schedule in schedules[: query.limit]]
    return SchedulePage(schedules=page, next=page[-1].id if len(schedules) > query.limit else None)


@bp.get("/api/v1/schedules/<schedule_id>")
@Call(summary="Read a schedule", group=GROUP, answers=ScheduleFull, refuses=(404,))
def show(schedule_id: str) -> ScheduleFull:
    return present(found(asking.identity(), schedule_id).id)


@bp.patch("/api/v1/schedules/<schedule_id>")
@Call(summary="Change a schedule", group=GROUP, body=Changes, answers=ScheduleFull, refuses=(404,))
def update(schedule_id: str, body: Changes) -> ScheduleFull:
    """When and how it runs, from now on. What it does stays."""
    schedule = found(asking.identity(), schedule_id)
    plan = _changed(schedule, body)
    with services().database.transaction() as session:
        schedule.change(session, plan)
    return present(schedule.id)


@bp.delete("/api/v1/schedules/<schedule_id>")
@Call(summary="Delete a schedule", group=GROUP, status=204, refuses=(404,))
def destroy(schedule_id: str) -> Response:
    """Its jobs stay."""
    user = asking.identity()
    schedule = found(user, schedule_id)
    scheduling.delete(services(), schedule)
    log.info("schedule=%s deleted by user=%s", schedule.id, user.id)
    return Response(status=204)


def _created(user: Identity, body: NewSchedule) -> Schedule:
    recurrence, priority = Recurrence.of(body.cron, body.zone), checked_priority(body.priority, user.user)
    plan = Plan(tidy(body.name), recurrence, priority, body.overlaps)
    if body.job_id is not None:
        return scheduling.repeat(services(), plan, asking.job(user, body.job_id), owner=user.user)
    file = request.files.get("file")
    upload = Upload(incoming_of(file), file.filename) if file and file.filename else None
    return scheduling.create(services(), plan, offered(body.kind), owner=user.user, params=body.params, upload=upload)


def _changed(schedule: Schedule, body: Changes) -> Plan:
    plan = schedule.plan
    if body.cron is not None or body.zone is not None:
        cron, zone = body.cron or schedule.cron, body.zone or schedule.zone
        plan = replace(plan, recurrence=Recurrence.of(cron, zone))
    if body.priority is not None:
        plan = replace(plan, priority=checked_priority(body.priority, schedule.owner))
    if body.name is not None:
        plan = replace(plan, name=tidy(body.name))
    return plan if body.overlaps is None else replace(plan, overlaps=body.overlaps)
