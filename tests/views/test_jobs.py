"""The start page, a job's page and the list of jobs, as their owner, a stranger and an admin see them."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.visiting import new_job, press, visitor
from webapp.progress import LogLine, Progress, StageProgress
from webapp.records.job import NO_TRACE, Job, Trace
from webapp.records.worker import Worker
from webapp.services import Services

HOSTILE = "<script>alert(1)</script>"
HOSTILE_NAME = "<img src=x onerror=alert(1)>&\"'.bin"

pytestmark = pytest.mark.usefixtures("cast")


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


def failed(services: Services, job_id: int, error: str) -> None:
    """Have a job's attempt made and fail, with hostile words wherever a worker can put some."""
    lines = [LogLine(n=1_000_001, at=0.0, level="error", text=error)]
    stage = StageProgress(name="reading", unit=error, status="error", done=1, total=2, started_at=1.0, ended_at=2.0)
    progress = Progress(attempt=1, started_at=1.0, updated_at=2.0, stages=[stage], counters={error: 1})
    with services.database.transaction() as session:
        worker = Worker.register(session, error)
        job = Job.claim(session, job_id, worker.id)
        assert job
        job.fail(session, error, Trace(progress, lines))


def test_a_job_s_page_shows_it_to_its_owner_and_to_admins_only(app: Flask, ben: FlaskClient) -> None:
    job_id = new_job(ben, "bens.bin")
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/parts"):
        assert ben.get(path).status_code == 200
        assert visitor(app, "ada").get(path).status_code == 200
        assert visitor(app, "cleo").get(path).status_code == 404


def test_lists_hold_ones_own_jobs_and_an_admin_s_list_all(app: Flask, ben: FlaskClient) -> None:
    new_job(ben, "bens.bin")
    cleo, ada = visitor(app, "cleo"), visitor(app, "ada")
    for path in ("/", "/jobs", "/jobs/parts"):
        assert "bens.bin" in ben.get(path).text
        assert "bens.bin" not in cleo.get(path).text
    assert "bens.bin" in ada.get("/jobs").text
    assert "bens.bin" not in cleo.get("/jobs?owner=ben@example.org").text


def test_an_unknown_job_is_not_found(ben: FlaskClient) -> None:
    for number in ("999", "0", str(2**63 - 1), str(2**63), "9" * 50, "x"):
        for part in ("", "/parts", "/live", "/file"):
            assert ben.get(f"/jobs/{number}{part}").status_code == 404


def test_a_query_of_any_kind_is_no_fault(app: Flask) -> None:
    ada = visitor(app, "ada")
    new_job(ada)
    for query in (
        *("before=x", "before=-1", f"before={10**40}", "state=nope", "kind=%00", "q=%00", "q=%25", f"q={'9' * 5000}"),
        *("q=<script>alert(1)</script>", 'owner="><script>alert(1)</script>', "state=<script>alert(1)</script>"),
    ):
        answer = ada.get(f"/jobs?{query}")
        assert answer.status_code == 200, query
        assert HOSTILE not in answer.text


def test_the_list_is_filtered_and_paged(ben: FlaskClient) -> None:
    ids = [new_job(ben, f"file-{n}.bin") for n in range(55)]
    first = ben.get("/jobs").text
    assert "file-54.bin" in first
    assert "file-4.bin" not in first
    older = re.search(r'href="(/jobs\?[^"]*before=\d+[^"]*)"', first)
    assert older
    assert "file-4.bin" in ben.get(older[1].replace("&amp;", "&")).text
    assert "file-7.bin" in ben.get("/jobs?q=file-7").text
    assert f"/jobs/{ids[3]}" in ben.get(f"/jobs?q={ids[3]}").text
    assert "No job matches" in ben.get("/jobs?state=failed").text


