"""Running a job again with changes."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Cast
from tests.views.visiting import new_job, press, visitor
from webapp import deletion
from webapp.records.job import Job
from webapp.services import Services


@pytest.fixture
def ben(app: Flask, cast: Cast) -> FlaskClient:
    return visitor(app, "ben")


def stored(services: Services, job_id: int) -> Job:
    with services.database.reading() as session:
        return session.get_one(Job, job_id)


def test_a_copy_runs_on_the_same_file_with_other_parameters(ben: FlaskClient, services: Services) -> None:
    new_job(ben, name="data.bin")
    answer = press(ben, "/jobs/1/copies", bytes_per_second="7", priority="low")
    assert answer.headers["Location"] == "/jobs/2"
    first, copy = stored(services, 1), stored(services, 2)
    assert (copy.file, copy.params, copy.priority) == (first.file, {"bytes_per_second": 7}, 0)
    assert len(services.queue) == 2
    assert 'value="7"' in ben.get("/jobs/2/copies/new").text


def test_the_file_stays_until_the_last_of_its_jobs_is_deleted(ben: FlaskClient, services: Services) -> None:
    new_job(ben)
    press(ben, "/jobs/1/copies")
    key = stored(services, 1).file_key
    assert key
    for job_id, left in ((1, True), (2, False)):
        press(ben, f"/jobs/{job_id}/cancellation")
        assert deletion.delete_jobs(services, [job_id]).job_ids == [job_id]
        assert (key in services.files.sizes(key[:2])) is left


def test_a_document_that_is_ingested_again_is_the_same_document(ben: FlaskClient, services: Services) -> None:
    new_job(ben, name="notes.txt", kind="ingest_document")
    press(ben, "/jobs/1/copies")
    assert stored(services, 2).document_id == stored(services, 1).document_id


def test_bad_parameters_are_said_beside_the_form_and_what_was_typed_stays(ben: FlaskClient) -> None:
    new_job(ben)
    answer = press(ben, "/jobs/1/copies", bytes_per_second="-5")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert 'value="-5"' in answer.text
    assert press(ben, "/jobs/1/copies", priority="high").status_code == 422


def test_nobody_copies_what_they_may_not_see(ben: FlaskClient, app: Flask) -> None:
    new_job(ben)
    cleo = visitor(app, "cleo")
    assert cleo.get("/jobs/1/copies/new").status_code == 404
    assert press(cleo, "/jobs/1/copies").status_code == 404
