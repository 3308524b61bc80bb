"""Everything a page can do with jobs, by JSON: list and read them, cancel, retry, copy, delete, download."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.serving import eventually
from tests.streams import MEDIA, cancel, events, ingest, start, watching

JOBS = "/api/v1/jobs"
BRIEF = {
    "id",
    "name",
    "kind",
    "state",
    "owner",
    "priority",
    "params",
    "file",
    "batch_id",
    "schedule_id",
    "attempts",
    "error",
    "created_at",
    "run_at",
    "started_at",
    "finished_at",
    "cancel_requested_at",
}
FULL = BRIEF | {
    "document_id",
    "worker",
    "live_known",
    "progress",
    "place",
    "reason",
    "starts_in",
    "left",
    "time_limit",
    "resumes_at",
    "outputs",
    "batch",
    "result",
}
# What may be done to a job, by whoever may see it.
ACTS = (
    ("GET", "", 200),
    ("GET", "/events", 200),
    ("GET", "/log", 200),
    ("GET", "/file", 200),
    ("GET", "/status", 200),
    ("POST", "/copies", 201),
    ("POST", "/tickets", 201),
    ("POST", "/attempts", 409),
    ("POST", "/cancellation", 409),
)


def read(program: httpx.Client, job_id: int | str) -> dict[str, Any]:
    answer = program.get(f"{JOBS}/{job_id}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json().keys() == FULL
    return answer.json()


def done(program: httpx.Client, **values: Any) -> int:
    """A job that has come to its end."""
    job_id = start(program, **values)
    events(program, MEDIA.format(job_id))
    return job_id


@contextmanager
def lasting(program: httpx.Client) -> Iterator[int]:
    """A job that goes on for longer than any test, and is cancelled after it."""
    job_id = start(program, bytes(1000), bytes_per_second=1)
    yield job_id
    program.post(f"{JOBS}/{job_id}/cancellation")


def test_a_job_says_all_that_is_true_of_it(ben: httpx.Client) -> None:
    job_id = done(ben, name="a ä.bin")
    job = read(ben, job_id)
    assert (job["id"], job["kind"], job["state"], job["owner"]) == (
        str(job_id),
        "checksum",
        "completed",
        "ben@example.org",
    )
    assert (job["name"], job["batch"]) == ("a ä.bin", None)
    assert job["file"] == {
        "name": "a ä.bin",
        "size": 5,
        "media_type": "application/octet-stream",
        "sha256": hashlib.sha256(b"hello").hexdigest(),
        "url": f"{JOBS}/{job_id}/file",
    }
    assert job["result"]["sha256"] == job["file"]["sha256"]
    assert (job["attempts"], job["priority"], job["error"]) == (1, "normal", None)
    (stage,) = job["progress"]["stages"]
    assert (stage["name"], stage["status"], stage["done"], stage["total"]) == ("reading", "completed", 5, 5)
    assert job["progress"]["fraction"] == 1.0
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]


def test_a_running_job_says_how_far_it_is(ben: httpx.Client) -> None:
    with lasting(ben) as job_id:
        with watching(ben, MEDIA.format(job_id)) as stream:
            next(event for event in stream if event.json()["progress_percentage"])
        job = read(ben, job_id)
    assert job["state"] == "processing"
    assert job["worker"]
    assert job["live_known"]
    assert 0 < job["progress"]["fraction"] < 1


def test_a_waiting_job_says_its_place_and_a_later_one_its_time(ada: httpx.Client) -> None:
    form = {"kind": "checksum", "run_at": "2999-01-01T00:00:00Z"}
    assert ada.post(JOBS, data=form, files={"file": ("a", b"a")}).status_code == 422
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    answer = ada.post(JOBS, data=form | {"run_at": moment}, files={"file": ("a", b"a")})
    assert answer.headers["Location"] == f"{JOBS}/{answer.json()['job_id']}"
    job = read(ada, answer.json()["job_id"])
    assert (job["state"], job["place"], job["run_at"]) == ("queued", None, moment)
    busy = [start(ada, bytes(1000), bytes_per_second=1) for _ in range(3)]
    places = [job["place"] for job in (read(ada, job_id) for job_id in busy) if job["state"] == "queued"]
    for job_id in (job["id"], *busy):
        ada.post(f"{JOBS}/{job_id}/cancellation")
    assert places[-1] >= 1


def test_jobs_are_listed_page_by_page(cleo: httpx.Client) -> None:
    made = [done(cleo, name=f"page {n}.bin") for n in range(5)]
    answer = cleo.get(JOBS, params={"limit": 2, "state": "completed", "q": "page "})
    assert all(job.keys() == BRIEF for job in answer.json()["jobs"])
    seen = [job["id"] for job in answer.json()["jobs"]]
    while cursor := answer.json()["next"]:
        assert answer.headers["Link"].endswith(f'cursor={cursor}>; rel="next"')
        answer = cleo.get(answer.links["next"]["url"])
        seen += [job["id"] for job in answer.json()["jobs"]]
    assert "Link" not in answer.headers
    assert seen[:5] == [str(job_id) for job_id in reversed(made)]


def test_a_list_is_filtered(ada: httpx.Client, ben: httpx.Client) -> None:
    job_id = done(ben, name="needle in hay.bin")

    def found(program: httpx.Client, **query: str) -> set[str]:
        answer = program.get(JOBS, params=query | {"limit": "200"})
        assert answer.status_code == 200, answer.text
        return {job["id"] for job in answer.json()["jobs"]}

    for query in ({"q": "needle"}, {"q": str(job_id)}, {"state": "completed"}, {"kind": "checksum"}, {"owner": "ben@"}):
        assert str(job_id) in found(ada, **query), query
    for query in ({"q": "haystack"}, {"state": "failed"}, {"kind": "ingest_document"}, {"owner": "cleo"}):
        assert str(job_id) not in found(ada, **query), query


@pytest.mark.parametrize(
    "query", ["state=done", "limit=0", "limit=201", "limit=x", "cursor=0", "cursor=" + "9" * 30, "stat=queued"]
)
def test_a_query_that_makes_no_sense_is_refused_in_words(ben: httpx.Client, query: str) -> None:
    answer = ben.get(f"{JOBS}?{query}")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == query.partition("=")[0]


def test_what_happened_to_a_job_is_its_history(ben: httpx.Client) -> None:
    history = ben.get(f"{JOBS}/{done(ben)}/events").json()
    told = history["events"]
    assert [event["name"] for event in told] == ["queued", "claimed", "completed"]
    assert all(event.keys() == {"at", "name", "attempt", "detail"} for event in told)
    (attempt,) = history["attempts"]
    assert (attempt["number"], attempt["end"], attempt["began_at"]) == (1, "completed", told[1]["at"])
    assert attempt["worker"] == told[1]["detail"]["worker"]
    assert attempt["waited"] >= 0 <= attempt["ran"]


def test_what_a_job_said_is_its_log(ben: httpx.Client) -> None:
    job_id = done(ben)
    (line,) = ben.get(f"{JOBS}/{job_id}/log").json()["lines"]
    assert line.keys() == {"n", "at", "level", "text"}
    assert "Reading" in line["text"]
    assert ben.get(f"{JOBS}/{job_id}/log", params={"after": line["n"]}).json()["lines"] == []
    assert ben.get(f"{JOBS}/{job_id}/log?after=x").status_code == 422


def test_a_job_is_cancelled_tried_again_and_deleted(ben: httpx.Client) -> None:
    job_id = start(ben, bytes(3000), bytes_per_second=1000)
    with watching(ben, MEDIA.format(job_id)) as stream:
        next(stream)
        assert ben.delete(f"{JOBS}/{job_id}").status_code == 409
        assert ben.post(f"{JOBS}/{job_id}/cancellation").json().keys() == FULL
        list(stream)
    assert read(ben, job_id)["state"] == "cancelled"
    assert ben.post(f"{JOBS}/{job_id}/cancellation").status_code == 409
    assert ben.post(f"{JOBS}/{job_id}/attempts", data={"from": "the end"}).status_code == 422
    assert ben.post(f"{JOBS}/{job_id}/attempts", data={"from": "beginning"}).json()["state"] in ("queued", "processing")
    events(ben, MEDIA.format(job_id))
    assert read(ben, job_id)["attempts"] == 2
    assert ben.post(f"{JOBS}/{job_id}/attempts").status_code == 409
    answer = ben.delete(f"{JOBS}/{job_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert ben.get(f"{JOBS}/{job_id}").status_code == 404
    assert ben.delete(f"{JOBS}/{job_id}").status_code == 404


def test_a_deleted_job_ends_its_streams(ben: httpx.Client) -> None:
    job_id = start(ben, bytes(1000), bytes_per_second=1)
    with watching(ben, MEDIA.format(job_id)) as stream:
        next(stream)
        ben.post(f"{JOBS}/{job_id}/cancellation")
        list(stream)
    ben.delete(f"{JOBS}/{job_id}")
    assert ben.get(MEDIA.format(job_id)).status_code == 404


def test_a_job_is_run_again_with_changes(ben: httpx.Client) -> None:
    job_id = done(ben)
    answer = ben.post(f"{JOBS}/{job_id}/copies", json={"params": {"bytes_per_second": 1000}, "priority": "low"})
    assert answer.status_code == 201
    copy = read(ben, answer.json()["job_id"])
    assert (copy["params"], copy["priority"]) == ({"bytes_per_second": 1000}, "low")
    assert copy["file"]["sha256"] == read(ben, job_id)["file"]["sha256"]
    same = ben.post(f"{JOBS}/{copy['id']}/copies").json()["job_id"]
    assert read(ben, same)["params"] == {"bytes_per_second": 1000}
    for sent in ({"params": {"speed": 1}}, {"priority": "urgent"}, {"params": 5}):
        assert ben.post(f"{JOBS}/{job_id}/copies", json=sent).status_code == 422


def test_its_file_is_always_a_download(ben: httpx.Client) -> None:
    job_id = start(ben, b"<script>", "page.html")
    answer = ben.get(f"{JOBS}/{job_id}/file")
    assert answer.content == b"<script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename=page.html"


def test_what_a_job_made_can_be_downloaded_by_whoever_may_see_it(ada: httpx.Client, ben: httpx.Client) -> None:
    job_id = ingest(ada, b"Ada met Charles in London.")
    last = events(ada, MEDIA.format(job_id))[-1].json()
    outputs = read(ada, job_id)["outputs"]
    assert read(ada, job_id)["time_limit"] == 6 * 3600
    assert outputs
    for output in outputs:
        answer = ada.get(output["url"])
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert hashlib.sha256(answer.content).hexdigest() == output["sha256"]
        assert len(answer.content) == output["size"]
        assert ben.get(output["url"]).status_code == 404
    assert last["output_file"] == outputs[-1]["url"]
    assert ada.get(f"{JOBS}/{job_id}/outputs/none.txt").status_code == 404


@pytest.mark.parametrize(("method", "path", "status"), ACTS)
def test_a_job_is_there_for_its_owner_and_admins_only(
    ada: httpx.Client,
    ben: httpx.Client,
    cleo: httpx.Client,
    anyone: httpx.Client,
    method: str,
    path: str,
    status: int,
) -> None:
    job_id = done(ben)
    told = [program.request(method, f"{JOBS}/{job_id}{path}").status_code for program in (ada, ben, cleo, anyone)]
    assert told == [status, status, 404, 401]


def test_a_member_s_list_holds_their_own_jobs(ada: httpx.Client, ben: httpx.Client, anyone: httpx.Client) -> None:
    start(ada)
    assert {job["owner"] for job in ben.get(JOBS, params={"limit": 200}).json()["jobs"]} == {"ben@example.org"}
    assert ben.get(JOBS, params={"owner": "ada"}).json() == {"jobs": [], "next": None}
    assert len({job["owner"] for job in ada.get(JOBS, params={"limit": 200}).json()["jobs"]}) > 1
    assert anyone.get(JOBS).status_code == 401
    assert anyone.delete(f"{JOBS}/1").status_code == 401


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("", "GET, HEAD, OPTIONS, POST"),
        ("/1", "DELETE, GET, HEAD, OPTIONS"),
        ("/1/cancellation", "OPTIONS, POST"),
        ("/1/events", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_refused_with_those_that_are_taken(ben: httpx.Client, path: str, allowed: str) -> None:
    answer = ben.patch(JOBS + path)
    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ", ".join(sorted(answer.headers["Allow"].split(", "))) == allowed


def test_a_page_of_another_site_deletes_nothing(browser: httpx.Client, ada: httpx.Client) -> None:
    job_id = done(ada)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.delete(f"{JOBS}/{job_id}", headers=headers).status_code == 400
    assert read(ada, job_id)


def test_no_answer_of_the_api_is_a_page(ben: httpx.Client, anyone: httpx.Client) -> None:
    for program in (ben, anyone):
        for path in (
            "/api",
            "/api/",
            "/api/v1",
            "/api/v1/jobs/",
            "/api/v1/jobs/%00",
            "/api/v1/jobs/x/file",
            "/api/x/<b>",
        ):
            answer = program.get(path, headers={"Accept": "text/html"})
            assert answer.status_code in (401, 404), path
            assert answer.headers["Content-Type"] == "application/problem+json", path


def test_cancelling_by_the_page_is_seen_by_programs(ada: httpx.Client, browser: httpx.Client) -> None:
    job_id = start(ada, bytes(1000), bytes_per_second=1)
    cancel(browser, job_id)
    eventually(lambda: read(ada, job_id)["state"] == "cancelled")
