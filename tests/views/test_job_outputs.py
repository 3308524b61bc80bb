"""The files that a job has made: listed on its page, and always a download."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.visiting import new_job, visitor
from webapp.records.job import NO_TRACE, Job
from webapp.records.output import Made, Output
from webapp.records.worker import Worker
from webapp.services import Services

PAGE = b"<html><script>alert(document.cookie)</script></html>"
HOSTILE = '<img src=x onerror=alert(1)>"&.html'

pytestmark = pytest.mark.usefixtures("cast")


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


def running(services: Services, job_id: int) -> Job:
    with services.database.transaction() as session:
        job = Job.claim(session, job_id, Worker.register(session, "here:1").id)
    assert job
    return job


def made(services: Services, job: Job, name: str, *, lasting: bool = True, data: bytes = PAGE) -> str:
    incoming = services.files.put(data)
    key = services.files.keep(incoming)
    incoming.discard()
    output = Made("reading", name, key, len(data), incoming.sha256, "text/html", "basis", lasting=lasting)
    with services.database.transaction() as session:
        assert Output.keep(session, job.id, job.attempt, output) is not None
    return key


def test_they_are_listed_while_the_job_runs_and_stay_when_it_has_failed(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben, "report.pdf")
    assert "<h2>Files</h2>" not in ben.get(f"/jobs/{job_id}").text
    job = running(services, job_id)
    made(services, job, "text.txt")
    made(services, job, "vectors.bin", lasting=False)
    with services.database.transaction() as session:
        job.fail(session, "no", NO_TRACE)
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/parts"):
        page = ben.get(path).text
        assert f'href="/jobs/{job_id}/outputs/text.txt"' in page
        assert "52 Bytes" in page
        assert "vectors.bin" not in page


def test_each_is_always_a_download_under_the_name_of_what_it_was_made_from(
    ben: FlaskClient, services: Services
) -> None:
    job_id = new_job(ben, "report.pdf")
    made(services, running(services, job_id), "page.html")
    answer = ben.get(f"/jobs/{job_id}/outputs/page.html")
    assert answer.data == PAGE
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename=report-page.html"
    assert answer.headers["Content-Length"] == str(len(PAGE))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_hostile_name_is_only_a_name(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben, HOSTILE)
    made(services, running(services, job_id), HOSTILE)
    page = ben.get(f"/jobs/{job_id}").text
    assert "<img" not in page
    answer = ben.get(f"/jobs/{job_id}/outputs/%3Cimg src=x onerror=alert(1)%3E%22&.html")
    assert answer.data == PAGE
    assert answer.headers["Content-Disposition"].startswith("attachment;")


def test_who_may_not_see_the_job_finds_no_file(app: Flask, ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    made(services, running(services, job_id), "text.txt")
    path = f"/jobs/{job_id}/outputs/text.txt"
    assert visitor(app, "cleo").get(path).status_code == 404
    assert app.test_client().get(path).status_code in (302, 303, 401)
    assert visitor(app, "ada").get(path).status_code == 200


def test_what_is_not_for_people_or_not_there_is_not_found(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    job = running(services, job_id)
    made(services, job, "vectors.bin", lasting=False)
    services.files.delete(made(services, job, "gone.txt"))
    for name in ("vectors.bin", "other.txt", "..", "%00", "x" * 5000):
        assert ben.get(f"/jobs/{job_id}/outputs/{name}").status_code == 404
    gone = ben.get(f"/jobs/{job_id}/outputs/gone.txt")
    assert gone.status_code == 404
    assert "The file is not kept any more." in gone.text
