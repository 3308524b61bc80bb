"""Contract E by a client that knows nothing else: progress, then completed or failed, and a sign of life."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import httpx

from tests.documents import pdf
from tests.streams import IMPORT, RawConnection, events, ingest, start, watching
from webapp.api.trace_import import TraceImport

JOB = IMPORT.removesuffix("/stream")
BEAT = 15.0


def test_progress_comes_until_it_is_completed(ben: httpx.Client) -> None:
    data = b"x" * 3000
    job_id = start(ben, data, bytes_per_second=3000)
    told = events(ben, IMPORT.format(job_id))
    *before, last = [event for event in told if event.event != "heartbeat"]
    assert {event.event for event in before} == {"progress"}
    for event in before:
        assert event.json().keys() == {"status", "progress"}
        assert event.json()["status"] in ("queued", "running")
        assert 0 <= event.json()["progress"] <= 100
    assert all(a.json()["progress"] <= b.json()["progress"] for a, b in pairwise(before))
    assert any(0 < event.json()["progress"] < 100 for event in before)
    assert last is told[-1]
    assert last.event == "completed"
    assert last.json().keys() == {"status", "result"}
    assert last.json()["status"] == "completed"
    assert last.json()["result"]["md5"] == hashlib.md5(data).hexdigest()
    assert all(event.id for event in told)


def test_a_job_that_waits_or_runs_shows_a_sign_of_life(ben: httpx.Client) -> None:
    job_id = start(ben, bytes(1000), bytes_per_second=1)
    with watching(ben, IMPORT.format(job_id)) as stream:
        first, second = next(stream), next(event for event in stream if event.event == "heartbeat")
    ben.post("/api/background-process", data={"action": "cancel", "job_id": job_id})
    assert first.event == "progress"
    assert second.json() == {}


def test_signs_of_life_are_parts_of_their_own_every_quarter_of_a_minute() -> None:
    moment = 1_000 * BEAT
    rendering = TraceImport(clock=lambda: moment)
    assert rendering.refresh == BEAT
    (first,) = rendering.beat()
    moment += BEAT - 1
    assert rendering.beat().keys() == {first}
    moment += 1
    assert rendering.beat().keys() != {first}


def test_a_failed_job_says_why_and_where(ada: httpx.Client) -> None:
    job_id = ingest(ada, pdf(["Secret."], password="sesame"), "secret.pdf")
    last = events(ada, IMPORT.format(job_id))[-1]
    assert last.event == "failed"
    assert last.json().keys() == {"status", "error", "details"}
    assert last.json()["status"] == "failed"
    assert "password" in last.json()["error"]
    assert last.json()["details"] == "It stopped at “parsing-document”, in attempt 1."


def test_a_cancelled_job_is_reported_as_failed(ben: httpx.Client) -> None:
    job_id = start(ben, bytes(1000), bytes_per_second=1)
    ben.post("/api/background-process", data={"action": "cancel", "job_id": job_id})
    last = events(ben, IMPORT.format(job_id))[-1]
    assert (last.event, last.json()["error"]) == ("failed", "cancelled")


def test_a_finished_job_tells_its_end_alone(ben: httpx.Client) -> None:
    job_id = start(ben)
    first = events(ben, IMPORT.format(job_id))[-1]
    for headers in ({}, {"Last-Event-ID": first.id}):
        (again,) = events(ben, IMPORT.format(job_id), **headers)
        assert (again.event, again.data, again.id) == ("completed", first.data, first.id)


def test_the_job_can_be_read_as_json(ben: httpx.Client) -> None:
    job_id = start(ben)
    result = events(ben, IMPORT.format(job_id))[-1].json()["result"]
    job = ben.get(JOB.format(job_id)).json()
    assert (job["id"], job["status"], job["progress"]) == (str(job_id), "completed", 100.0)
    assert job["result"] == result
    assert job["error"] is job["details"] is None
    assert job["created_at"] <= job["started_at"] <= job["completed_at"]


def test_it_is_for_the_owner_and_admins(
    ada: httpx.Client, ben: httpx.Client, cleo: httpx.Client, anyone: httpx.Client
) -> None:
    job_id = start(ben)
    for path in (IMPORT, JOB):
        told = [program.head(path.format(job_id)).status_code for program in (ada, ben, cleo, anyone)]
        assert told == [200, 200, 404, 401]


def test_a_client_that_reads_bytes_needs_no_library(ben: httpx.Client) -> None:
    job_id = start(ben)
    events(ben, IMPORT.format(job_id))
    with RawConnection(str(ben.base_url)) as connection:
        connection.send_head(f"GET {IMPORT.format(job_id)}", Authorization=ben.headers["Authorization"])
        answer = connection.answer()
    assert answer.ended_well
    _, told = answer.content.decode().removesuffix("\n\n").split("\n\n")
    assert [line.partition(":")[0] for line in told.split("\n")] == ["retry", "event", "id", "data"]
