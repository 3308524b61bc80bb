"""Stream tickets: what a browser's EventSource, which can't send headers, may put into a URL."""

from __future__ import annotations

from flask import Blueprint
from flask_login import current_user

from webapp.api import asking
from webapp.login import TICKET_SECONDS, new_ticket

bp = Blueprint("tickets", __name__)


@bp.post("/api/v1/jobs/<job_id>/tickets")
def create(job_id: str) -> tuple[dict[str, object], int]:
    job = asking.job(asking.identity(), job_id)
    return {"ticket": new_ticket(current_user.id, job.id), "expires_in": TICKET_SECONDS}, 201
