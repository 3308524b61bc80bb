"""A call that is sent again under its key is done once, at the same time too."""

from __future__ import annotations

import io
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Cast
from tests.streams import MEDIA, events
from webapp.records.database import Database, now
from webapp.records.job import Job
from webapp.records.submission import KEPT, Repeated, Submission

CALL = "/api/v1/jobs"


@pytest.fixture
def key() -> str:
    return f"key {time.monotonic_ns()}"


def send(
    program: httpx.Client, key: str, content: bytes = b"hello", name: str = "data.bin", **form: str
) -> httpx.Response:
    form = {"kind": "checksum"} | form
    return program.post(CALL, data=form, files={"file": (name, content)}, headers={"Idempotency-Key": key})


def jobs_of(program: httpx.Client) -> set[str]:
    return {job["id"] for job in program.get(CALL, params={"limit": 200}).json()["jobs"]}


def test_the_same_call_gets_the_same_job(ben: httpx.Client, key: str) -> None:
    before = jobs_of(ben)
    first = send(ben, key)
    events(ben, MEDIA.format(first.json()["job_id"]))
    again = send(ben, key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert jobs_of(ben) - before == {first.json()["job_id"]}


def test_calls_at_the_same_time_get_the_same_job(ben: httpx.Client, key: str) -> None:
    before = jobs_of(ben)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(ben, key), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    (job_id,) = {answer.json()["job_id"] for answer in answers}
    assert jobs_of(ben) - before == {job_id}


@pytest.mark.parametrize(
    "changes",
    [{"content": b"other"}, {"name": "other.bin"}, {"priority": "low"}, {"params": '{"bytes_per_second": 9}'}],
)
def test_another_call_under_the_same_key_is_refused(ben: httpx.Client, key: str, changes: dict[str, Any]) -> None:
    send(ben, key)
    answer = send(ben, key, **changes)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_is_its_owner_s(ada: httpx.Client, ben: httpx.Client, key: str) -> None:
    assert send(ada, key).json() != send(ben, key).json()


def test_a_key_may_be_quoted_and_what_is_none_is_refused(ben: httpx.Client, key: str) -> None:
    assert send(ben, f'"{key}"').json() == send(ben, key).json()
    for word in ("x" * 256, "\x01"):
        try:
            assert send(ben, word).status_code in (400, 422)
        except httpx.LocalProtocolError:
            continue
    assert send(ben, "").json() != send(ben, "").json()


def test_what_was_refused_uses_up_no_key(ben: httpx.Client, key: str) -> None:
    assert send(ben, key, params="nope").status_code == 422
    assert send(ben, key).status_code == 201


def test_an_archive_is_unpacked_once(ada: httpx.Client, key: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", f"Words of {key}.")
    first, again = (send(ada, key, archive.getvalue(), "all.zip", kind="ingest_document") for _ in range(2))
    assert first.status_code == 201, first.text
    assert first.json() == again.json()


def test_a_key_is_good_for_a_day_and_then_forgotten(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        job = Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None)
        Submission.note(session, owner_id=cast.ben.id, key="k", digest="d", job_id=job.id)
    check = {"owner_id": cast.ben.id, "key": "k"}
    with database.transaction() as session:
        with pytest.raises(Repeated) as repeated:
            Submission.check(session, **check, digest="d")
        assert repeated.value.job_id == job.id
        with pytest.raises(Repeated) as repeated:
            Submission.check(session, **check, digest="other")
        assert repeated.value.job_id is None
        Submission.forget_old(session)
        noted = session.query(Submission).one()
        noted.at = now() - KEPT - timedelta(seconds=1)
    with database.transaction() as session:
        Submission.check(session, **check, digest="other")
        Submission.forget_old(session)
        assert session.query(Submission).count() == 0
