"""Following all of a job: its state as it changes, and each line of its log once."""

from __future__ import annotations

import httpx
import pytest

from tests.streams import cancel, events, start, watching

LIVE = "/api/v1/jobs/{}/live"


def test_a_job_is_told_whole_and_to_its_end(ada: httpx.Client) -> None:
    job_id = start(ada, bytes(3000), bytes_per_second=2000)
    told = events(ada, LIVE.format(job_id))
    assert {event.event for event in told} == {"job", "log"}
    jobs = [event.json() for event in told if event.event == "job"]
    assert jobs[-1]["state"] == "completed"
    assert jobs[-1] == ada.get(f"/api/v1/jobs/{job_id}").json()
    fractions = [job["progress"]["fraction"] for job in jobs if job["progress"]]
    assert fractions == sorted(fractions)
    lines = [line["n"] for event in told if event.event == "log" for line in event.json()["lines"]]
    assert lines == sorted(set(lines))
    assert lines == [line["n"] for line in ada.get(f"/api/v1/jobs/{job_id}/log").json()["lines"]]


def test_who_comes_back_gets_no_line_twice(ada: httpx.Client, browser: httpx.Client) -> None:
    job_id = start(ada, bytes(100), bytes_per_second=1)
    with watching(ada, LIVE.format(job_id)) as stream:
        log = next(event for event in stream if event.event == "log")
    cancel(browser, job_id)
    again = events(ada, LIVE.format(job_id), **{"Last-Event-ID": log.id})
    lines = [line["n"] for event in again if event.event == "log" for line in event.json()["lines"]]
    assert not set(lines) & {line["n"] for line in log.json()["lines"]}
    assert again[-1].json()["state"] == "cancelled"


@pytest.mark.parametrize(("who", "status"), [("ben", 404), ("anyone", 401)])
def test_it_is_for_the_owner_and_admins(
    ada: httpx.Client, who: str, status: int, request: pytest.FixtureRequest
) -> None:
    job_id = start(ada)
    program: httpx.Client = request.getfixturevalue(who)
    answer = program.get(LIVE.format(job_id))
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


TOGETHER = "/api/v1/jobs/live?ids="


def test_many_jobs_are_followed_on_one_connection_to_their_ends(ada: httpx.Client, ben: httpx.Client) -> None:
    done, running, doomed = start(ben), start(ben, bytes(3000), bytes_per_second=2000), start(ben)
    events(ben, LIVE.format(done))
    events(ben, LIVE.format(doomed))
    seen: dict[str, str] = {}
    with watching(ada, f"{TOGETHER}{done},{running},{doomed},{done}") as stream:
        for event in stream:
            job = event.json()
            seen[job["id"]] = job.get("state", event.event)
            assert not event.id
            if len(seen) == 3 and seen[str(doomed)] == "completed":
                ben.delete(f"/api/v1/jobs/{doomed}")
            if seen.get(str(running)) == "completed" and seen.get(str(doomed)) == "gone":
                break
    assert seen == {str(done): "completed", str(running): "completed", str(doomed): "gone"}


def test_all_of_many_must_be_there_for_who_asks(
    ada: httpx.Client, ben: httpx.Client, cleo: httpx.Client, anyone: httpx.Client
) -> None:
    hers, his = start(cleo), start(ben)
    answer = ben.get(f"{TOGETHER}{his},{hers},999999")
    assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no such job: {hers}, 999999.")
    assert ada.head(f"{TOGETHER}{his},{hers}").status_code == 200
    assert anyone.get(f"{TOGETHER}{his}").status_code == 401


@pytest.mark.parametrize("ids", ["", "x", "1,,2", "-1", "9" * 19, "1 2", ",".join(map(str, range(1, 102)))])
def test_what_are_no_numbers_of_jobs_or_too_many_is_refused(ben: httpx.Client, ids: str) -> None:
    answer = ben.get(TOGETHER + ids)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["ids"]
