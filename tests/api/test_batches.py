"""Batches as programs make them: opened, filled, closed, and then a job like others."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.api.test_job import FULL, read
from tests.streams import events

BATCHES, JOBS = "/api/v1/batches", "/api/v1/jobs"


def opened(program: httpx.Client, **sent: str) -> str:
    answer = program.post(BATCHES, json=sent)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{JOBS}/{answer.json()['id']}"
    return str(answer.json()["id"])


def put(program: httpx.Client, batch: str, name: str = "data.bin", **headers: str) -> httpx.Response:
    form = {"kind": "checksum", "batch": batch}
    return program.post(JOBS, data=form, files={"file": (name, b"hello")}, headers=headers)


def close(program: httpx.Client, batch: str) -> int:
    return program.post(f"{BATCHES}/{batch}/closing").status_code


def tally(**counts: int) -> dict[str, int]:
    return dict.fromkeys(("queued", "processing", "completed", "failed", "cancelled"), 0) | counts


def test_a_batch_is_opened_filled_closed_and_comes_to_its_end(ben: httpx.Client) -> None:
    answer = ben.post(BATCHES, json={"name": " Invoices\n2026/05 \u202e", "priority": "low"})
    batch = answer.json()
    assert batch.keys() == FULL
    assert (batch["kind"], batch["state"], batch["name"]) == ("batch", "queued", "Invoices 2026/05")
    assert (batch["priority"], batch["file"]) == ("low", None)
    assert batch["batch"] == {"is_open": True, "tally": tally()}
    ids = [put(ben, batch["id"], name).json()["job_id"] for name in ("a.bin", "b.bin")]
    assert close(ben, batch["id"]) == 204
    last = [event for event in events(ben, f"{JOBS}/{batch['id']}/live") if event.event == "job"][-1].json()
    assert last["state"] == "completed"
    assert last["batch"] == {"is_open": False, "tally": tally(completed=2)}
    assert last["result"] == {"jobs": 2, "completed": 2, "failed": 0, "cancelled": 0}
    listed = ben.get(JOBS, params={"batch": batch["id"]}).json()["jobs"]
    assert [job["id"] for job in reversed(listed)] == ids
    assert {job["batch_id"] for job in listed} == {batch["id"]}


def test_a_batch_that_is_closed_or_cancelled_takes_no_more(ben: httpx.Client) -> None:
    closed, cancelled = opened(ben), opened(ben)
    assert put(ben, closed).status_code == 201
    assert close(ben, closed) == 204
    assert ben.post(f"{JOBS}/{cancelled}/cancellation").json()["state"] == "cancelled"
    for batch in (closed, cancelled):
        answer = put(ben, batch)
        assert (answer.status_code, answer.json()["detail"]) == (409, "This batch takes no more files.")
        assert close(ben, batch) == 409


def test_a_batch_that_was_given_nothing_is_not_kept(ben: httpx.Client) -> None:
    batch = opened(ben)
    assert close(ben, batch) == 204
    assert ben.get(f"{JOBS}/{batch}").status_code == 404


def test_nobody_fills_or_closes_another_s_batch(
    ada: httpx.Client, ben: httpx.Client, cleo: httpx.Client, anyone: httpx.Client
) -> None:
    batch = opened(ben)
    # An admin sees it, and still it is not theirs.
    for program, status in ((cleo, 404), (anyone, 401), (ada, 409)):
        assert put(program, batch).status_code == status
        assert close(program, batch) == status
    assert read(ada, batch)["batch"] == {"is_open": True, "tally": tally()}
    assert anyone.post(BATCHES).status_code == 401


@pytest.mark.parametrize("batch", ["0", "-1", "x", "9" * 40, "\0"])
def test_what_is_no_batch_s_number_is_not_there(ben: httpx.Client, batch: str) -> None:
    assert put(ben, batch).status_code == 404


def test_a_job_that_is_no_batch_takes_no_jobs(ben: httpx.Client) -> None:
    job_id = put(ben, "").json()["job_id"]
    assert put(ben, job_id).status_code == 409
    assert close(ben, job_id) == 409


@pytest.mark.parametrize(
    ("sent", "field"), [({"name": "x" * 256}, "name"), ({"name": 5}, "name"), ({"priority": []}, "priority")]
)
def test_a_batch_that_makes_no_sense_is_refused_in_words(ben: httpx.Client, sent: dict[str, Any], field: str) -> None:
    answer = ben.post(BATCHES, json=sent)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_batch_s_priority_is_like_a_job_s(ada: httpx.Client, ben: httpx.Client) -> None:
    assert ben.post(BATCHES, json={"priority": "high"}).status_code == 422
    assert ben.post(BATCHES, json={"priority": "urgent"}).status_code == 422
    assert close(ada, opened(ada, priority="high")) == 204


def test_a_page_of_another_site_opens_no_batch(browser: httpx.Client) -> None:
    assert browser.post(BATCHES, headers={"Origin": "https://evil.example"}).status_code == 400


def test_batches_and_what_is_put_into_them_are_there_once_for_each_key(ben: httpx.Client) -> None:
    key = {"Idempotency-Key": f"batch {time.monotonic_ns()}"}
    first, again = (ben.post(BATCHES, json={"name": "Once"}, headers=key) for _ in range(2))
    batch = first.json()["id"]
    assert again.json()["id"] == batch
    assert (again.headers["Location"], again.headers["Idempotent-Replayed"]) == (first.headers["Location"], "true")
    assert ben.post(BATCHES, json={"name": "Twice"}, headers=key).status_code == 422
    assert put(ben, batch, **key).status_code == 422
    key = {"Idempotency-Key": f"job {time.monotonic_ns()}"}
    job_id = put(ben, batch, **key).json()["job_id"]
    assert close(ben, batch) == 204
    # Though the batch takes no more: this was given before.
    assert put(ben, batch, **key).json()["job_id"] == job_id
    assert put(ben, "", **key).status_code == 422


def test_a_copy_is_there_once_for_each_key(ben: httpx.Client) -> None:
    job_id, key = put(ben, "").json()["job_id"], {"Idempotency-Key": f"copy {time.monotonic_ns()}"}
    sent = {"params": {"bytes_per_second": 1000}}
    first, again = (ben.post(f"{JOBS}/{job_id}/copies", json=sent, headers=key) for _ in range(2))
    assert first.status_code == 201
    assert first.json() == again.json() != {"job_id": job_id}
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ben.post(f"{JOBS}/{job_id}/copies", headers=key).status_code == 422
