"""The admins' page: for admins only, true of workers and jobs, and the same live as at first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Cast
from tests.views.visiting import new_job, press, visitor
from webapp.live.client import connect
from webapp.records.database import Database, now
from webapp.records.job import NO_TRACE, Job
from webapp.records.rule import EVERYTHING, Rule
from webapp.records.worker import Worker
from webapp.services import Services
from webapp.stream.html import SYSTEM_PARTS
from webapp.stream.names import SYSTEM, dom_id
from webapp.stream.writer import USUAL
from webapp.streaming import Streaming, system_state

PATHS = ("/system", "/system/parts", "/system/live")
NO_WORKER = "No worker is running"


@pytest.fixture
def ada(app: Flask, cast: Cast) -> FlaskClient:
    return visitor(app, "ada")


@pytest.fixture
def ben(app: Flask, cast: Cast) -> FlaskClient:
    return visitor(app, "ben")


def worker(database: Database, name: str, *, silent_for: timedelta = timedelta(0), stopped: bool = False) -> int:
    with database.transaction() as session:
        row = Worker.register(session, name)
        row.seen_at = now() - silent_for
        row.stopped_at = row.seen_at if stopped else None
    return row.id


def figures(app: Flask) -> tuple[int, int, int, int, int]:
    with app.test_request_context():
        traffic = system_state().traffic
    return traffic.running, traffic.waiting, traffic.resting, traffic.completed, traffic.failed


def test_members_are_refused_and_have_no_way_there(ben: FlaskClient) -> None:
    assert [ben.get(path).status_code for path in PATHS] == [403, 403, 403]
    assert "/system" not in ben.get("/").text


def test_who_is_not_logged_in_is_led_to_the_login(app: Flask) -> None:
    assert app.test_client().get("/system", headers={"Accept": "text/html"}).status_code == 303


def test_admins_find_it_in_the_navigation(ada: FlaskClient) -> None:
    assert 'href="/system"' in ada.get("/").text
    assert 'href="/system" aria-current="page"' in ada.get("/system").text


def test_the_page_and_the_poll_are_made_of_the_same_parts(ada: FlaskClient) -> None:
    page, poll = ada.get("/system").text, ada.get("/system/parts")
    for part in SYSTEM_PARTS:
        id = dom_id(SYSTEM.noun, SYSTEM.id, part)
        assert f'id="{id}"' in page
        assert f'hx-target="#{id}"' in poll.text
    assert ada.get("/system/parts", headers={"If-None-Match": poll.headers["ETag"]}).status_code == 304


def test_the_stream_begins_with_the_present_state(ada: FlaskClient, app: Flask) -> None:
    answer = ada.get("/system/live", buffered=False)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    pieces = iter(answer.response)
    seen = ""
    while any(dom_id(SYSTEM.noun, SYSTEM.id, part) not in seen for part in SYSTEM_PARTS):
        seen += next(pieces).decode()
    app.extensions["streaming"].close()
    answer.close()
    assert NO_WORKER in seen


def test_jobs_are_counted_by_what_they_do(app: Flask, ben: FlaskClient, services: Services) -> None:
    ids = [new_job(ben) for _ in range(6)]
    worker_id = worker(services.database, "here:1")
    with services.database.transaction() as session:
        done, failed, _running = (Job.claim(session, job_id, worker_id) for job_id in ids[:3])
        assert done and done.complete(session, {}, NO_TRACE)
        assert failed and failed.fail(session, "no", NO_TRACE)
        session.get_one(Job, ids[3]).run_at = now() + timedelta(hours=1)
    assert figures(app) == (1, 2, 1, 1, 1)
    with services.database.transaction() as session:
        for job_id in ids[:2]:
            session.get_one(Job, job_id).finished_at = now() - timedelta(hours=25)
    assert figures(app) == (1, 2, 1, 0, 0)


def test_a_worker_is_shown_with_what_it_runs(ada: FlaskClient, ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben, name="<b>x.bin")
    worker_id = worker(services.database, "here:<1>")
    with services.database.transaction() as session:
        Job.claim(session, job_id, worker_id)
    page = ada.get("/system").text
    assert "here:&lt;1&gt;" in page
    assert "at work" in page
    assert f'href="/jobs/{job_id}"' in page
    assert "&lt;b&gt;x.bin" in page
    assert NO_WORKER not in page


def test_lost_workers_are_called_lost_and_stopped_ones_leave_after_an_hour(
    ada: FlaskClient, services: Services
) -> None:
    worker(services.database, "silent:1", silent_for=timedelta(minutes=1))
    with services.database.transaction() as session:
        Worker.stop(session, [Worker.register(session, "given-up:1").id])
        Worker.leave(session, Worker.register(session, "left:1").id)
    worker(services.database, "gone:1", silent_for=timedelta(minutes=59), stopped=True)
    worker(services.database, "long-gone:1", silent_for=timedelta(minutes=61), stopped=True)
    page = ada.get("/system").text
    assert page.count("lost: it gives no sign") == 2
    assert page.count(">stopped<") == 2
    assert "gone:1" in page
    assert "long-gone:1" not in page
    assert NO_WORKER in page


def test_a_pause_is_told_with_who_made_it(ada: FlaskClient, services: Services) -> None:
    with services.database.transaction() as session:
        Rule.of(session, EVERYTHING).pause(session, by="ada@example.org")
        Rule.of(session, "checksum").pause(session, by="ada@example.org")
    page = ada.get("/system").text
    assert "The whole queue: Paused by ada@example.org." in page
    assert "“Checksum a file”: Paused by ada@example.org." in page


def test_storage_says_what_is_kept_and_what_goes_next(ada: FlaskClient, ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben, data=b"x" * 5000)
    assert ">nothing</dd>" in ada.get("/system").text
    press(ben, f"/jobs/{job_id}/cancellation")
    with services.database.transaction() as session:
        session.get_one(Job, job_id).finished_at = now() - timedelta(days=91)
    page = ada.get("/system").text
    assert "5.0 kB" in page
    assert "90 days" in page
    assert '1 job</span>, <span class="figure">1 file</span>' in page


def test_without_redis_the_page_says_so_and_what_to_do(app: Flask, ada: FlaskClient, services: Services) -> None:
    app.extensions["headway"] = replace(services, redis=connect("unix:///nowhere"))
    app.extensions["streaming"] = Streaming(app, app.extensions["headway"], USUAL)
    page = ada.get("/system")
    assert page.status_code == 200
    assert "Redis can’t be reached." in page.text
    assert "HEADWAY_REDIS_URL" in page.text
