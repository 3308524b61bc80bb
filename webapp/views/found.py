"""Finding a record that the person may see. What they may not see is not there."""

from __future__ import annotations

from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from webapp.current import services
from webapp.records.document import Document
from webapp.records.glimpse import Glimpse, glimpse
from webapp.records.job import Job
from webapp.records.schedule import Schedule

# What databases take for a number.
LARGEST_ID = 2**63 - 1


def number(text: str | None) -> int | None:
    """A number that a record may have; None for anything else."""
    if text and text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST_ID:
        return int(text)
    return None


def job(job_id: int) -> Job:
    """Raises NotFound."""
    with services().database.reading() as session:
        found = Job.find(session, job_id)
    if found is None or not found.visible_to(current_user.id, is_admin=current_user.is_admin):
        raise NotFound("There is no such job.")
    return found


def watched(job_id: int) -> Glimpse:
    """A job to watch. Raises NotFound."""
    seen = glimpse(services().database, job_id)
    if seen is None or not seen.visible_to(current_user.id, is_admin=current_user.is_admin):
        raise NotFound("There is no such job.")
    return seen


def schedule(schedule_id: int) -> Schedule:
    """Raises NotFound."""
    with services().database.reading() as session:
        found = session.get(Schedule, schedule_id)
    if found is None or not found.visible_to(current_user.id, is_admin=current_user.is_admin):
        raise NotFound("There is no such schedule.")
    return found


def document(session: Session, document_id: str) -> Document:
    """Raises NotFound."""
    found = session.get(Document, document_id)
    if found is None or not found.visible_to(current_user.id, is_admin=current_user.is_admin):
        raise NotFound("There is no such document.")
    return found
