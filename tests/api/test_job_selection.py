"""One thing done to many jobs by one call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flask import Flask

from tests.api.test_job import read
from tests.conftest import Cast
from tests.serving import eventually
from tests.streams import start
from tests.views.visiting import visitor
from webapp.records.job import Job
from webapp.selection import AT_ONCE
from webapp.services import Services

SELECTION = "/api/v1/jobs/selection"
NOT_FOUND = "There is no such job."


def select(program: httpx.Client, action: str, **which: Any) -> dict[str, Any]:
    answer = program.post(SELECTION, json={"action": action, **which})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def outcomes(said: dict[str, Any]) -> list[tuple[str, str]]:
    return [(job["id"], job["outcome"]) for job in said["jobs"]]


def lasting(program: httpx.Client, name: str = "data.bin") -> str:
    return str(start(program, bytes(1000), name, bytes_per_second=1))


def ended(program: httpx.Client, *ids: str) -> Callable[[], bool]:
    return lambda: all(read(program, id)["finished_at"] for id in ids)


def test_named_jobs_are_cancelled_tried_again_and_deleted_together(ben: httpx.Client) -> None:
    one, two = lasting(ben), lasting(ben)
    said = select(ben, "cancel", ids=[two, one, two])
    assert said == {
        "done": 2,
        "jobs": [{"id": id, "outcome": "done", "detail": None} for id in (two, one)],
        "next": None,
    }
    eventually(ended(ben, one, two))
    assert outcomes(select(ben, "retry", ids=[one])) == [(one, "done")]
    said = select(ben, "delete", ids=[one, two])
    assert outcomes(said) == [(one, "too_late"), (two, "done")]
    assert said["jobs"][0]["detail"] == "The job has not ended yet. Cancel it first."
    assert outcomes(select(ben, "delete", ids=[two])) == [(two, "not_found")]
    assert outcomes(select(ben, "cancel", ids=[one])) == [(one, "done")]


def test_all_that_a_list_holds_are_taken_at_once(ben: httpx.Client, cleo: httpx.Client) -> None:
    word = f"chosen {time.monotonic_ns()}"
    mine = [lasting(ben, f"{word} {n}.bin") for n in range(2)]
    hers = lasting(cleo, f"{word}.bin")
    said = select(ben, "cancel", filter={"q": word, "kind": "checksum"})
    assert outcomes(said) == [(id, "done") for id in reversed(mine)]
    eventually(ended(ben, *mine))
    assert outcomes(select(ben, "delete", filter={"q": word, "state": "cancelled"})) == outcomes(said)
    assert select(ben, "delete", filter={"q": word}) == {"done": 0, "jobs": [], "next": None}
    assert outcomes(select(cleo, "cancel", filter={"q": word})) == [(hers, "done")]


def test_nobody_touches_other_people_s_jobs(ada: httpx.Client, ben: httpx.Client, cleo: httpx.Client) -> None:
    id = lasting(ben)
    for action in ("cancel", "retry", "delete"):
        assert select(cleo, action, ids=[id])["jobs"] == [{"id": id, "outcome": "not_found", "detail": NOT_FOUND}]
        assert id not in dict(outcomes(select(cleo, action, filter={"q": id})))
        assert id not in dict(outcomes(select(cleo, action, filter={"owner": "ben", "q": id})))
    assert read(ben, id)["cancel_requested_at"] is None
    assert outcomes(select(ada, "cancel", ids=[id])) == [(id, "done")]


def test_a_selection_needs_a_credential_and_no_page_of_another_site(
    anyone: httpx.Client, browser: httpx.Client
) -> None:
    sent = {"action": "delete", "filter": {}}
    assert anyone.post(SELECTION, json=sent).status_code == 401
    assert browser.post(SELECTION, json=sent, headers={"Origin": "https://evil.example"}).status_code == 400


@pytest.mark.parametrize("id", ["", "x", "-1", "9" * 40, "1 OR 1=1", "\ud800", "\0"])
def test_what_is_no_number_is_not_found(ben: httpx.Client, id: str) -> None:
    sent = json.dumps({"action": "delete", "ids": [id]})
    answer = ben.post(SELECTION, content=sent, headers={"Content-Type": "application/json"})
    assert outcomes(answer.json()) == [(id, "not_found")]


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"action": "explode", "ids": ["1"]}, {"action"}),
        ({"action": "delete"}, {"ids", "filter"}),
        ({"action": "delete", "ids": ["1"], "filter": {}}, {"ids", "filter"}),
        ({"action": "delete", "ids": ["1"] * (AT_ONCE + 1)}, {"ids"}),
        ({"action": "delete", "ids": "1"}, {"ids"}),
        ({"action": "delete", "ids": [{}]}, {"ids.0"}),
        ({"action": "delete", "filter": {"stat": "failed"}}, {"filter.stat"}),
        ({"action": "delete", "filter": {"state": "done"}}, {"filter.state"}),
        ({"action": "delete", "filtre": {}}, {"filtre"}),
        ({"action": "delete", "filter": {}, "cursor": 0}, {"cursor"}),
    ],
)
def test_a_selection_that_makes_no_sense_does_nothing(
    ben: httpx.Client, sent: dict[str, Any], fields: set[str]
) -> None:
    answer = ben.post(SELECTION, json=sent)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == fields


@pytest.mark.parametrize("field", ["kind", "owner", "q", "state"])
def test_half_of_a_surrogate_pair_is_refused(ben: httpx.Client, field: str) -> None:
    sent = json.dumps({"action": "delete", "filter": {field: "\ud800"}})
    answer = ben.post(SELECTION, content=sent, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, f"filter.{field}")


def test_a_form_is_no_selection(ben: httpx.Client) -> None:
    assert ben.post(SELECTION, data={"action": "delete"}).status_code == 415


def test_more_than_one_call_does_is_gone_on_with_by_its_cursor(app: Flask, services: Services, cast: Cast) -> None:
    with services.database.transaction() as session:
        for _ in range(AT_ONCE + 2):
            Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None)
    client = visitor(app, "ben")
    sent = {"action": "cancel", "filter": {"kind": "checksum"}}
    first = client.post(SELECTION, json=sent).json
    assert (first["done"], first["next"]) == (AT_ONCE, "3")
    rest = client.post(SELECTION, json=sent | {"cursor": first["next"]}).json
    assert (outcomes(rest), rest["next"]) == ([("2", "done"), ("1", "done")], None)
