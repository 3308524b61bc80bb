"""Finding a record that the person may see. What they may not see is not there."""

from __future__ import annotations

from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from webapp.current import services
from webapp.records.document import Document
from webapp.records.job import Job

# What databases take for a number.
LARGEST_ID = 2**63 - 1


def job(job_id: int) -> Job:
    """Raises NotFound."""
    with services().database.reading() as session:
        found = Job.find(session, job_id)
    if found is None or not found.visible_to(current_user.id, is_admin=current_user.is_admin):
        raise NotFound("There is no such job.")
    return found


def document(session: Session, document_id: str) -> Document:
    """Raises NotFound."""
    found = session.get(Document, document_id)
    if found is None or not found.visible_to(current_user.id, is_admin=current_user.is_admin):
        raise NotFound("There is no such document.")
    return found
