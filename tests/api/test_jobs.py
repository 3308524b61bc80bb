"""Any kind of job by one call, as programs send it, well or badly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.streams import statuses

CALL = "/api/v1/jobs"
FILE = {"file": ("data.bin", b"hello")}


def test_a_job_of_any_kind_is_taken_from_anybody_who_may_log_in(ada: httpx.Client, ben: httpx.Client) -> None:
    answer = ben.post(CALL, data={"kind": "checksum", "params": '{"bytes_per_second": 1000}'}, files=FILE)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json().keys() == {"job_id"}
    assert isinstance(answer.json()["job_id"], str)
    assert statuses(ada, int(answer.json()["job_id"]))[-1]["status"] == "completed"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "There is no kind of job “”. There are: ingest_document, checksum."),
        ({"kind": "<b>\0"}, "There is no kind of job"),
        ({"kind": "checksum", "params": "nope"}, "“params” is not JSON."),
        ({"kind": "checksum", "params": "[1]"}, "“params” is not a JSON object."),
        ({"kind": "checksum", "params": "[" * 100_000}, "“params” is not JSON."),
        ({"kind": "checksum", "params": '{"speed": 1}'}, "speed: Extra inputs are not permitted"),
        ({"kind": "checksum", "params": '{"bytes_per_second": 1e999}'}, "finite number"),
        ({"kind": "checksum", "params": '{"bytes_per_second": 0}'}, "greater than or equal to 1"),
        ({"kind": "checksum", "params": '{"bytes_per_second": "%s"}' % ("9" * 5000)}, "bytes_per_second"),
        ({"kind": "ingest_document"}, "not of a type"),
    ],
)
def test_what_can_not_be_done_is_refused_in_words(ben: httpx.Client, form: dict[str, str], words: str) -> None:
    answer = ben.post(CALL, data=form, files=FILE)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json().keys() - {"errors"} == {"type", "title", "status", "detail"}
    assert answer.json()["status"] == 422
    assert words in answer.json()["detail"]
    for error in answer.json().get("errors", []):
        assert error.keys() == {"field", "detail"}
        assert error["field"] in answer.json()["detail"]


@pytest.mark.parametrize(
    "request_of",
    [
        {"json": {"kind": "checksum"}},
        {"content": b"", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"--x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"\xff\xfe" * 500, "headers": {"Content-Type": "multipart/form-data; boundary='\""}},
        {"content": b"kind=checksum&params=%ff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"data": {"kind": "checksum"}, "files": {"file": ("", b"hello")}},
        {"data": {"kind": "checksum"}, "files": {"other": ("data.bin", b"hello")}},
    ],
)
def test_a_call_that_makes_no_sense_is_no_fault_of_ours(ben: httpx.Client, request_of: dict[str, Any]) -> None:
    answer = ben.post(CALL, **request_of)
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/octet-stream"])
def test_what_is_neither_form_nor_json_is_of_no_use(ben: httpx.Client, media_type: str) -> None:
    answer = ben.post(CALL, content=b"kind=checksum", headers={"Content-Type": media_type})
    assert answer.status_code == 415
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "multipart/form-data" in answer.json()["detail"]


def test_half_of_a_surrogate_pair_breaks_no_answer(ben: httpx.Client) -> None:
    answer = ben.post(CALL, content=b'{"kind": "\\ud800"}', headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "There is no kind of job" in answer.json()["detail"]


def test_too_many_fields_are_refused(ben: httpx.Client) -> None:
    answer = ben.post(CALL, data={f"field{n}": "x" for n in range(200)}, files=FILE)
    assert answer.status_code == 413
    answer = ben.post(CALL, data={"kind": "checksum", "params": "x" * 300_000}, files=FILE)
    assert answer.status_code == 413
    assert answer.json()["detail"]


def test_a_login_cookie_may_be_used_by_pages_of_this_site_only(browser: httpx.Client, ben: httpx.Client) -> None:
    form: dict[str, Any] = {"data": {"kind": "checksum"}, "files": FILE}
    own = f"{browser.base_url.scheme}://{browser.base_url.netloc.decode()}"
    for origin in (
        "https://evil.example",
        "null",
        "http://[",
        "x",
        own.replace("127.0.0.1", "localhost"),
        f"{own}.evil.example",
    ):
        assert browser.post(CALL, **form, headers={"Origin": origin}).status_code == 400
    for site in ("cross-site", "same-site"):
        assert browser.post(CALL, **form, headers={"Sec-Fetch-Site": site}).status_code == 400
    for headers in ({"Origin": own}, {"Sec-Fetch-Site": "same-origin"}, {}):
        assert browser.post(CALL, **form, headers=headers).status_code == 201
    assert ben.post(CALL, **form, headers={"Origin": "https://evil.example"}).status_code == 201


def test_a_job_may_be_for_later(ben: httpx.Client) -> None:
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    answer = ben.post(CALL, data={"kind": "checksum", "run_at": in_an_hour}, files=FILE)
    assert answer.status_code == 201


@pytest.mark.parametrize("run_at", ["soon", "2026-11-24T14:00", "2001-01-01T00:00Z", "9999-12-31T23:59:59Z", "\0"])
def test_a_time_that_can_not_be_meant_is_refused_in_words(ben: httpx.Client, run_at: str) -> None:
    answer = ben.post(CALL, data={"kind": "checksum", "run_at": run_at}, files=FILE)
    assert answer.status_code == 422
    assert "time" in answer.json()["detail"]
