"""Pausing a schedule, and having it go on."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, url_for
from flask_login import current_user

from webapp.current import services
from webapp.views import found

bp = Blueprint("schedule_pause", __name__)


@bp.post("/schedules/<int:schedule_id>/pause")
def create(schedule_id: int) -> Response:
    schedule = found.schedule(schedule_id)
    with services().database.transaction() as session:
        schedule.pause(session, by=current_user.email)
    flash(f"“{schedule.name}” is paused: it makes no jobs until it is resumed.")
    return redirect(url_for("schedules.index"), 303)  # type: ignore[return-value]


@bp.post("/schedules/<int:schedule_id>/resumption")
def destroy(schedule_id: int) -> Response:
    schedule = found.schedule(schedule_id)
    with services().database.transaction() as session:
        schedule.resume(session)
    flash(f"“{schedule.name}” goes on.")
    return redirect(url_for("schedules.index"), 303)  # type: ignore[return-value]
