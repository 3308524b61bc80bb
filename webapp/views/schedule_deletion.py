"""Deleting a schedule. Its jobs stay."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, flash, redirect, url_for
from flask_login import current_user

from webapp import scheduling
from webapp.current import services
from webapp.views import found

log = logging.getLogger(__name__)

bp = Blueprint("schedule_deletion", __name__)


@bp.post("/schedules/<int:schedule_id>/deletion")
def create(schedule_id: int) -> Response:
    schedule = found.schedule(schedule_id)
    scheduling.delete(services(), schedule)
    log.info("schedule=%s deleted by user=%s", schedule_id, current_user.id)
    flash(f"“{schedule.name}” is deleted. The jobs it made stay.")
    return redirect(url_for("schedules.index"), 303)  # type: ignore[return-value]
