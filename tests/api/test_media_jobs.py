"""Contract C by a client that knows nothing else: one object, by stream and by poll."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.serving import Server
from tests.streams import MEDIA, RawConnection, cancel, events, ingest, start, watching
from webapp.kinds import KINDS

STATUS = MEDIA.replace("/stream", "/status")
FIELDS = {
    "job_id": str,
    "status": str,
    "phase": str,
    "progress_percentage": float,
    "current_step": str,
    "created_at": str,
    "started_at": (str, type(None)),
    "completed_at": (str, type(None)),
    "error_message": (str, type(None)),
    "output_file": (str, type(None)),
    "timestamp": str,
}
TIMES = ("created_at", "started_at", "completed_at", "timestamp")


def check(said: dict[str, Any]) -> None:
    assert said.keys() == FIELDS.keys()
    for name, kind in FIELDS.items():
        assert isinstance(said[name], kind), name
    assert said["status"] in ("pending", "processing", "completed", "failed")
    assert 0 <= said["progress_percentage"] <= 100
    for name in TIMES:
        moment = said[name] and datetime.fromisoformat(said[name])
        assert not moment or moment.utcoffset() == timedelta(0)


def test_a_job_is_followed_to_its_end(ben: httpx.Client) -> None:
    job_id = start(ben, bytes(3000), bytes_per_second=3000)
    told = events(ben, MEDIA.format(job_id))
    assert {event.event for event in told} == {"message"}
    assert all(event.id for event in told)
    said = [event.json() for event in told]
    for state in said:
        check(state)
        assert state["job_id"] == str(job_id)
        assert state["output_file"] is None
    statuses = [state["status"] for state in said]
    assert statuses == sorted(statuses, key=("pending", "processing", "completed").index)
    phases = [state["phase"] for state in said]
    assert phases == sorted(phases, key=("PENDING", "READING", "COMPLETED").index)
    assert all(a["progress_percentage"] <= b["progress_percentage"] for a, b in pairwise(said))
    assert any(0 < state["progress_percentage"] < 100 for state in said)
    last = said[-1]
    assert (last["status"], last["phase"], last["progress_percentage"]) == ("completed", "COMPLETED", 100.0)
    assert last["created_at"] <= last["started_at"] <= last["completed_at"] <= last["timestamp"]
    assert last["error_message"] is None


def test_poll_and_stream_say_the_same(ben: httpx.Client) -> None:
    job_id = start(ben)
    (last,) = events(ben, MEDIA.format(job_id))[-1:]
    assert ben.get(STATUS.format(job_id)).json() == last.json()
    waiting = start(ben, bytes(1000), bytes_per_second=1)
    with watching(ben, MEDIA.format(waiting)) as stream:
        # Whichever of them was first: at some moment both are asked of the same state.
        same = (event.json() == ben.get(STATUS.format(waiting)).json() for event in stream)
        assert any(next(same) for _ in range(5))
    ben.post("/api/background-process", data={"action": "cancel", "job_id": waiting})


def test_a_poll_is_json_that_is_not_kept(ben: httpx.Client) -> None:
    answer = ben.get(STATUS.format(start(ben)))
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    check(answer.json())


def test_a_change_reaches_the_client_within_half_a_second(ben: httpx.Client) -> None:
    job_id = start(ben, bytes(4000), bytes_per_second=2000)
    with watching(ben, MEDIA.format(job_id)) as stream:
        delays = []
        for event in stream:
            state = event.json()
            if state["status"] == "processing" and state["progress_percentage"]:
                delays.append(datetime.now(UTC) - datetime.fromisoformat(state["timestamp"]))
    assert len(delays) > 3
    assert sorted(delays)[len(delays) // 2] < timedelta(seconds=0.5)


def test_a_cancelled_job_is_reported_as_failed(ben: httpx.Client) -> None:
    job_id = start(ben, bytes(1000), bytes_per_second=1)
    with watching(ben, MEDIA.format(job_id)) as stream:
        next(stream)
        ben.post("/api/background-process", data={"action": "cancel", "job_id": job_id})
        last = list(stream)[-1].json()
    assert (last["status"], last["phase"], last["error_message"]) == ("failed", "FAILED", "cancelled")
    assert last["completed_at"]


def test_any_kind_of_job_can_be_read(ada: httpx.Client) -> None:
    job_id = ingest(ada, "\n\n".join(f"Sentence {n} about London." for n in range(100)).encode())
    phases = [event.json()["phase"] for event in events(ada, MEDIA.format(job_id))]
    # Which stages are seen depends on the pace, the latest state wins; but no other words, and in their order.
    stages = [stage.name.upper() for stage in KINDS["ingest_document"].stages]
    seen = list(dict.fromkeys(phase for phase in phases if phase not in ("PENDING", "COMPLETED")))
    assert seen
    assert seen == [stage for stage in stages if stage in seen]
    assert phases[-1] == "COMPLETED"


def test_a_finished_job_tells_its_end_again_to_whoever_comes_back(ben: httpx.Client) -> None:
    job_id = start(ben)
    first = events(ben, MEDIA.format(job_id))[-1]
    for headers in ({}, {"Last-Event-ID": first.id}):
        again = events(ben, MEDIA.format(job_id), **headers)
        assert [(event.data, event.id) for event in again] == [(first.data, first.id)]


def test_who_comes_back_in_the_middle_goes_on_from_there(ben: httpx.Client) -> None:
    job_id = start(ben, bytes(4000), bytes_per_second=4000)
    with watching(ben, MEDIA.format(job_id)) as stream:
        moving = next(event for event in stream if event.json()["progress_percentage"] > 0)
    said = [event.json() for event in events(ben, MEDIA.format(job_id), **{"Last-Event-ID": moving.id})]
    assert said[0]["progress_percentage"] >= moving.json()["progress_percentage"]
    assert said[-1]["status"] == "completed"


@pytest.mark.parametrize("path", [MEDIA, STATUS])
def test_it_is_for_the_owner_and_admins(
    ada: httpx.Client, ben: httpx.Client, cleo: httpx.Client, anyone: httpx.Client, path: str
) -> None:
    job_id = start(ben)
    told = [program.head(path.format(job_id)).status_code for program in (ada, ben, cleo, anyone)]
    assert told == [200, 200, 404, 401]
    assert cleo.get(path.format("job_123")).json()["detail"] == cleo.get(path.format(job_id)).json()["detail"]


def test_a_poll_takes_no_ticket(ben: httpx.Client, anyone: httpx.Client) -> None:
    job_id = start(ben)
    ticket = ben.post(f"/api/v1/jobs/{job_id}/tickets").json()["ticket"]
    assert anyone.get(f"{STATUS.format(job_id)}?token={ticket}").status_code == 401
    assert events(anyone, f"{MEDIA.format(job_id)}?token={ticket}")[-1].json()["status"] == "completed"


def test_a_deleted_job_ends_its_stream(ben: httpx.Client, server: Server) -> None:
    browser = server.browser({"email": "ben@example.org", "password": "correct horse"})
    job_id = start(ben, bytes(1000), bytes_per_second=1)
    began = time.monotonic()
    with watching(ben, MEDIA.format(job_id)) as stream:
        next(stream)
        cancel(browser, job_id)
        assert list(stream)[-1].json()["status"] == "failed"
    assert time.monotonic() - began < 20


def test_the_stream_is_plain_on_the_wire(ben: httpx.Client, server: Server) -> None:
    job_id = start(ben)
    events(ben, MEDIA.format(job_id))
    with RawConnection(server.url) as connection:
        connection.send_head(f"GET {MEDIA.format(job_id)}", Authorization=ben.headers["Authorization"])
        answer = connection.answer()
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.ended_well
    comment, told = answer.content.decode().removesuffix("\n\n").split("\n\n")
    assert comment.startswith(":")
    assert [line.partition(":")[0] for line in told.split("\n")] == ["retry", "id", "data"]
