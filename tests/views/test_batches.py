"""Several files, or an archive of them: one batch, as the form and its script make it."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import Cast
from tests.views.visiting import press, visitor
from webapp.records.job import Job
from webapp.services import Services


@pytest.fixture
def ben(app: Flask, cast: Cast) -> FlaskClient:
    return visitor(app, "ben")


@pytest.fixture
def cleo(app: Flask, cast: Cast) -> FlaskClient:
    return visitor(app, "cleo")


def opened(client: FlaskClient) -> int:
    """A batch as the script opens it."""
    answer = press(client, "/batches", name="2 files", priority="normal")
    assert answer.status_code == 201, answer.text
    found = re.search(r'data-job="(\d+)"', answer.text)
    assert found
    return int(found[1])


def upload(client: FlaskClient, name: str, data: bytes = b"hello", **fields: object) -> TestResponse:
    return press(client, "/jobs", **{"kind": "checksum", "file": (io.BytesIO(data), name)} | fields)


def jobs_of(services: Services, batch_id: int) -> list[Job]:
    with services.database.reading() as session:
        return session.query(Job).filter(Job.batch_id == batch_id).order_by(Job.id).all()


def stored(services: Services, job_id: int) -> Job | None:
    with services.database.reading() as session:
        return Job.find(session, job_id)


def test_several_files_of_one_form_become_a_batch(ben: FlaskClient, services: Services) -> None:
    files = [(io.BytesIO(b"hello"), f"several-{n}.bin") for n in range(3)]
    answer = press(ben, "/jobs", kind="checksum", file=files)
    page = ben.get(answer.headers["Location"]).text
    assert "3 files, “several-0.bin” first" in page
    assert all(f"several-{n}.bin" in page for n in range(3))
    assert [job.file_name for job in jobs_of(services, 1)] == [f"several-{n}.bin" for n in range(3)]


def test_one_bad_file_of_several_does_not_keep_the_others_out(ben: FlaskClient, services: Services) -> None:
    files = [(io.BytesIO(data), f"{n}.txt") for n, data in enumerate((b"one", b"", b"three"))]
    answer = press(ben, "/jobs", kind="ingest_document", file=files)
    assert answer.status_code == 422
    assert "“1.txt” is empty" in answer.text
    assert [job.file_name for job in jobs_of(services, 1)] == ["0.txt", "2.txt"]


def test_a_script_opens_a_batch_fills_it_and_closes_it(ben: FlaskClient, services: Services) -> None:
    batch_id = opened(ben)
    for name in ("a.bin", "b.bin"):
        assert upload(ben, name, batch=batch_id).status_code == 303
    batch = stored(services, batch_id)
    assert batch and batch.is_open
    assert press(ben, f"/batches/{batch_id}/closing").status_code == 204
    batch = stored(services, batch_id)
    assert batch and not batch.is_open
    assert upload(ben, "late.bin", batch=batch_id).status_code == 409
    assert len(jobs_of(services, batch_id)) == 2


def test_a_batch_all_of_whose_files_were_refused_is_not_kept(ben: FlaskClient, services: Services) -> None:
    batch_id = opened(ben)
    assert upload(ben, "empty.bin", b"", batch=batch_id).status_code == 422
    press(ben, f"/batches/{batch_id}/closing")
    assert stored(services, batch_id) is None


def test_nobody_adds_to_or_closes_anothers_batch(ben: FlaskClient, cleo: FlaskClient, app: Flask) -> None:
    batch_id = opened(ben)
    assert upload(cleo, "hers.bin", batch=batch_id).status_code == 404
    assert press(cleo, f"/batches/{batch_id}/closing").status_code == 404
    # An admin sees it, and still it is not theirs.
    assert upload(visitor(app, "ada"), "adas.bin", batch=batch_id).status_code == 409
    assert app.test_client().post("/batches").status_code in (302, 400, 401)


def test_a_job_that_is_no_batch_takes_no_jobs(ben: FlaskClient) -> None:
    upload(ben, "single.bin")
    assert upload(ben, "other.bin", batch=1).status_code == 409


def test_a_cancelled_batch_takes_no_more_files(ben: FlaskClient) -> None:
    batch_id = opened(ben)
    upload(ben, "a.bin", batch=batch_id)
    press(ben, f"/jobs/{batch_id}/cancellation")
    assert upload(ben, "b.bin", batch=batch_id).status_code == 409


def test_cancel_and_retry_act_on_all_of_a_batch(ben: FlaskClient, services: Services) -> None:
    press(ben, "/jobs", kind="checksum", file=[(io.BytesIO(b"hello"), f"{n}.bin") for n in range(2)])
    press(ben, "/jobs/1/cancellation")
    assert [job.state for job in jobs_of(services, 1)] == ["cancelled", "cancelled"]
    press(ben, "/jobs/1/attempts")
    assert [job.state for job in jobs_of(services, 1)] == ["queued", "queued"]
    assert len(services.queue) == 4


def test_a_batch_stands_for_its_jobs_in_lists_that_look_for_nothing(ben: FlaskClient) -> None:
    press(ben, "/jobs", kind="checksum", file=[(io.BytesIO(b"hello"), f"{n}.bin") for n in range(2)])
    assert "2 files" in ben.get("/jobs").text
    assert '/jobs/2"' not in ben.get("/jobs").text
    assert '/jobs/2"' in ben.get("/jobs?state=queued").text
    assert '/jobs/3"' in ben.get("/jobs?batch=1").text


def test_an_archive_for_a_kind_that_takes_documents_becomes_a_batch(ben: FlaskClient, services: Services) -> None:
    answer = upload(ben, "papers.zip", zipped({"a.txt": b"one"}), kind="ingest_document")
    assert answer.headers["Location"] == "/jobs/1"
    batch, (unpacking,) = stored(services, 1), jobs_of(services, 1)
    assert batch and (batch.kind, batch.file_name) == ("batch", "papers.zip")
    assert (unpacking.kind, unpacking.params["kind"]) == ("unpack", "ingest_document")


def test_an_archive_for_a_kind_that_takes_any_file_is_one_file(ben: FlaskClient, services: Services) -> None:
    upload(ben, "papers.zip", zipped({"a.txt": b"one"}))
    job = stored(services, 1)
    assert job and job.kind == "checksum"


def test_what_only_claims_to_be_an_archive_is_refused_in_words(ben: FlaskClient, services: Services) -> None:
    answer = upload(ben, "papers.zip", b"no archive", kind="ingest_document")
    assert answer.status_code == 422
    assert "“papers.zip” is not a ZIP archive" in answer.text
    assert stored(services, 1) is None


@pytest.mark.parametrize("kind", ["unpack", "batch"])
def test_kinds_of_the_house_are_not_asked_for_by_name(ben: FlaskClient, kind: str) -> None:
    assert upload(ben, "a.zip", zipped({"a.txt": b"one"}), kind=kind).status_code == 422


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()
