"""Stream tickets: what a browser's EventSource, which can't send headers, may put into a URL."""

from __future__ import annotations

from flask import Blueprint
from flask_login import current_user
from pydantic import BaseModel, Field

from webapp.api import asking
from webapp.api.call import Call
from webapp.api.jobs import GROUP
from webapp.login import TICKET_SECONDS, new_ticket

bp = Blueprint("tickets", __name__)


class Ticket(BaseModel):
    ticket: str
    expires_in: int = Field(description="Seconds.")


@bp.post("/api/v1/jobs/<job_id>/tickets")
@Call(summary="Make a stream ticket", group=GROUP, answers=Ticket, status=201, refuses=(404,))
def create(job_id: str) -> Ticket:
    """What may stand in an address as `?token=…`, and opens the streams of this job."""
    job = asking.job(asking.identity(), job_id)
    return Ticket(ticket=new_ticket(current_user.id, job.id), expires_in=TICKET_SECONDS)
