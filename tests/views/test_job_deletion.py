"""Deleting a job, by its page's button."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.visiting import new_job, press, visitor
from webapp.records.job import Job
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("cast")


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


@pytest.fixture
def ended_id(ben: FlaskClient) -> int:
    """A job of Ben's that has ended."""
    job_id = new_job(ben)
    press(ben, f"/jobs/{job_id}/cancellation")
    return job_id


def is_there(services: Services, job_id: int) -> bool:
    with services.database.reading() as session:
        return session.get(Job, job_id) is not None


def test_an_ended_job_is_deleted_with_its_file(ben: FlaskClient, ended_id: int, services: Services) -> None:
    answer = press(ben, f"/jobs/{ended_id}/deletion")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/jobs")
    assert f"Job #{ended_id} is deleted." in ben.get("/jobs").text
    assert ben.get(f"/jobs/{ended_id}").status_code == 404
    assert not any(services.files.sizes(f"{n:02x}") for n in range(256))


def test_a_job_that_has_not_ended_is_kept_and_the_next_step_told(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    press(ben, f"/jobs/{job_id}/deletion")
    assert "The job has not ended yet. Cancel it first." in ben.get(f"/jobs/{job_id}").text
    assert is_there(services, job_id)


def test_a_stranger_deletes_nothing_and_an_admin_may(
    app: Flask, ben: FlaskClient, ended_id: int, services: Services
) -> None:
    assert press(visitor(app, "cleo"), f"/jobs/{ended_id}/deletion").status_code == 404
    assert is_there(services, ended_id)
    assert press(visitor(app, "ada"), f"/jobs/{ended_id}/deletion").status_code == 303
    assert not is_there(services, ended_id)


def test_a_second_deletion_finds_nothing(ben: FlaskClient, ended_id: int) -> None:
    press(ben, f"/jobs/{ended_id}/deletion")
    assert press(ben, f"/jobs/{ended_id}/deletion").status_code == 404


def test_looking_at_it_changes_nothing(ben: FlaskClient, ended_id: int, services: Services) -> None:
    assert ben.get(f"/jobs/{ended_id}/deletion").status_code == 405
    assert is_there(services, ended_id)


def test_the_button_asks_first(ben: FlaskClient, ended_id: int) -> None:
    page = ben.get(f"/jobs/{ended_id}").text
    assert f'formaction="/jobs/{ended_id}/deletion" data-confirm="Delete job #{ended_id}?"' in page
