"""The pages that show contract D at work are for admins."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.views.visiting import press, visitor
from webapp.records.job import Job
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("cast")
PAGES = ("/admin/background-process-test", "/admin/sse-demo", "/admin/background-processing-sse")


@pytest.mark.parametrize("path", PAGES)
def test_only_admins_get_them_and_system_leads_to_them(app: Flask, path: str) -> None:
    ada = visitor(app, "ada")
    assert ada.get(path).status_code == 200
    assert f'href="{path}"' in ada.get("/system").text
    assert visitor(app, "ben").get(path).status_code == 403
    assert app.test_client().get(path).status_code in (303, 401)


@pytest.mark.parametrize("path", PAGES[:2])
def test_a_demo_job_is_started_by_admins_alone(app: Flask, services: Services, path: str) -> None:
    assert press(visitor(app, "ben"), path).status_code == 403
    assert visitor(app, "ada").post(path).status_code == 400
    answer = press(visitor(app, "ada"), path)
    assert answer.status_code == 303
    with services.database.reading() as session:
        job = session.get(Job, 1)
    assert job
    assert answer.headers["Location"] == f"{path}?filename={job.file_name}"
    assert (job.kind, job.params) == ("checksum", {"bytes_per_second": 10_000})


def test_a_hostile_file_name_is_text(app: Flask) -> None:
    page = visitor(app, "ada").get("/admin/background-process-test", query_string={"filename": '"><script>'}).text
    assert "<script>" not in page.replace('<script src="', "")
