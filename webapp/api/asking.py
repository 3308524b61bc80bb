"""Who may ask for what: one answer for all contracts, so that each refuses alike."""

from __future__ import annotations

from collections.abc import Callable

from flask import request
from flask_login import current_user
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized

from webapp.current import services
from webapp.login import Identity, by_ticket
from webapp.records.glimpse import Glimpse, glimpse
from webapp.records.job import Job
from webapp.stream.load import load_job
from webapp.stream.state import JobState


def identity(ticket_for: int | Callable[[Identity], int] | None = None) -> Identity:
    """The person behind the login, the token, or a stream ticket for one job. Raises Unauthorized."""
    ticket = request.args.get("token")
    if ticket is not None:
        # A long-lived token in a URL is no ticket either, and is refused like any other wrong one.
        return by_ticket(ticket, ticket_for)
    if not current_user.is_authenticated:
        raise Unauthorized("Send a login cookie, or a token as “Authorization: Bearer …”.")
    return current_user._get_current_object()


def admin(ticket_for: int | None = None) -> Identity:
    """Raises Unauthorized or Forbidden."""
    asking = identity(ticket_for)
    if not asking.is_admin:
        raise Forbidden("This is for admins.")
    return asking


def job(asking: Identity, job_id: str) -> Job:
    """A job that the person may know of. Raises NotFound."""
    with services().database.reading() as session:
        job = Job.find(session, number(job_id))
    if job is None or not job.visible_to(asking.id, is_admin=asking.is_admin):
        raise NotFound("There is no such job.")
    return job


def watched(asking: Identity, job_id: str) -> Glimpse:
    """Of a job that the person may watch, what a stream needs. Raises NotFound."""
    seen = seen_by(asking, job_id)
    if seen is None:
        raise NotFound("There is no such job.")
    return seen


def seen_by(asking: Identity, job_id: str) -> Glimpse | None:
    """The same; None if there is no such job."""
    seen = glimpse(services().database, number(job_id))
    return seen if seen and seen.visible_to(asking.id, is_admin=asking.is_admin) else None


def state(asking: Identity, job_id: str) -> JobState:
    """The same job with what is true of it now. Raises NotFound."""
    state = load_job(services(), job(asking, job_id).id)
    if state is None:
        raise NotFound("There is no such job.")
    return state


def number(job_id: str) -> int:
    """A job's number, or one that no job has: clients may send anything."""
    return int(job_id) if job_id.isascii() and job_id.isdecimal() and len(job_id) < 19 else 0
