"""Contract A by a client that knows nothing else: upload a document, watch one fraction and one step."""

from __future__ import annotations

import json
import uuid
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.documents import pdf
from tests.serving import Server
from tests.streams import STATUS, RawConnection, cancel, events, start, statuses, watching

STEPS = (
    "initializing",
    "parsing-document",
    "chunking",
    "embedding",
    "extracting",
    "storing-graph",
    "storing-vectors",
)
PAGES = [f"Ada Lovelace wrote note {n} about the engine of Charles Babbage in London." for n in range(20)]


def upload(program: httpx.Client, data: bytes, name: str = "report.pdf") -> httpx.Response:
    return program.post("/api/documents", files={"file": (name, data)})


def test_a_document_is_watched_from_its_upload_to_its_end(ada: httpx.Client) -> None:
    answer = upload(ada, pdf(PAGES))
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json().keys() == {"documentId", "jobId"}
    assert str(uuid.UUID(answer.json()["documentId"])) == answer.json()["documentId"]
    told = events(ada, STATUS.format(answer.json()["jobId"]))
    assert {event.event for event in told} == {"message"}
    said = [event.json() for event in told]
    assert all(state.keys() == {"status", "progress", "step"} for state in said)
    assert all(isinstance(state["progress"], float) for state in said)
    assert all(earlier["progress"] <= later["progress"] for earlier, later in pairwise(said))
    words = [state["status"] for state in said]
    assert words == sorted(words, key=("queued", "processing", "completed").index)
    steps = [state["step"] for state in said]
    assert steps == sorted(steps, key=STEPS.index)
    assert said[-1] == {"status": "completed", "progress": 1.0, "step": "storing-vectors"}


def test_the_answer_comes_when_file_and_job_are_durable(ada: httpx.Client, server: Server) -> None:
    data = pdf(["Durable words."])
    job_id = upload(ada, data, "durable.pdf").json()["jobId"]
    jobs = map(json.loads, server.command("jobs", "list", "--json").splitlines())
    assert next(job for job in jobs if str(job["id"]) == job_id)["file_name"] == "durable.pdf"
    assert any(path.read_bytes() == data for path in kept_files(server))


def test_an_archive_is_no_document(ada: httpx.Client) -> None:
    answer = upload(ada, b"PK\3\4", "papers.zip")
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")


def kept_files(server: Server) -> list[Path]:
    return [path for path in (server.data_dir / "files").rglob("*") if path.is_file()]


def test_a_job_that_waits_says_so_at_once(ada: httpx.Client, server: Server) -> None:
    busy = [start(ada, bytes(100), bytes_per_second=1) for _ in range(2)]
    waiting = start(ada)
    with watching(ada, STATUS.format(waiting)) as stream:
        first = next(stream)
    cancel(server.browser(), *busy, waiting)
    assert first.json() == {"status": "queued", "progress": 0.0, "step": "initializing"}


def test_a_cancelled_job_is_reported_as_failed(ada: httpx.Client, server: Server) -> None:
    job_id = start(ada, bytes(100), bytes_per_second=1)
    with watching(ada, STATUS.format(job_id)) as stream:
        next(stream)
        cancel(server.browser(), job_id)
        last = list(stream)[-1].json()
    assert (last["status"], last["error"]) == ("failed", "cancelled")


def test_a_failed_job_says_why(ada: httpx.Client) -> None:
    job_id = int(upload(ada, pdf(["Secret."], password="sesame")).json()["jobId"])
    *before, last = statuses(ada, job_id)
    assert all("error" not in state for state in before)
    assert last["status"] == "failed"
    assert "password" in last["error"]


def test_a_finished_job_tells_its_end_again_to_whoever_comes_back(ada: httpx.Client) -> None:
    job_id = start(ada)
    first = events(ada, STATUS.format(job_id))[-1]
    for headers in ({}, {"Last-Event-ID": first.id}):
        again = events(ada, STATUS.format(job_id), **headers)
        assert [(event.data, event.id) for event in again] == [(first.data, first.id)]
    assert first.json() == {"status": "completed", "progress": 1.0, "step": "reading"}


def test_the_stream_is_plain_on_the_wire(ada: httpx.Client, server: Server) -> None:
    job_id = start(ada)
    statuses(ada, job_id)
    with RawConnection(server.url) as connection:
        connection.send_head(f"GET {STATUS.format(job_id)}", Authorization=ada.headers["Authorization"])
        answer = connection.answer()
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-length" not in answer.headers
    assert answer.ended_well
    comment, *told = answer.content.decode().removesuffix("\n\n").split("\n\n")
    assert comment.startswith(":")
    assert "\r" not in answer.content.decode()
    assert len(told) == 1
    retry, id, data = told[0].split("\n")
    assert retry.removeprefix("retry: ").isdigit()
    assert id.startswith(f"id: {job_id}.")
    assert json.loads(data.removeprefix("data: "))["status"] == "completed"


def test_a_job_is_followed_from_the_middle(ada: httpx.Client) -> None:
    job_id = start(ada, bytes(4000), bytes_per_second=4000)
    with watching(ada, STATUS.format(job_id)) as stream:
        moving = next(event for event in stream if event.json()["progress"] > 0)
    said = [event.json() for event in events(ada, STATUS.format(job_id), **{"Last-Event-ID": moving.id})]
    assert said[0]["progress"] >= moving.json()["progress"]
    assert said[-1]["status"] == "completed"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.pdf", b"", "is empty"),
        ("program.exe", b"MZ", "not of a type"),
        ("picture.pdf", b"\x89PNG\r\n\x1a\n", "it looks like a PNG image"),
    ],
)
def test_what_is_no_document_is_refused_in_words(ada: httpx.Client, name: str, data: bytes, words: str) -> None:
    answer = upload(ada, data, name)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert words in answer.json()["detail"]


def test_an_upload_without_a_file_is_refused(ada: httpx.Client) -> None:
    assert ada.post("/api/documents").json()["detail"] == "Choose a file first."


def test_uploading_documents_is_for_admins(ben: httpx.Client, anyone: httpx.Client) -> None:
    assert upload(ben, pdf(["Mine."])).status_code == 403
    assert upload(anyone, pdf(["Mine."])).status_code == 401


def test_a_browser_may_upload_with_its_login(server: Server) -> None:
    assert upload(server.browser(), pdf(["By cookie."])).status_code == 201