def test_hostile_names_and_errors_are_escaped_wherever_they_show(
    app: Flask, ben: FlaskClient, services: Services
) -> None:
    job_id = new_job(ben, HOSTILE_NAME)
    failed(services, job_id, HOSTILE)
    for client in (ben, visitor(app, "ada")):
        for path in ("/", "/jobs", f"/jobs/{job_id}", f"/jobs/{job_id}/parts", "/jobs/parts"):
            page = client.get(path).text
            assert HOSTILE not in page
            assert "<img src=x" not in page
            assert not re.search(r'<[^>]*"\'\.bin', page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in ben.get(f"/jobs/{job_id}").text


def test_without_scripts_an_upload_leads_to_the_job_which_reloads_itself(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    page = ben.get(f"/jobs/{job_id}").text
    assert '<noscript><meta http-equiv="refresh"' in page
    failed(services, job_id, "It broke.")
    page = ben.get(f"/jobs/{job_id}").text
    assert "http-equiv" not in page
    assert "It broke." in page


def test_a_script_gets_the_new_job_s_card(ben: FlaskClient) -> None:
    ben.environ_base["HTTP_X_REQUESTED_WITH"] = "XMLHttpRequest"
    answer = press(ben, "/jobs", kind="checksum", file=(io.BytesIO(b"hello"), "card.bin"))
    assert answer.status_code == 201
    assert answer.text.startswith("<article")
    assert "csrf_token" not in answer.text


def test_a_poll_is_answered_in_full_only_when_something_changed(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    for path in (f"/jobs/{job_id}/parts", "/jobs/parts"):
        first = ben.get(path)
        assert "private" in first.headers["Cache-Control"]
        tag = {"If-None-Match": first.headers["ETag"]}
        assert ben.get(path, headers=tag).status_code == 304
    failed(services, job_id, "It broke.")
    for path in (f"/jobs/{job_id}/parts", "/jobs/parts"):
        answer = ben.get(path, headers=tag)
        assert answer.status_code == 200
        assert answer.headers["ETag"] != tag["If-None-Match"]


def test_the_sample_is_one_click_away(ben: FlaskClient) -> None:
    answer = press(ben, "/samples")
    assert answer.status_code == 303
    assert "lighthouses.pdf" in ben.get(answer.headers["Location"]).text


def test_a_job_whose_trace_is_gone_still_has_a_page(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    with services.database.transaction() as session:
        job = Job.claim(session, job_id, Worker.register(session, "w").id)
        assert job
        job.complete(session, {}, NO_TRACE)
    assert "How each stage went is no longer kept." in ben.get(f"/jobs/{job_id}").text


def test_a_job_for_later_says_when_it_starts_and_can_be_started_now(ben: FlaskClient, services: Services) -> None:
    at = datetime.now(ZoneInfo("Asia/Tokyo")).replace(second=0, microsecond=0) + timedelta(days=1)
    form = {"kind": "checksum", "start": "later", "run_at": f"{at:%Y-%m-%dT%H:%M}", "zone": "Asia/Tokyo"}
    answer = press(ben, "/jobs", **form, file=(io.BytesIO(b"hello"), "later.bin"))
    page = ben.get(answer.headers["Location"]).text
    assert f"at {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" in page
    assert 'data-resting="scheduled"' in page
    assert "tries again" not in page
    press(ben, f"{answer.headers['Location']}/attempts")
    assert "data-resting" not in ben.get(answer.headers["Location"]).text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"run_at": ""}, "Say when it is to start"),
        ({"run_at": "2001-01-01T10:00"}, "in the past"),
        ({"run_at": "2026-01-01T10:00", "zone": "<script>alert(1)</script>"}, "There is no time zone"),
    ],
)
def test_a_time_to_start_that_is_none_is_refused_beside_the_form(
    ben: FlaskClient, form: dict[str, str], words: str
) -> None:
    answer = press(ben, "/jobs", kind="checksum", start="later", **form, file=(io.BytesIO(b"hello"), "x.bin"))
    assert answer.status_code == 422
    assert words in answer.text
    assert HOSTILE not in answer.text
