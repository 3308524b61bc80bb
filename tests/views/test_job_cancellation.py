"""Cancelling a job, by its page's button and by script."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.visiting import new_job, press, visitor
from webapp.records.database import Change
from webapp.records.job import Job
from webapp.records.worker import Worker
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("cast")


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


def stored(services: Services, job_id: int) -> Job:
    with services.database.reading() as session:
        return session.get_one(Job, job_id)


def test_a_waiting_job_is_cancelled_at_once(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    assert press(ben, f"/jobs/{job_id}/cancellation").headers["Location"] == f"/jobs/{job_id}"
    assert stored(services, job_id).state == "cancelled"


def test_a_running_job_is_asked_to_stop(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    with services.database.transaction() as session:
        Job.claim(session, job_id, Worker.register(session, "w").id)
    press(ben, f"/jobs/{job_id}/cancellation")
    assert stored(services, job_id).stopping
    assert "Stopping" in ben.get(f"/jobs/{job_id}").text
    with services.database.reading() as session:
        job = session.get_one(Job, job_id)
    change = Change("job", job.id, job.owner_id, "progress")
    assert services.live.publish(change, job.attempt, None, []), "the work was not told"


def test_a_second_cancel_is_told_that_it_had_ended(ben: FlaskClient) -> None:
    job_id = new_job(ben)
    press(ben, f"/jobs/{job_id}/cancellation")
    press(ben, f"/jobs/{job_id}/cancellation")
    assert "The job had ended already." in ben.get(f"/jobs/{job_id}").text


def test_a_script_gets_no_page(ben: FlaskClient) -> None:
    job_id = new_job(ben)
    ben.environ_base["HTTP_X_REQUESTED_WITH"] = "XMLHttpRequest"
    answer = press(ben, f"/jobs/{job_id}/cancellation")
    assert (answer.status_code, answer.data) == (204, b"")


def test_a_stranger_cancels_nothing_and_an_admin_may(app: Flask, ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    assert press(visitor(app, "cleo"), f"/jobs/{job_id}/cancellation").status_code == 404
    assert stored(services, job_id).state == "queued"
    assert press(visitor(app, "ada"), f"/jobs/{job_id}/cancellation").status_code == 303
    assert stored(services, job_id).state == "cancelled"


def test_looking_at_it_changes_nothing(ben: FlaskClient) -> None:
    answer = ben.get(f"/jobs/{new_job(ben)}/cancellation")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
