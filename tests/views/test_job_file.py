"""The file a job was given comes back as it was sent, and never as a page of this site."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.visiting import new_job, visitor
from webapp.records.job import Job
from webapp.services import Services

PAGE = b"<html><script>alert(document.cookie)</script></html>"

pytestmark = pytest.mark.usefixtures("cast")


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


def test_it_is_always_a_download(ben: FlaskClient) -> None:
    for name in ("page.html", "picture.svg", "script.js", "page.xhtml", 'a"b;c.html', "żółw.html"):
        answer = ben.get(f"/jobs/{new_job(ben, name, PAGE)}/file")
        assert answer.data == PAGE
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_stranger_finds_no_file_and_an_admin_does(app: Flask, ben: FlaskClient) -> None:
    path = f"/jobs/{new_job(ben)}/file"
    assert visitor(app, "cleo").get(path).status_code == 404
    assert visitor(app, "ada").get(path).status_code == 200


def test_a_file_that_is_gone_is_said_to_be(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    with services.database.reading() as session:
        services.files.delete(session.get_one(Job, job_id).file_key or "")
    answer = ben.get(f"/jobs/{job_id}/file")
    assert answer.status_code == 404
    assert "The file is not kept any more." in answer.text
