"""The table of jobs, live: which rows somebody is told of, and what new ones belong on top."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.views.visiting import new_job, visitor

pytestmark = pytest.mark.usefixtures("cast")
PARTS = re.compile(r'data-parts="([^"]+)"')
TARGETS = re.compile(r'hx-target="#([^"]+)" hx-swap="(\w+)"')


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


def parts_of(client: FlaskClient, page: str = "/jobs") -> str:
    """What a page that polls is told."""
    found = PARTS.search(client.get(page).text)
    assert found
    return client.get(found[1].replace("&amp;", "&")).text


def test_each_row_is_told_as_it_stands_on_the_page(ben: FlaskClient) -> None:
    job_id = new_job(ben)
    page, told = ben.get("/jobs").text, parts_of(ben)
    assert TARGETS.findall(told) == [(f"job-{job_id}-row", "outerMorph")]
    row = told.removeprefix(f'<hx-partial hx-target="#job-{job_id}-row" hx-swap="outerMorph">')
    assert row.removesuffix("</hx-partial>") in page


def test_new_jobs_are_told_once_and_on_top(ben: FlaskClient) -> None:
    old = new_job(ben)
    url = PARTS.search(ben.get("/jobs").text)
    new = new_job(ben)
    assert url
    told = ben.get(url[1].replace("&amp;", "&")).text
    assert TARGETS.findall(told) == [("jobs-list", "afterbegin"), (f"job-{old}-row", "outerMorph")]
    assert f'id="job-{new}-row"' in told


@pytest.mark.parametrize("query", ["?state=queued", "?q=data", "?before=999"])
def test_where_some_are_left_out_no_new_ones_are_told(ben: FlaskClient, query: str) -> None:
    new_job(ben)
    url = PARTS.search(ben.get(f"/jobs{query}").text)
    new_job(ben)
    assert url
    assert "jobs-list" not in ben.get(url[1].replace("&amp;", "&")).text


def test_nobody_is_told_of_rows_that_are_not_theirs(app: Flask, ben: FlaskClient) -> None:
    job_id = new_job(ben, "bens.bin")
    path = f"/jobs/rows/parts?newest=0&job={job_id}"
    assert "bens.bin" in visitor(app, "ada").get(path).text
    assert visitor(app, "cleo").get(path).text == ""
    assert app.test_client().get(path).status_code in (303, 401)
    assert app.test_client().get("/jobs/rows/live?newest=0").status_code in (303, 401)


def test_numbers_that_are_none_are_no_fault(ben: FlaskClient) -> None:
    query = "&".join(f"job={number}" for number in ("-1", "x", "9" * 30, "%00", "1 OR 1"))
    assert ben.get(f"/jobs/rows/parts?newest=x&{query}").text == ""
