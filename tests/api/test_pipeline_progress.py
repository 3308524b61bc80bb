"""Contract B by a client that knows nothing else: stages, workers and counts of ingestions, as named events."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import httpx
import pytest
from httpx_sse import ServerSentEvent

from tests.documents import pdf
from tests.serving import Server
from tests.streams import PIPELINE, PIPELINES, RawConnection, events, ingest, start, watching

NUMBER = (int, float)
# The contract's own example, as types: a dict has these keys and no others.
STAGE = {
    "name": str,
    "status": ("pending", "in_progress", "completed", "error"),
    "processed": int,
    "total": int,
    "in_flight": int,
    "progress_percent": float,
    "duration_ms": int,
    "is_complete": bool,
}
WORKER = {
    "id": int,
    "status": ("idle", "processing", "error"),
    "current_chunk": (str, type(None)),
    "progress_percent": float,
}
PROGRESS = {
    "document_id": str,
    "document_name": str,
    "total_chunks": int,
    "total_images": int,
    "stages": dict,
    "worker_pool": {"active": int, "max": int, "queue_depth": int, "workers": list},
    "metrics": {"entities_total": int, "relations_total": int, "neo4j_writes": int, "qdrant_writes": int},
    "timing": {
        "started_at": (float, type(None)),
        "elapsed_ms": int,
        "estimated_remaining_ms": (int, type(None)),
    },
    "overall_progress_percent": float,
}
INTERVAL = 0.5
# Between two reads of a clock in another process, on a busy machine.
TOLERANCE = 0.1


def check(value: Any, expected: Any) -> None:
    """That a value has the shape that the contract shows."""
    if isinstance(expected, dict):
        assert value.keys() == expected.keys()
        for name, inner in expected.items():
            check(value[name], inner)
    elif isinstance(expected, tuple) and isinstance(expected[0], str):
        assert value in expected
    else:
        assert isinstance(value, expected)
        assert not isinstance(value, bool) or expected is bool


def check_progress(progress: dict[str, Any]) -> None:
    check(progress, PROGRESS)
    for name, stage in progress["stages"].items():
        check(stage, STAGE)
        assert stage["name"] == name
        assert stage["is_complete"] == (stage["status"] == "completed")
        assert stage["processed"] + stage["in_flight"] <= max(stage["total"], stage["processed"])
    for worker in progress["worker_pool"]["workers"]:
        check(worker, WORKER)


def milestones(progress: dict[str, Any]) -> list[str]:
    return [stage["status"] for stage in progress["stages"].values()]


def ends(progress: dict[str, Any]) -> int:
    """How many stages have ended."""
    return sum(status in ("completed", "error") for status in milestones(progress))


def long_document(mark: str, sentences: int = 900) -> bytes:
    """Some seconds of work, and never the same document twice."""
    return "\n\n".join(
        f"On day {n} of the {mark} journey, Ada Lovelace met Charles Babbage in London to talk about engine {n}."
        for n in range(sentences)
    ).encode()


@pytest.fixture(scope="module")
def told(ada: httpx.Client) -> list[tuple[float, ServerSentEvent]]:
    """One ingestion's whole stream, and when each event arrived."""
    job_id = ingest(ada, long_document("first"), "journey.txt")
    with watching(ada, PIPELINE.format(job_id)) as stream:
        return [(time.monotonic(), event) for event in stream]


def progresses(told: list[tuple[float, ServerSentEvent]]) -> list[dict[str, Any]]:
    return [event.json() for _, event in told if event.event == "pipeline_progress"]


def test_every_event_is_as_the_contract_shows_it(told: list[tuple[float, ServerSentEvent]]) -> None:
    *before, (_, last) = told
    assert {event.event for _, event in before} == {"pipeline_progress"}
    assert (last.event, last.data) == ("complete", "{}")
    for progress in progresses(told):
        check_progress(progress)
        assert progress["document_name"] == "journey.txt"
    assert len({progress["document_id"] for progress in progresses(told)}) == 1


def test_progress_comes_at_most_every_half_second_but_for_milestones(
    told: list[tuple[float, ServerSentEvent]],
) -> None:
    # The last one is the job's end, and never held back either.
    *moments, _ = [(at, ends(event.json())) for at, event in told if event.event == "pipeline_progress"]
    held = [later[0] - earlier[0] for earlier, later in pairwise(moments) if earlier[1] == later[1]]
    assert len(held) >= 3
    assert min(held) >= INTERVAL - TOLERANCE


