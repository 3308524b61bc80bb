"""Deleting a document: its text, passages, entities and relations."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, flash, redirect, url_for
from flask_login import current_user

from webapp.current import services
from webapp.deletion import delete_document
from webapp.errors import JobError
from webapp.views import found

log = logging.getLogger(__name__)

bp = Blueprint("document_deletion", __name__)


@bp.post("/documents/<document_id>/deletion")
def create(document_id: str) -> Response:
    with services().database.reading() as session:
        document = found.document(session, document_id)
    try:
        delete_document(services(), document)
    except JobError as refusal:
        flash(str(refusal), "error")
        return redirect(url_for("documents.show", document_id=document_id), 303)  # type: ignore[return-value]
    log.info("document=%s deleted by user=%s", document_id, current_user.id)
    flash(f"“{document.name}” is deleted.")
    return redirect(url_for("documents.index"), 303)  # type: ignore[return-value]
