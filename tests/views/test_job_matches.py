"""A filtered table of jobs, live: how many match that are not on the page, and rows that go on, matching or not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.visiting import new_job, press, visitor
from webapp.records.job import Job
from webapp.records.worker import Worker
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("cast")
PARTS = re.compile(r'data-parts="([^"]+)"')
TARGETS = re.compile(r'hx-target="#([^"]+)" hx-swap="(\w+)"')
NEWER = re.compile(r"(\d+\+?) new, show")


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


def opened(client: FlaskClient, query: str) -> Callable[[], str]:
    """What a page that polls is told from then on."""
    found = PARTS.search(client.get(f"/jobs{query}").text)
    assert found, "the page is not live"
    url = found[1].replace("&amp;", "&")
    return lambda: client.get(url).text


def newer(told: str) -> str:
    found = NEWER.search(told)
    return found[1] if found else "0"


def claim(services: Services, job_id: int) -> None:
    with services.database.transaction() as session:
        assert Job.claim(session, job_id, Worker.register(session, "w").id)


@pytest.mark.parametrize(
    "query", ["?state=queued", "?kind=checksum", "?q=data", "?q=DATA&state=queued&kind=checksum", "?owner=ben"]
)
def test_a_filtered_page_says_how_many_newer_ones_match(app: Flask, ben: FlaskClient, query: str) -> None:
    client = visitor(app, "ada") if "owner" in query else ben
    old = new_job(ben)
    parts = opened(client, query)
    assert TARGETS.findall(parts()) == [("jobs-newer", "outerMorph"), (f"job-{old}-row", "outerMorph")]
    assert newer(parts()) == "0"
    new_job(ben)
    new_job(ben)
    assert newer(parts()) == "2"
    assert newer(opened(client, query)()) == "0"


@pytest.mark.parametrize("query", ["?state=failed", "?kind=ingest_document", "?q=other", "?batch=99", "?schedule=99"])
def test_jobs_that_do_not_match_are_not_counted(ben: FlaskClient, query: str) -> None:
    parts = opened(ben, query)
    new_job(ben)
    assert newer(parts()) == "0"


def test_a_page_without_a_row_says_it_too(ben: FlaskClient) -> None:
    filtered, plain = opened(ben, "?q=data"), opened(ben, "")
    new_job(ben)
    assert (newer(filtered()), newer(plain())) == ("1", "1")


def test_an_older_job_that_comes_to_match_counts(ben: FlaskClient, services: Services) -> None:
    older, newest = new_job(ben), new_job(ben)
    claim(services, newest)
    parts = opened(ben, "?state=processing")
    claim(services, older)
    assert newer(parts()) == "1"


def test_a_row_that_matches_no_more_stays_and_shows_its_true_state(ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben)
    parts = opened(ben, "?state=queued")
    claim(services, job_id)
    told = parts()
    assert newer(told) == "0"
    assert (f"job-{job_id}-row", "outerMorph") in TARGETS.findall(told)
    assert 'data-state="processing"' in told


def test_what_stands_on_later_pages_is_not_new(ben: FlaskClient, services: Services) -> None:
    ids = [new_job(ben) for _ in range(53)]
    parts = opened(ben, "?state=queued")
    assert newer(parts()) == "0"
    # Then the newest fifty that match reach further down.
    press(ben, f"/jobs/{ids[-1]}/cancellation")
    press(ben, f"/jobs/{ids[-2]}/cancellation")
    assert newer(parts()) == "0"


def test_more_than_a_page_of_them_are_not_counted_to_the_end(ben: FlaskClient) -> None:
    parts = opened(ben, "?q=data")
    for _ in range(52):
        new_job(ben)
    assert newer(parts()) == "50+"


def test_nobody_is_told_of_jobs_that_are_not_theirs(app: Flask, ben: FlaskClient) -> None:
    job_id = new_job(ben, "bens.bin")
    path = f"/jobs/matches/parts?job={job_id}&q=bens&owner=ben"
    assert "bens.bin" in visitor(app, "ada").get(path).text
    cleo = visitor(app, "cleo").get(path).text
    assert TARGETS.findall(cleo) == [("jobs-newer", "outerMorph")]
    assert newer(cleo) == "0"
    for end in ("parts", "live"):
        assert app.test_client().get(f"/jobs/matches/{end}?q=bens").status_code in (303, 401)


def test_a_query_of_any_kind_is_no_fault(ben: FlaskClient) -> None:
    for query in ("oldest=x", "oldest=-1", "state=nope", "kind=%00", "q=%25_%5C", f"q={'9' * 3000}", "q=%ED%A0%80%22"):
        answer = ben.get(f"/jobs/matches/parts?{query}")
        assert (answer.status_code, newer(answer.text)) == (200, "0")
