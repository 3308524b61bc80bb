"""One thing done to many jobs of the list."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Cast
from tests.views.visiting import new_job, press, visitor
from webapp.records.job import Job
from webapp.selection import AT_ONCE
from webapp.services import Services


@pytest.fixture
def ben(app: Flask, cast: Cast) -> FlaskClient:
    return visitor(app, "ben")


def states(services: Services) -> dict[int, str]:
    with services.database.reading() as session:
        return {job.id: job.state for job in session.query(Job)}


def test_ticked_jobs_are_cancelled_retried_and_deleted_together(ben: FlaskClient, services: Services) -> None:
    ids = [new_job(ben) for _ in range(3)]
    press(ben, "/jobs/selection", action="cancel", job=ids[:2])
    assert states(services) == {1: "cancelled", 2: "cancelled", 3: "queued"}
    press(ben, "/jobs/selection", action="retry", job=ids[:1])
    assert states(services)[1] == "queued"
    press(ben, "/jobs/selection", action="delete", job=ids)
    assert states(services) == {1: "queued", 3: "queued"}


def test_it_is_said_for_how_many_there_was_something_to_do(ben: FlaskClient) -> None:
    ids = [new_job(ben) for _ in range(2)]
    press(ben, "/jobs/selection", action="cancel", job=ids[:1])
    answer = press(ben, "/jobs/selection", action="cancel", job=ids)
    assert "1 job of 2 cancelled or asked to stop; for the others there was nothing to do." in ben.get(
        answer.headers["Location"]
    ).get_data(as_text=True)


def test_all_that_match_the_filter_can_be_taken_at_once(ben: FlaskClient, services: Services) -> None:
    for name in ("a.bin", "b.bin", "other.txt"):
        new_job(ben, name=name)
    answer = press(ben, "/jobs/selection?q=.bin", action="cancel", all="1")
    assert answer.headers["Location"] == "/jobs?q=.bin"
    assert states(services) == {1: "cancelled", 2: "cancelled", 3: "queued"}


def test_nobody_touches_other_peoples_jobs(ben: FlaskClient, app: Flask, services: Services) -> None:
    new_job(ben)
    cleo = visitor(app, "cleo")
    for more in ({"job": [1]}, {"all": "1"}):
        for action in ("cancel", "delete", "retry"):
            press(cleo, "/jobs/selection", action=action, **more)
    press(cleo, "/jobs/selection?owner=ben", action="cancel", all="1")
    assert states(services) == {1: "queued"}
    press(visitor(app, "ada"), "/jobs/selection", action="cancel", job=[1])
    assert states(services) == {1: "cancelled"}


def test_what_is_no_action_or_no_number_does_nothing(ben: FlaskClient, services: Services) -> None:
    new_job(ben)
    assert press(ben, "/jobs/selection", action="explode", job=[1]).status_code == 400
    assert press(ben, "/jobs/selection", action="cancel", job=["x", "-1", str(2**70)]).status_code == 303
    assert states(services) == {1: "queued"}


def test_it_is_said_where_there_may_be_more_than_one_request_does(
    ben: FlaskClient, services: Services, cast: Cast
) -> None:
    with services.database.transaction() as session:
        for _ in range(AT_ONCE + 1):
            Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None)
    answer = press(ben, "/jobs/selection", action="delete", all="1")
    assert f"That was for the first {AT_ONCE} only." in ben.get(answer.headers["Location"]).text
