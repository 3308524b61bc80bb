"""Another attempt: going on where the last one came to, or from the beginning."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.visiting import new_job, press, visitor
from webapp.keeping import basis
from webapp.kinds import KINDS
from webapp.records.event import Event
from webapp.records.job import NO_TRACE, Job
from webapp.records.output import Made, Output
from webapp.records.worker import Worker
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("cast")


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


def failed(services: Services, job_id: int, *, kept: bool = True) -> str:
    """Have an ingestion fail once it was parsed; the key of what is kept of that."""
    incoming = services.files.put(b"{}")
    key = services.files.keep(incoming)
    incoming.discard()
    with services.database.transaction() as session:
        job = Job.claim(session, job_id, Worker.register(session, "here:1").id)
        assert job
        made_from = basis(KINDS[job.kind], job.params, job.file_key)
        made = Made("parsing-document", "pages.json", key, 2, incoming.sha256, "", made_from, whole=True)
        if kept:
            Output.keep(session, job_id, 1, made)
        job.fail(session, "no", NO_TRACE)
    return key


def events(services: Services, job_id: int) -> list[tuple[str, dict[str, str]]]:
    with services.database.reading() as session:
        return [(event.name, event.detail) for event in Event.of(session, job_id)]


def outputs(services: Services, job_id: int) -> int:
    with services.database.reading() as session:
        return len(Output.of(session, job_id))


def ingestion(ben: FlaskClient) -> int:
    return new_job(ben, "notes.txt", b"Ada wrote.", "ingest_document")


def test_a_failed_job_offers_to_go_on_or_to_begin_anew(ben: FlaskClient, services: Services) -> None:
    job_id = ingestion(ben)
    failed(services, job_id)
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/parts"):
        page = ben.get(path).text
        assert "Resume from “Chunking”" in page
        assert "Start from the beginning" in page
        assert "Try again" not in page
    other = ingestion(ben)
    failed(services, other, kept=False)
    page = ben.get(f"/jobs/{other}").text
    assert "Resume from" not in page
    assert "Try again" in page


@pytest.mark.parametrize("fields", [{}, {"from": "kept"}])
def test_it_goes_on_unless_told_otherwise(ben: FlaskClient, services: Services, fields: dict[str, str]) -> None:
    job_id = ingestion(ben)
    failed(services, job_id)
    assert press(ben, f"/jobs/{job_id}/attempts", **fields).status_code == 303
    assert outputs(services, job_id) == 1
    assert events(services, job_id)[-1] == ("retried", {"by": "ben@example.org"})


def test_from_the_beginning_drops_what_was_kept(ben: FlaskClient, services: Services) -> None:
    job_id = ingestion(ben)
    key = failed(services, job_id)
    press(ben, f"/jobs/{job_id}/attempts", **{"from": "beginning"})
    assert outputs(services, job_id) == 0
    assert key not in services.files.sizes(key[:2])
    assert events(services, job_id)[-1] == ("retried", {"by": "ben@example.org", "from": "the beginning"})


def test_what_is_on_its_way_or_done_loses_nothing(ben: FlaskClient, services: Services) -> None:
    job_id = ingestion(ben)
    failed(services, job_id)
    press(ben, f"/jobs/{job_id}/attempts")
    press(ben, f"/jobs/{job_id}/attempts", **{"from": "beginning"})
    assert outputs(services, job_id) == 1
    assert "There is nothing to try again" in ben.get(f"/jobs/{job_id}").text


def test_another_beginning_is_refused_in_words(ben: FlaskClient, services: Services) -> None:
    job_id = ingestion(ben)
    failed(services, job_id)
    answer = press(ben, f"/jobs/{job_id}/attempts", **{"from": "the end"})
    assert answer.status_code == 400
    assert "“beginning”" in answer.text
    assert events(services, job_id)[-1][0] == "failed"


def test_a_stranger_retries_nothing_and_an_admin_may(app: Flask, ben: FlaskClient, services: Services) -> None:
    job_id = ingestion(ben)
    failed(services, job_id)
    path = f"/jobs/{job_id}/attempts"
    assert press(visitor(app, "cleo"), path, **{"from": "beginning"}).status_code == 404
    app.test_client().post(path, data={"from": "beginning"})
    assert outputs(services, job_id) == 1
    assert press(visitor(app, "ada"), path, **{"from": "beginning"}).status_code == 303
    assert outputs(services, job_id) == 0
