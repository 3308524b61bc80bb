"""Contract D by a client that knows nothing else: a status by name or number, a summary, retry and cancel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from httpx_sse import ServerSentEvent

from tests.streams import RawConnection, events, start, watching

CALL = "/api/background-process"
SSE = "/api/sse"
ADMIN = "/api/sse/admin"
STATUS = {"id", "filename", "status", "progress", "step", "attempts", "error", "updated_at"}
STATES = {"pending", "processing", "completed", "failed"}
# A summary says so at the latest.
SOON = 2.0


def check(status: dict[str, Any]) -> None:
    assert status.keys() == STATUS
    assert status["status"] in STATES
    assert 0 <= status["progress"] <= 100
    assert isinstance(status["id"], str)
    assert isinstance(status["attempts"], int)
    assert datetime.fromisoformat(status["updated_at"]).utcoffset() == timedelta(0)


def check_summary(summary: dict[str, Any]) -> None:
    assert summary.keys() == {"counts", "jobs"}
    assert summary["counts"].keys() == STATES
    for job in summary["jobs"]:
        check(job)
    ids = [int(job["id"]) for job in summary["jobs"]]
    assert ids == sorted(ids, reverse=True)


@pytest.fixture
def named() -> str:
    """A file name that no other test uses."""
    return f"report {time.monotonic_ns()} ä&b.bin"


@contextmanager
def lasting(program: httpx.Client, name: str = "data.bin") -> Iterator[int]:
    """A job that goes on for longer than any test, and is cancelled after it."""
    job_id = start(program, bytes(1000), name, bytes_per_second=1)
    yield job_id
    steer(program, "cancel", job_id)


def steer(program: httpx.Client, action: str, job_id: int | str) -> httpx.Response:
    return program.post(CALL, data={"action": action, "job_id": str(job_id)})


def states(stream: Iterator[ServerSentEvent], name: str = "status") -> Iterator[dict[str, Any]]:
    return (event.json() for event in stream if event.event == name)


def until(stream: Iterator[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    return next(said for said in stream if holds(said))


def job_in(summary: dict[str, Any], job_id: int) -> dict[str, Any] | None:
    return next((job for job in summary["jobs"] if job["id"] == str(job_id)), None)


def test_the_newest_job_of_a_file_is_told_by_its_name(ben: httpx.Client, named: str) -> None:
    start(ben, name=named)
    newest = start(ben, name=named)
    (*_, end) = events(ben, f"{SSE}?job_id={newest}")
    answer = ben.get(CALL, params={"action": "status", "filename": named})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    check(answer.json())
    assert answer.json() == end.json()
    assert (end.json()["id"], end.json()["filename"]) == (str(newest), named)
    assert (end.json()["status"], end.json()["progress"], end.json()["attempts"]) == ("completed", 100.0, 1)


@pytest.mark.parametrize("how", ["?sse=true&action=status&", "accept", SSE])
def test_a_file_is_followed_to_the_end_of_its_job(ben: httpx.Client, named: str, how: str) -> None:
    job_id = start(ben, bytes(2000), named, bytes_per_second=2000)
    path = str(httpx.URL(SSE if how == SSE else CALL, params={"action": "status", "filename": named}))
    headers = {"Accept": "text/event-stream"} if how == "accept" else {"Accept": "*/*"}
    told = events(ben, path + ("&sse=true" if how.startswith("?") else ""), **headers)
    assert {event.event for event in told} <= {"status", "heartbeat"}
    assert (told[0].event, told[-1].event) == ("status", "status")
    said = list(states(iter(told)))
    for status in said:
        check(status)
        assert (status["id"], status["filename"]) == (str(job_id), named)
    assert any(0 < status["progress"] < 100 for status in said)
    words = [status["status"] for status in said]
    assert words == sorted(words, key=("pending", "processing", "completed").index)
    assert said[-1]["step"] == "reading"
    assert all(event.id for event in told)


def test_a_heartbeat_says_when(ben: httpx.Client) -> None:
    with lasting(ben) as job_id, watching(ben, f"{SSE}?job_id={job_id}") as stream:
        said = next(states(stream, "heartbeat"))
    assert said.keys() == {"at"}
    assert abs(datetime.fromisoformat(said["at"]).timestamp() - time.time()) < 60


def test_a_job_is_cancelled_and_retried(ben: httpx.Client) -> None:
    job_id = start(ben, bytes(3000), bytes_per_second=1000)
    with watching(ben, f"{SSE}?job_id={job_id}") as stream:
        told = states(stream)
        next(told)
        answer = steer(ben, "cancel", job_id)
        assert answer.status_code == 200
        check(answer.json())
        assert answer.json()["id"] == str(job_id)
        *_, last = told
    assert (last["status"], last["error"]) == ("failed", "cancelled")
    assert steer(ben, "cancel", job_id).status_code == 409
    again = steer(ben, "retry", job_id)
    assert again.json()["status"] in ("pending", "processing")
    assert again.json()["error"] is None
    assert steer(ben, "retry", job_id).status_code == 409
    assert events(ben, f"{SSE}?job_id={job_id}")[-1].json()["status"] == "completed"


def test_a_call_may_be_json_or_a_form(ben: httpx.Client) -> None:
    for request_of in (
        lambda fields: {"json": fields},
        lambda fields: {"data": fields},
        lambda fields: {"params": fields},
        lambda fields: {"files": {name: (None, value) for name, value in fields.items()}},
    ):
        job_id = start(ben, bytes(1000), bytes_per_second=1)
        answer = ben.post(CALL, **request_of({"action": "cancel", "job_id": str(job_id)}))
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        ({}, 422),
        ({"data": {"action": "explode", "job_id": "1"}}, 422),
        ({"data": {"action": "retry"}}, 422),
        ({"data": {"action": "retry", "job_id": "x"}}, 404),
        ({"json": []}, 400),
        ({"json": {"action": ["retry"], "job_id": {}}}, 422),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_in_words(
    ben: httpx.Client, request_of: dict[str, Any], status: int
) -> None:
    answer = ben.post(CALL, **request_of)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(".")


def test_asking_for_nothing_known_is_refused_in_words(ben: httpx.Client) -> None:
    for path, status in (
        (f"{CALL}?action=explode", 422),
        (f"{CALL}?action=status&filename=none.bin", 404),
        (f"{CALL}?action=status&filename=none.bin&sse=true", 404),
        (SSE, 422),
        (f"{SSE}?filename=none.bin", 404),
        (f"{SSE}?job_id=x", 404),
    ):
        answer = ben.get(path)
        assert answer.status_code == status, path
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_member_sees_and_steers_their_own_jobs_only(
    ada: httpx.Client, ben: httpx.Client, cleo: httpx.Client, anyone: httpx.Client, named: str
) -> None:
    with lasting(ben, named) as job_id:
        for path in (f"{SSE}?job_id={job_id}", f"{SSE}?filename={named}", f"{CALL}?action=status&filename={named}"):
            path = path.replace("&b", "%26b")
            told = [program.head(path).status_code for program in (ada, ben, cleo, anyone)]
            assert told == [200, 200, 404, 401], path
        assert [steer(program, "cancel", job_id).status_code for program in (cleo, anyone)] == [404, 401]
        seen = [job_in(program.get(f"{CALL}?action=status").json(), job_id) for program in (ada, ben, cleo)]
        assert [bool(job) for job in seen] == [True, True, False]


def test_the_admin_s_stream_is_for_admins(ben: httpx.Client, ada: httpx.Client, anyone: httpx.Client) -> None:
    assert [program.head(ADMIN).status_code for program in (ada, ben, anyone)] == [200, 403, 401]


def test_the_summary_counts_every_job_and_lists_the_newest(cleo: httpx.Client) -> None:
    before = cleo.get(f"{CALL}?action=status").json()
    check_summary(before)
    job_id = start(cleo)
    events(cleo, f"{SSE}?job_id={job_id}")
    after = cleo.get(f"{CALL}?action=status").json()
    check_summary(after)
    assert after["counts"]["completed"] == before["counts"]["completed"] + 1
    assert after["jobs"][0]["id"] == str(job_id)
    assert after["jobs"][0] == cleo.get(f"{CALL}?action=status&filename=data.bin").json()


@pytest.mark.parametrize("path", [ADMIN, f"{CALL}?action=status&sse=true"])
def test_the_summary_is_sent_when_a_job_is_added_changes_or_is_retried(ada: httpx.Client, path: str) -> None:
    with watching(ada, path) as stream:
        told = states(stream, "summary")
        first = next(told)
        check_summary(first)
        job_id = start(ada, bytes(1000), bytes_per_second=1)
        began = time.monotonic()
        until(told, lambda summary: job_in(summary, job_id) is not None)
        assert time.monotonic() - began < SOON
        steer(ada, "cancel", job_id)
        ended = until(told, lambda summary: (job_in(summary, job_id) or {}).get("status") == "failed")
        # Another test's job may have ended meanwhile.
        assert ended["counts"]["failed"] > first["counts"]["failed"]
        steer(ada, "retry", job_id)
        until(told, lambda summary: (job_in(summary, job_id) or {}).get("status") in ("pending", "processing"))
    steer(ada, "cancel", job_id)


def test_a_member_s_summary_streams_their_own_jobs(ada: httpx.Client, cleo: httpx.Client) -> None:
    with watching(cleo, CALL + "?action=status", Accept="text/event-stream") as stream:
        told = states(stream, "summary")
        next(told)
        other, own = start(ada), start(cleo)
        seen = until(told, lambda summary: job_in(summary, own) is not None)
    assert job_in(seen, other) is None


def test_tickets_open_the_streams_of_their_job(ben: httpx.Client, anyone: httpx.Client, named: str) -> None:
    job_id, other = start(ben, name=named), start(ben, name=named + "2")
    ticket = ben.post(f"/api/v1/jobs/{job_id}/tickets").json()["ticket"]
    name = str(httpx.QueryParams({"filename": named}))
    for path in (f"{SSE}?job_id={job_id}", f"{SSE}?{name}", f"{CALL}?action=status&sse=true&{name}"):
        assert events(anyone, f"{path}&token={ticket}")[-1].json()["status"] == "completed"
    for path in (f"{SSE}?job_id={other}", f"{SSE}?{name}2", f"{CALL}?action=status&sse=true", f"{ADMIN}?"):
        assert anyone.get(f"{path}&token={ticket}").status_code == 401, path
    assert anyone.get(f"{CALL}?action=status&{name}&token={ticket}").status_code == 401
    start(ben, name=named)
    assert anyone.get(f"{SSE}?{name}&token={ticket}").status_code == 401


def test_who_comes_back_to_a_finished_job_hears_its_end_again(ben: httpx.Client) -> None:
    job_id = start(ben)
    first = events(ben, f"{SSE}?job_id={job_id}")[-1]
    (again,) = events(ben, f"{SSE}?job_id={job_id}", **{"Last-Event-ID": first.id})
    assert (again.event, again.data, again.id) == ("status", first.data, first.id)


def test_a_client_that_reads_bytes_needs_no_library(ben: httpx.Client) -> None:
    job_id = start(ben)
    events(ben, f"{SSE}?job_id={job_id}")
    with RawConnection(str(ben.base_url)) as connection:
        connection.send_head(f"GET {SSE}?job_id={job_id}", Authorization=ben.headers["Authorization"])
        answer = connection.answer()
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.ended_well
    _, told = answer.content.decode().removesuffix("\n\n").split("\n\n")
    assert [line.partition(":")[0] for line in told.split("\n")] == ["retry", "event", "id", "data"]
