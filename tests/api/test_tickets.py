"""Stream tickets: what a browser's EventSource, which can't send headers, may put into a URL."""

from __future__ import annotations

import time

import httpx
import pytest
from flask import Flask
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from tests.conftest import Cast
from tests.streams import PIPELINE, PIPELINES, STATUS, events, start
from webapp.login import TICKET_SALT, TICKET_SECONDS
from webapp.records.job import Job
from webapp.records.stored_file import StoredFile
from webapp.records.user import User
from webapp.services import Services


def ticket(program: httpx.Client, job_id: int) -> str:
    answer = program.post(f"/api/v1/jobs/{job_id}/tickets")
    assert answer.status_code == 201
    assert answer.json().keys() == {"ticket", "expires_in"}
    assert answer.json()["expires_in"] == 60
    return answer.json()["ticket"]


def test_a_ticket_opens_the_streams_of_its_job_without_a_header(ada: httpx.Client, anyone: httpx.Client) -> None:
    job_id = start(ada)
    paper = ticket(ada, job_id)
    assert events(anyone, f"{STATUS.format(job_id)}?token={paper}")[-1].json()["status"] == "completed"
    assert events(anyone, f"{PIPELINE.format(job_id)}?token={paper}")[-1].event == "error"


def test_a_ticket_opens_nothing_else(ada: httpx.Client, anyone: httpx.Client) -> None:
    job_id, other = start(ada), start(ada)
    paper = ticket(ada, job_id)
    for path in (STATUS.format(other), PIPELINE.format(other), STATUS.format("x"), PIPELINES, "/jobs/1/live"):
        assert anyone.get(f"{path}?token={paper}").status_code == 401
    for path in ("/api/documents", "/api/v1/jobs", f"/api/v1/jobs/{job_id}/tickets"):
        assert anyone.post(f"{path}?token={paper}").status_code == 401
    for path in ("/", "/jobs", f"/jobs/{job_id}", f"/jobs/{job_id}/parts", f"/jobs/{job_id}/file", "/account"):
        assert anyone.get(f"{path}?token={paper}").status_code == 401
    assert anyone.get(STATUS.format(job_id), headers={"Authorization": f"Bearer {paper}"}).status_code == 401


def test_a_ticket_does_not_make_a_member_an_admin(ben: httpx.Client, anyone: httpx.Client) -> None:
    job_id = start(ben)
    for path in (STATUS, PIPELINE):
        assert anyone.get(f"{path.format(job_id)}?token={ticket(ben, job_id)}").status_code == 403


def test_a_ticket_is_made_only_for_a_job_that_one_may_know_of(
    ada: httpx.Client, ben: httpx.Client, anyone: httpx.Client
) -> None:
    job_id = start(ada)
    assert ben.post(f"/api/v1/jobs/{job_id}/tickets").status_code == 404
    assert anyone.post(f"/api/v1/jobs/{job_id}/tickets").status_code == 401
    assert ada.post("/api/v1/jobs/999999/tickets").status_code == 404
    assert ada.post("/api/v1/jobs/x/tickets").status_code == 404


def test_a_long_lived_token_in_a_url_is_refused(ada: httpx.Client, anyone: httpx.Client) -> None:
    path = STATUS.format(start(ada))
    token = ada.headers["Authorization"].removeprefix("Bearer ")
    assert anyone.get(f"{path}?token={token}").status_code == 401
    # Even beside a good header: it stands in a log by now.
    assert ada.get(f"{path}?token={token}").status_code == 401


@pytest.mark.parametrize("paper", ["", "x", "a.b.c", "%00", "W10.x.y", "x" * 4000])
def test_what_is_no_ticket_is_refused(ada: httpx.Client, paper: str) -> None:
    assert ada.get(f"{STATUS.format(1)}?token={paper}").status_code == 401


@pytest.fixture
def job(services: Services, cast: Cast) -> Job:
    """A job of Ada's that no worker takes."""
    file = StoredFile("aa/1", "data.bin", 5, "a" * 64, "application/octet-stream")
    with services.database.transaction() as session:
        return Job.accept(session, kind="checksum", owner_id=cast.ada.id, params={}, file=file)


def status_with(app: Flask, job: Job, paper: str) -> int:
    answer = app.test_client().head(f"/api/jobs/{job.id}/events?token={paper}")
    return answer.status_code


def issued(app: Flask, job: Job, seconds_ago: float, salt: str = TICKET_SALT, key: object = None) -> str:
    class Earlier(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(time.time() - seconds_ago)

    serializer = URLSafeTimedSerializer(str(key or app.secret_key), salt=salt, signer=Earlier)
    return str(serializer.dumps([job.owner_id, job.id]))


def test_a_ticket_lives_a_minute(app: Flask, job: Job) -> None:
    assert TICKET_SECONDS == 60
    assert status_with(app, job, issued(app, job, seconds_ago=55)) == 200
    assert status_with(app, job, issued(app, job, seconds_ago=62)) == 401
    assert status_with(app, job, issued(app, job, seconds_ago=-10)) == 401


def test_a_ticket_of_another_make_is_refused(app: Flask, job: Job) -> None:
    assert status_with(app, job, issued(app, job, 0, salt="something else")) == 401
    assert status_with(app, job, issued(app, job, 0, key="another key of enough length")) == 401
    good = issued(app, job, 0)
    # Not the last letter: some of its bits stand for nothing.
    assert status_with(app, job, good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1]) == 401


def test_a_disabled_user_s_ticket_is_refused(app: Flask, job: Job, services: Services) -> None:
    paper = issued(app, job, 0)
    with services.database.transaction() as session:
        session.get_one(User, job.owner_id).disable(session)
    assert status_with(app, job, paper) == 401
