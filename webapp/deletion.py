"""Deleting for good: ended jobs with their files, and documents with all that was read from them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from webapp.errors import JobError
from webapp.records import ended
from webapp.records.database import Change
from webapp.records.document import Document
from webapp.records.ended import Removed
from webapp.records.job import Job
from webapp.services import Services

log = logging.getLogger(__name__)


def delete_jobs(services: Services, job_ids: Sequence[int]) -> Removed:
    """Delete those that have ended, in one transaction, and then the files that nobody uses any more."""
    with services.database.transaction() as session:
        removed = ended.remove(session, job_ids)
        for document_id in removed.document_ids:
            services.passages.delete(document_id)
    delete_files(services, removed.files)
    return removed


def delete_files(services: Services, keys: Iterable[str]) -> None:
    """What can't be deleted now is a file that no job names, and goes with those later."""
    for key in keys:
        try:
            services.files.delete(key)
        except OSError as error:
            log.warning("file %s could not be deleted: %s", key, error)


def delete_document(services: Services, document: Document) -> None:
    """Delete its rows, passages and graph. Its jobs stay. Raises JobError while one is at work on it."""
    with services.database.transaction() as session:
        jobs = Job.of_document(session, document.id)
        active = next((job for job in jobs if not job.ended), None)
        if active:
            raise JobError(f"Job #{active.id} is at work on it. Wait for its end, or cancel it first.")
        document.delete(session)
        for job in jobs:
            Change("job", job.id, owner_id=job.owner_id, what="document_deleted").note(session)
        # Before the commit: if this fails the document still stands, and can be deleted again.
        services.passages.delete(document.id)