def test_stages_come_in_order_and_no_end_is_held_back(told: list[tuple[float, ServerSentEvent]]) -> None:
    seen = progresses(told)
    names = list(seen[0]["stages"])
    assert names[0] == "parsing-document"
    for progress in seen:
        complete = [stage["is_complete"] for stage in progress["stages"].values()]
        assert complete == sorted(complete, reverse=True)
    percents = [progress["overall_progress_percent"] for progress in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0


def test_the_figures_are_true(told: list[tuple[float, ServerSentEvent]]) -> None:
    seen = progresses(told)
    for progress in seen:
        pool = progress["worker_pool"]
        at_work = [worker for worker in pool["workers"] if worker["status"] == "processing"]
        assert pool["active"] == len(at_work)
        assert len(pool["workers"]) == pool["max"]
        assert all(worker["current_chunk"] for worker in at_work)
    assert any(progress["worker_pool"]["active"] for progress in seen)
    last = seen[-1]
    assert last["metrics"]["qdrant_writes"] == last["total_chunks"] > 0
    assert last["metrics"]["entities_total"] > 0
    assert last["metrics"]["neo4j_writes"] > 0
    assert last["timing"]["estimated_remaining_ms"] == 0
    assert abs(last["timing"]["started_at"] - time.time()) < 600


def test_every_event_that_carries_state_has_an_id(told: list[tuple[float, ServerSentEvent]]) -> None:
    assert all(event.id for _, event in told if event.event == "pipeline_progress")


def test_a_finished_ingestion_tells_its_end_again(ada: httpx.Client) -> None:
    job_id = ingest(ada, b"Short words about London.")
    events(ada, PIPELINE.format(job_id))
    for _ in range(2):
        progress, complete = events(ada, PIPELINE.format(job_id))
        assert progress.json()["overall_progress_percent"] == 100.0
        assert complete.event == "complete"


def test_a_failed_ingestion_ends_with_its_error(ada: httpx.Client) -> None:
    job_id = ingest(ada, pdf(["Secret."], password="sesame"), "secret.pdf")
    *_, progress, error = events(ada, PIPELINE.format(job_id))
    check_progress(progress.json())
    assert milestones(progress.json())[0] == "error"
    assert error.event == "error"
    assert error.json().keys() == {"message", "job_id"}
    assert "password" in error.json()["message"]
    assert error.json()["job_id"] == str(job_id)


@pytest.mark.parametrize("job_id", ["job_123", "999999", "0", "-1", "%3Cscript%3E", "9" * 400])
def test_an_unknown_job_is_one_error_event_and_the_end(ada: httpx.Client, job_id: str) -> None:
    (event,) = events(ada, PIPELINE.format(job_id))
    plain = job_id.replace("%3C", "<").replace("%3E", ">")
    assert event.event == "error"
    assert event.json() == {"message": f"Job not found: {plain}", "job_id": plain}


def test_a_job_of_another_kind_is_no_ingestion(ada: httpx.Client) -> None:
    (event,) = events(ada, PIPELINE.format(start(ada)))
    assert event.event == "error"


def test_one_connection_shows_every_ingestion_that_runs_or_comes(ada: httpx.Client) -> None:
    first = ingest(ada, long_document("second", 300), "second.txt")
    done: set[str] = set()
    with watching(ada, PIPELINES) as stream:
        later = None
        for event in stream:
            assert event.event == "pipeline_progress"
            progress = event.json()
            check_progress(progress)
            assert event.id.partition(".")[0] in {str(first), str(later)}
            later = later or ingest(ada, long_document("third", 100), "third.txt")
            if progress["overall_progress_percent"] == 100.0:
                done.add(progress["document_name"])
            if done == {"second.txt", "third.txt"}:
                break


def test_the_stream_is_plain_on_the_wire(ada: httpx.Client, server: Server) -> None:
    job_id = ingest(ada, b"Plain words.")
    events(ada, PIPELINE.format(job_id))
    for path, count in ((PIPELINE.format(job_id), 2), (PIPELINE.format("job_123"), 1)):
        with RawConnection(server.url) as connection:
            connection.send_head(f"GET {path}", Authorization=ada.headers["Authorization"])
            answer = connection.answer()
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-length" not in answer.headers
        assert answer.ended_well
        comment, *told = answer.content.decode().removesuffix("\n\n").split("\n\n")
        assert comment.startswith(":")
        assert len(told) == count
        for event in told:
            assert len([line for line in event.split("\n") if line.startswith("data: ")]) == 1
            json.loads(event.rpartition("data: ")[2])
