"""The API's description: valid, whole, and true of what a server really answers; and its page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.streams import (
    IMPORT,
    MEDIA,
    PIPELINE,
    PIPELINES,
    PROCESS,
    PROCESSES,
    STATUS,
    events,
    ingest,
    start,
    watching,
)

DESCRIPTION, PAGE = "/api/openapi.json", "/api/docs"
# The five contracts, to the letter.
CONTRACTS = {
    ("post", "/api/documents"),
    ("get", "/api/jobs/{job_id}/events"),
    ("get", "/api/v1/admin/ingestion/jobs/{job_id}/progress"),
    ("get", "/api/v1/admin/ingestion/progress"),
    ("get", "/api/v1/jobs/{job_id}/stream"),
    ("get", "/api/v1/jobs/{job_id}/status"),
    ("get", "/api/background-process"),
    ("post", "/api/background-process"),
    ("get", "/api/sse"),
    ("get", "/api/sse/admin"),
    ("get", "/api/jobs/{job_id}"),
    ("get", "/api/jobs/{job_id}/stream"),
    ("post", "/api/v1/jobs"),
}


@pytest.fixture(scope="module")
def described(ben: httpx.Client) -> dict[str, Any]:
    """The same for everybody who may log in."""
    answer = ben.get(DESCRIPTION)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def check(described: dict[str, Any], schema: dict[str, Any], said: Any) -> None:
    """That what a server said is as described."""
    whole = {**schema, "components": described["components"]}
    problems = [problem.message for problem in Draft202012Validator(whole).iter_errors(said)]
    assert problems == []


def content(described: dict[str, Any], path: str, media_type: str, status: str = "200") -> dict[str, Any]:
    return described["paths"][path]["get"]["responses"][status]["content"][media_type]["schema"]


def test_it_is_valid(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []


def test_every_call_is_described_and_so_are_the_contracts(described: dict[str, Any], app: Flask) -> None:
    calls = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and rule.rule not in (DESCRIPTION, PAGE)
    }
    told = {(method, path) for method, path, _ in operations(described)}
    assert told == calls
    assert told >= CONTRACTS


def test_every_call_says_what_it_is_and_what_it_may_be_refused_with(described: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(ids) == len(set(ids))
    for method, path, operation in operations(described):
        assert operation["summary"], path
        assert "401" in operation["responses"], path
        assert ("422" in operation["responses"]) or not operation.get("requestBody"), (method, path)
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], path


def test_every_stream_says_its_events(described: dict[str, Any]) -> None:
    streams = {path for path in described["paths"] if "text/event-stream" in json.dumps(described["paths"][path])}
    ours = {"/api/v1/jobs/{job_id}/live", "/api/v1/jobs/live"}
    assert streams == ours | {
        path for _, path in CONTRACTS if re.search("stream|progress|sse|events$|background", path)
    }
    names = {
        event["properties"].get("event", {"const": ""})["const"]
        for path in streams
        for event in [content(described, path, "text/event-stream")]
        for event in event.get("oneOf", [event])
    }
    own = "pipeline_progress complete error status summary heartbeat progress completed failed job log gone"
    assert names == {"", *own.split()}


def test_streams_of_many_jobs_are_opened_by_no_ticket(described: dict[str, Any], ada: httpx.Client) -> None:
    ticket = ada.post(f"/api/v1/jobs/{start(ada)}/tickets").json()["ticket"]
    for method, path, operation in operations(described):
        names = {parameter["name"] for parameter in operation.get("parameters", ())}
        if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}) and "token" not in names:
            answer = httpx.request(method, f"{ada.base_url.join(path)}?ids=1&token={ticket}")
            assert answer.status_code == 401, path


def test_what_is_answered_is_as_described(described: dict[str, Any], ada: httpx.Client) -> None:
    job_id = ingest(ada, b"Ada met Charles in London.")
    events(ada, STATUS.format(job_id))
    for path in described["paths"]:
        schema = described["paths"][path].get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if "application/json" not in schema or re.search("{(schedule_id|name)}", path):
            continue
        answer = ada.get(path.replace("{job_id}", str(job_id)))
        assert answer.status_code == 200, path
        check(described, schema["application/json"]["schema"], answer.json())
    problem = ada.get("/api/v1/jobs?limit=x").json()
    check(described, {"$ref": "#/components/schemas/Problem"}, problem)


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        (STATUS, "/api/jobs/{job_id}/events"),
        (PIPELINE, "/api/v1/admin/ingestion/jobs/{job_id}/progress"),
        (MEDIA, "/api/v1/jobs/{job_id}/stream"),
        (IMPORT, "/api/jobs/{job_id}/stream"),
        (PROCESS, "/api/sse"),
    ],
)
def test_what_a_stream_says_is_as_described(
    described: dict[str, Any], ada: httpx.Client, path: str, stream: str
) -> None:
    job_id = ingest(ada, "\n\n".join(f"Sentence {n} about London." for n in range(60)).encode())
    for event in events(ada, path.format(job_id)):
        check_event(described, stream, event)


@pytest.mark.parametrize(("path", "stream"), [(PROCESSES, PROCESSES), (PIPELINES, PIPELINES)])
def test_what_an_endless_stream_says_is_as_described(
    described: dict[str, Any], ada: httpx.Client, path: str, stream: str
) -> None:
    start(ada)
    ingest(ada, "\n\n".join(f"Sentence {n} about Paris." for n in range(200)).encode())
    with watching(ada, path) as told:
        check_event(described, stream, next(told))


def check_event(described: dict[str, Any], stream: str, event: Any) -> None:
    schema = content(described, stream, "text/event-stream")
    name = event.event if event.event != "message" else ""
    (one,) = [
        one for one in schema.get("oneOf", [schema]) if one["properties"].get("event", {"const": ""})["const"] == name
    ]
    check(described, one["properties"]["data"]["contentSchema"], event.json())


def test_it_is_sent_only_to_who_has_it_not(ben: httpx.Client) -> None:
    tag = ben.get(DESCRIPTION).headers["ETag"]
    assert ben.get(DESCRIPTION, headers={"If-None-Match": tag}).status_code == 304


def test_strangers_are_told_nothing_and_led_to_the_login_from_its_page(anyone: httpx.Client) -> None:
    answer = anyone.get(DESCRIPTION)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    answer = anyone.get(PAGE, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/login?next={PAGE}")


def test_its_page_shows_every_call_and_every_link_on_it_leads_somewhere(
    described: dict[str, Any], browser: httpx.Client
) -> None:
    answer = browser.get(PAGE)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    ids = set(re.findall(r'\bid="([^"]+)"', answer.text))
    assert ids >= {operation["operationId"] for _, _, operation in operations(described)}
    assert ids >= {f"schema-{name}" for name in described["components"]["schemas"]}
    assert set(re.findall(r'href="#([^"]+)"', answer.text)) <= ids
    assert set(re.findall(r'(?:href|src)="(https?://[^"]*)"', answer.text)) == set()


def test_the_account_page_leads_there(browser: httpx.Client) -> None:
    assert f'href="{PAGE}"' in browser.get("/account").text


def test_a_stream_whose_events_have_no_ids_asks_for_none(described: dict[str, Any]) -> None:
    operation = described["paths"]["/api/v1/jobs/live"]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["ids"]
    assert "Last-Event-ID" not in operation["responses"]["200"]["description"]
