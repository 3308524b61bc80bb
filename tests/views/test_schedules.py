"""Schedules on their pages, as their owner, a stranger and an admin see and change them."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.serving import Server, eventually, form_token
from tests.views.test_jobs import HOSTILE, HOSTILE_NAME
from tests.views.visiting import new_job, press, visitor
from webapp.records.database import Database, now
from webapp.records.job import Job
from webapp.records.schedule import Schedule
from webapp.records.user import User
from webapp.scheduling import run_due
from webapp.services import Services

WHEN = {"cron": "30 6 * * 1-5", "zone": "Europe/Berlin"}

pytestmark = pytest.mark.usefixtures("cast")


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    return visitor(app, "ben")


def new_schedule(client: FlaskClient, name: str = "Nightly", **fields: str) -> int:
    form = {"kind": "checksum", "name": name, **WHEN, **fields}
    answer = press(client, "/schedules", **form, file=(io.BytesIO(b"hello"), "data.bin"))
    assert answer.status_code == 303, answer.text
    return int(re.search(r'id="schedule-(\d+)"', client.get("/schedules").text)[1])  # type: ignore[index]


def stored(services: Services, schedule_id: int) -> Schedule | None:
    with services.database.reading() as session:
        return session.get(Schedule, schedule_id)


def test_a_schedule_is_made_listed_and_told_in_words(ben: FlaskClient, services: Services) -> None:
    assert "No schedules yet." in ben.get("/schedules").text
    id = new_schedule(ben, bytes_per_second="1000")
    page = ben.get("/schedules").text
    for words in ("Nightly", "At 06:30 on Monday through Friday", "Europe/Berlin", "Checksum a file", "data.bin"):
        assert words in page
    made = stored(services, id)
    assert made
    assert (made.params, made.overlaps, made.priority) == ({"bytes_per_second": 1000}, False, "normal")
    assert made.file
    assert (made.file.name, made.file.size) == ("data.bin", 5)
    assert f"at {made.next_at:%Y-%m-%d %H:%M} UTC" in page


def test_a_schedule_without_a_name_has_that_of_its_file(ben: FlaskClient) -> None:
    new_schedule(ben, name="  ")
    assert ">data.bin</bdi>" in ben.get("/schedules").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cron": "nonsense"}, "five fields"),
        ({"cron": "61 * * * *"}, "look at the minute"),
        ({"cron": ""}, "five fields"),
        ({"zone": HOSTILE}, "There is no time zone"),
        ({"zone": ""}, "There is no time zone"),
        ({"kind": "nothing"}, "There is no kind of job"),
        ({"kind": "unpack"}, "There is no kind of job"),
        ({"kind": "ingest_document"}, "is not of a type"),
        ({"priority": "high"}, "Only an admin"),
        ({"bytes_per_second": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_can_not_be_scheduled_is_refused_beside_the_form(
    ben: FlaskClient, services: Services, fields: dict[str, str], words: str
) -> None:
    form = {"kind": "checksum", "name": "Kept as it was typed", **WHEN, **fields}
    answer = press(ben, "/schedules", **form, file=(io.BytesIO(b"hello"), "data.bin"))
    assert answer.status_code == 422
    assert words in answer.text
    assert "Kept as it was typed" in answer.text
    assert HOSTILE not in answer.text
    assert "No schedules yet." in ben.get("/schedules").text
    assert not [path for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()]


def test_a_kind_that_takes_a_file_needs_one(ben: FlaskClient) -> None:
    answer = press(ben, "/schedules", kind="checksum", **WHEN)
    assert (answer.status_code, "Choose a file first." in answer.text) == (422, True)


def test_what_is_typed_is_told_in_words_and_changes_nothing(ben: FlaskClient) -> None:
    preview = ben.get("/schedules/preview", query_string={"cron": "0 12 * * 5", "zone": "Asia/Tokyo"}).text
    assert "At 12:00 on Friday" in preview
    assert len(re.findall(r"Fri \d\d \w{3} \d{4}, 12:00 JST", preview)) == 5
    for cron, zone in (("x", "UTC"), ("", ""), ("0 0 * * *", HOSTILE), (HOSTILE, "UTC"), ("9" * 5000, "UTC")):
        answer = ben.get("/schedules/preview", query_string={"cron": cron, "zone": zone})
        assert answer.status_code == 200
        assert "schedule-problem" in answer.text
        assert HOSTILE not in answer.text


def test_without_scripts_a_button_tells_what_it_would_mean(ben: FlaskClient) -> None:
    answer = press(ben, "/schedules", check="1", name="Mine", kind="checksum", **WHEN)
    assert answer.status_code == 200
    assert "At 06:30 on Monday through Friday" in answer.text
    assert 'value="Mine"' in answer.text
    assert "No schedules yet." in ben.get("/schedules").text
    id = new_schedule(ben)
    answer = press(ben, f"/schedules/{id}", check="1", cron="0 0 1 1 *", zone="UTC", name="x")
    assert "January 1" in answer.text
    assert "January 1" not in ben.get("/schedules").text


def test_a_job_is_repeated_with_what_it_was_given(app: Flask, ben: FlaskClient, services: Services) -> None:
    job_id = new_job(ben, "again.bin")
    assert f"/schedules/new?job={job_id}" in ben.get(f"/jobs/{job_id}").text
    assert "again.bin" in ben.get(f"/schedules/new?job={job_id}").text
    assert press(ben, "/schedules", job=job_id, **WHEN).status_code == 303
    page = ben.get("/schedules").text
    assert "again.bin" in page
    cleo = visitor(app, "cleo")
    for number in (str(job_id), "0", "x", "9" * 30, "-1"):
        assert cleo.get(f"/schedules/new?job={number}").status_code == 404
        assert press(cleo, "/schedules", job=number, **WHEN).status_code == 404


def test_a_schedule_is_run_paused_resumed_changed_and_deleted(ben: FlaskClient, services: Services) -> None:
    id = new_schedule(ben)
    answer = press(ben, f"/schedules/{id}/runs")
    page = ben.get(answer.headers["Location"]).text
    assert f'href="/schedules/{id}"' in page
    assert "Nightly" in page
    assert f'href="{answer.headers["Location"]}"' in ben.get("/schedules").text
    new_job(ben, "another.bin")
    assert "data.bin" in ben.get(f"/jobs?schedule={id}").text
    assert "another.bin" not in ben.get(f"/jobs?schedule={id}").text
    press(ben, f"/schedules/{id}/pause")
    assert "<strong>paused</strong> by <bdi>ben@example.org</bdi>" in ben.get("/schedules").text
    press(ben, f"/schedules/{id}/resumption")
    assert "<strong>paused</strong>" not in ben.get("/schedules").text
    changed = {"name": "Yearly", "cron": "0 0 1 1 *", "zone": "UTC", "priority": "low", "overlaps": "on"}
    assert press(ben, f"/schedules/{id}", **changed).status_code == 303
    assert "Yearly" in ben.get(f"/schedules/{id}").text
    found = stored(services, id)
    assert found
    assert (found.cron, found.priority, found.overlaps, found.kind) == ("0 0 1 1 *", "low", True, "checksum")
    refused = press(ben, f"/schedules/{id}", **changed | {"cron": "x"})
    assert (refused.status_code, "five fields" in refused.text) == (422, True)
    press(ben, f"/schedules/{id}/deletion")
    assert "No schedules yet." in ben.get("/schedules").text
    assert ben.get(f"/schedules/{id}").status_code == 404
    assert ben.get(answer.headers["Location"]).status_code == 200


def test_schedules_are_their_owner_s_and_the_admins(app: Flask, ben: FlaskClient, services: Services) -> None:
    id = new_schedule(ben)
    cleo, ada = visitor(app, "cleo"), visitor(app, "ada")
    assert "Nightly" not in cleo.get("/schedules").text
    assert cleo.get(f"/schedules/{id}").status_code == 404
    for action in ("", "/runs", "/pause", "/resumption", "/deletion"):
        assert press(cleo, f"/schedules/{id}{action}", **WHEN).status_code == 404
    assert stored(services, id)
    assert "ben@example.org" in ada.get("/schedules").text
    for action in ("/pause", "/resumption", "/runs", ""):
        assert press(ada, f"/schedules/{id}{action}", name="Ada's", **WHEN).status_code == 303
    found = stored(services, id)
    assert found
    assert (found.name, found.owner.email) == ("Ada's", "ben@example.org")
    with services.database.reading() as session:
        job = Job.newest_of(session, id)
    assert job
    assert job.owner_id == found.owner_id
    assert press(ada, f"/schedules/{id}", priority="high", **WHEN).status_code == 422
    assert press(ada, f"/schedules/{id}/deletion").status_code == 303


def test_why_it_did_not_run_is_said(app: Flask, ben: FlaskClient, services: Services) -> None:
    id = new_schedule(ben)
    moment = now() + timedelta(days=9)
    run_due(services, moment)
    assert "was missed, and made up for at" in ben.get("/schedules").text
    run_due(services, moment + timedelta(days=9))
    assert "had not ended yet." in ben.get("/schedules").text
    ada = visitor(app, "ada")
    with services.database.transaction() as session:
        schedule = session.get_one(Schedule, id)
        session.get_one(User, schedule.owner_id).disable(session)
    page = ada.get("/schedules").text
    assert "<strong>stopped</strong>" in page
    assert "ben@example.org is disabled" in page
    answer = press(ada, f"/schedules/{id}/runs")
    assert "is disabled" in ada.get(answer.headers["Location"]).text


def test_hostile_names_are_escaped_and_unknown_schedules_not_found(ben: FlaskClient) -> None:
    id = new_schedule(ben, name=HOSTILE_NAME + HOSTILE)
    for path in ("/schedules", f"/schedules/{id}", f"/schedules/new?job={new_job(ben, HOSTILE_NAME)}"):
        page = ben.get(path).text
        assert HOSTILE not in page
        assert "<img src=x" not in page
    for number in ("0", "999", str(2**63 - 1), str(2**63), "9" * 50, "x"):
        assert ben.get(f"/schedules/{number}").status_code == 404
    for before in ("x", "-1", "9" * 40, "²", ""):
        assert ben.get(f"/schedules?before={before}").status_code == 200


def test_a_run_that_is_due_becomes_one_job_of_a_whole_server(server: Server) -> None:
    ada, database = server.browser(), Database(f"sqlite:///{server.data_dir}/headway.db")
    token = form_token(ada.get("/account").text)
    form = {"csrf_token": token, "kind": "checksum", "name": "Each new year", "cron": "0 0 1 1 *", "zone": "UTC"}
    assert ada.post("/schedules", data=form, files={"file": ("year.txt", b"hello")}).status_code == 303
    with database.transaction() as session:
        schedule = Schedule.newest(session, owner_id=None, before=None, limit=1)[0]
        schedule.pause(session, by="ada@example.org")
        # The newest new year is one that was missed.
        assert schedule.resume(session, now() - timedelta(days=367))

    def completed() -> list[Job]:
        with database.reading() as session:
            jobs = list(session.scalars(select(Job).where(Job.schedule_id == schedule.id)))
        return jobs if jobs and all(job.state == "completed" for job in jobs) else []

    assert len(eventually(completed)) == 1
    page = ada.get("/schedules").text
    assert "was missed, and made up for at" in page
    with database.reading() as session:
        following = session.get_one(Schedule, schedule.id).next_at
    assert following
    assert (following.year, following.month, following.day) == (now().year + 1, 1, 1)
    assert len(completed()) == 1
    database.engine.dispose()


def test_many_schedules_are_paged(ben: FlaskClient) -> None:
    job_id = new_job(ben)
    for n in range(52):
        press(ben, "/schedules", job=job_id, name=f"schedule-{n}.", **WHEN)
    first = ben.get("/schedules").text
    assert "schedule-51." in first
    assert "schedule-1." not in first
    older = re.search(r'href="(/schedules\?before=\d+)"', first)
    assert older
    assert "schedule-1." in ben.get(older[1]).text
