"""Schedules by JSON: made, listed, read, changed, paused, run and deleted by whoever may."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

CALL = "/api/v1/schedules"
FILE = {"file": ("data.bin", b"hello")}
# No test waits for it.
YEARLY = {"kind": "checksum", "cron": "0 0 1 1 *", "zone": "Europe/Berlin"}
ACTS = (("GET", ""), ("PATCH", ""), ("POST", "/pause"), ("POST", "/resumption"), ("POST", "/runs"), ("DELETE", ""))


def made(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post(CALL, data=YEARLY | fields, files=FILE)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{CALL}/{answer.json()['id']}"
    return answer.json()


def test_a_schedule_is_made_and_read(ben: httpx.Client) -> None:
    schedule = made(ben, params='{"bytes_per_second": 1000}', overlaps="true", name=" By\u202e the year ")
    assert ben.get(f"{CALL}/{schedule['id']}").json() == schedule
    assert schedule["owner"] == "ben@example.org"
    assert (schedule["name"], schedule["words"]) == ("By the year", "At 00:00 on January 1")
    assert (schedule["params"], schedule["overlaps"]) == ({"bytes_per_second": 1000}, True)
    assert (schedule["file"]["name"], schedule["file"]["size"]) == ("data.bin", 5)
    assert schedule["next_at"].endswith("-12-31T23:00:00Z")
    assert [schedule[name] for name in ("paused_by", "stopped_because", "last_job_id", "skipped_at")] == [None] * 4


def test_a_job_is_repeated_by_its_number(ben: httpx.Client, cleo: httpx.Client) -> None:
    job = ben.post("/api/v1/jobs", data={"kind": "checksum"}, files=FILE).json()["job_id"]
    body = {"job_id": job, "cron": "0 0 1 1 *"}
    answer = ben.post(CALL, json=body)
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["zone"]) == ("data.bin", "UTC")
    assert cleo.post(CALL, json=body).status_code == 404


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cron": "never"}, "five fields"),
        ({"cron": "\0 * * * *"}, "no cron expression"),
        ({"zone": "Nowhere"}, "There is no time zone"),
        ({"kind": "nothing"}, "There is no kind of job"),
        ({"params": "[1]"}, "not a JSON object"),
        ({"params": '{"speed": 1}'}, "speed"),
        ({"priority": "high"}, "Only an admin"),
        ({"overlaps": "perhaps"}, "overlaps"),
        ({"name": "x" * 101}, "name"),
    ],
)
def test_what_can_not_be_scheduled_is_refused_in_words(ben: httpx.Client, fields: dict[str, str], words: str) -> None:
    answer = ben.post(CALL, data=YEARLY | fields, files=FILE)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert words in answer.json()["detail"]


def test_it_is_changed_in_part(ben: httpx.Client) -> None:
    schedule = made(ben, name="First")
    path = f"{CALL}/{schedule['id']}"
    changed = ben.patch(path, json={"cron": "30 6 * * MON"}).json()
    assert (changed["words"], changed["zone"], changed["name"]) == ("At 06:30 on Monday", "Europe/Berlin", "First")
    changed = ben.patch(path, json={"zone": "UTC", "priority": "low", "overlaps": True, "name": "Second"}).json()
    assert (changed["cron"], changed["zone"], changed["priority"]) == ("30 6 * * MON", "UTC", "low")
    assert (changed["overlaps"], changed["name"]) == (True, "Second")
    for wrong in ({"cron": "x"}, {"zone": "x"}, {"priority": "high"}, {"name": ""}, {"overlaps": "perhaps"}):
        assert ben.patch(path, json=wrong).status_code == 422
    assert ben.get(path).json() == changed


def test_it_is_paused_resumed_run_and_deleted(ben: httpx.Client) -> None:
    schedule = made(ben)
    path = f"{CALL}/{schedule['id']}"
    paused = ben.post(f"{path}/pause").json()
    assert (paused["paused_by"], paused["next_at"]) == ("ben@example.org", None)
    assert ben.post(f"{path}/pause").status_code == 409
    assert ben.post(f"{path}/resumption").json()["next_at"] == schedule["next_at"]
    assert ben.post(f"{path}/resumption").status_code == 409
    job = ben.post(f"{path}/runs").json()["job_id"]
    assert ben.get(path).json()["last_job_id"] == job
    assert ben.get(f"/api/v1/jobs/{job}").json()["schedule_id"] == schedule["id"]
    assert [found["id"] for found in ben.get(f"/api/v1/jobs?schedule={schedule['id']}").json()["jobs"]] == [job]
    assert ben.delete(path).status_code == 204
    assert ben.get(path).status_code == 404
    assert ben.get(f"/api/v1/jobs/{job}").json()["schedule_id"] is None


def test_a_run_is_made_once_for_each_key(ada: httpx.Client, ben: httpx.Client) -> None:
    schedule, other = made(ben), made(ben)
    path, key = f"{CALL}/{schedule['id']}/runs", {"Idempotency-Key": f"run of {schedule['id']}"}
    first, again = (ben.post(path, headers=key) for _ in range(2))
    assert (first.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ada.post(path, headers=key).json() != first.json()
    assert ben.post(f"{CALL}/{other['id']}/runs", headers=key).status_code == 422
    for one in (schedule, other):
        ben.delete(f"{CALL}/{one['id']}")


def test_schedules_are_their_owner_s_and_the_admins(
    ada: httpx.Client, ben: httpx.Client, cleo: httpx.Client, anyone: httpx.Client
) -> None:
    path = f"{CALL}/{made(ben)['id']}"
    for method, act in ACTS:
        assert cleo.request(method, path + act).status_code == 404
        assert anyone.request(method, path + act).status_code == 401
    for method, act in ACTS:
        assert ada.request(method, path + act).status_code in (200, 201, 204)
    for number in ("0", "x", "9" * 50, "-1"):
        assert ada.get(f"{CALL}/{number}").status_code == 404


def test_the_list_is_paged_newest_first(ada: httpx.Client, cleo: httpx.Client) -> None:
    ids = [made(cleo, name=f"{n}")["id"] for n in range(3)]
    first = cleo.get(CALL, params={"limit": 2}).json()
    assert [schedule["id"] for schedule in first["schedules"]] == ids[:0:-1]
    second = cleo.get(CALL, params={"limit": 2, "cursor": first["next"]}).json()
    assert second["schedules"][0]["id"] == ids[0]
    assert ids[2] in [schedule["id"] for schedule in ada.get(CALL).json()["schedules"]]
    for wrong in ({"limit": 0}, {"limit": 10**9}, {"cursor": "x"}, {"cursor": str(2**70)}, {"other": 1}):
        assert cleo.get(CALL, params=wrong).status_code == 422
