"""Deleting a document, by its page's button."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.visiting import new_job, press, visitor
from webapp.records.document import Document
from webapp.records.job import Job
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("cast")


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


@pytest.fixture
def job_id(ben: FlaskClient) -> int:
    """A job of Ben's that is about to ingest a document."""
    return new_job(ben, name="<i>notes.txt", kind="ingest_document")


@pytest.fixture
def document_id(services: Services, job_id: int) -> str:
    with services.database.transaction() as session:
        document = session.get_one(Document, session.get_one(Job, job_id).document_id)
        document.finish(chunks=0)
    return document.id


def test_a_document_is_deleted_and_its_job_stays(ben: FlaskClient, job_id: int, document_id: str) -> None:
    press(ben, f"/jobs/{job_id}/cancellation")
    assert "data-confirm" in ben.get(f"/documents/{document_id}").text
    answer = press(ben, f"/documents/{document_id}/deletion")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/documents")
    assert "“&lt;i&gt;notes.txt” is deleted." in ben.get("/documents").text
    assert ben.get(f"/documents/{document_id}").status_code == 404
    assert ben.get(f"/jobs/{job_id}").status_code == 200


def test_a_document_that_is_being_ingested_stays_and_the_job_is_named(
    ben: FlaskClient, job_id: int, document_id: str
) -> None:
    press(ben, f"/documents/{document_id}/deletion")
    assert f"Job #{job_id} is at work on it." in ben.get(f"/documents/{document_id}").text


def test_a_stranger_deletes_nothing(app: Flask, ben: FlaskClient, document_id: str) -> None:
    assert press(visitor(app, "cleo"), f"/documents/{document_id}/deletion").status_code == 404
    assert ben.get(f"/documents/{document_id}").status_code == 200


def test_a_document_that_is_not_there_is_not_found(ben: FlaskClient) -> None:
    assert press(ben, "/documents/nothing/deletion").status_code == 404
