"""Pausing, resuming and limiting, by those who may."""

from __future__ import annotations

import httpx
import pytest

from tests.serving import LOGIN, Server, eventually, form_token

BEN = {"email": "ben@example.org", "password": LOGIN["password"]}


@pytest.fixture
def ada(server: Server) -> httpx.Client:
    return server.browser()


def post(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    token = form_token(client.get("/account").text)
    return client.post(path, data={"csrf_token": token, **fields})


def test_a_paused_kind_waits_says_why_and_goes_on_when_resumed(server: Server, ada: httpx.Client) -> None:
    assert post(ada, "/rules/checksum/pause").headers["Location"] == "/system"
    try:
        assert "paused" in ada.get("/system").text
        with server.program() as program:
            job = program.post("/api/v1/jobs", data={"kind": "checksum"}, files={"file": b"hello"}).json()["job_id"]
        assert "Paused by ada@example.org." in ada.get(f"/jobs/{job}").text
    finally:
        post(ada, "/rules/checksum/resume")
    eventually(lambda: 'data-state="completed"' in ada.get(f"/jobs/{job}").text)


def test_a_limit_is_a_number_or_none(ada: httpx.Client) -> None:
    try:
        assert post(ada, "/rules/*/limit", at_most="2").status_code == 303
        assert 'value="2"' in ada.get("/system").text
        for rubbish in ("0", "-1", "1001", "many", "²", "1e3"):
            assert post(ada, "/rules/*/limit", at_most=rubbish).status_code == 422
    finally:
        assert post(ada, "/rules/*/limit", at_most="").status_code == 303


def test_an_unknown_kind_has_no_rules(ada: httpx.Client) -> None:
    assert post(ada, "/rules/nothing/pause").status_code == 404


def test_members_set_no_rules(server: Server) -> None:
    ben = server.browser(BEN)
    for action in ("pause", "resume", "limit"):
        assert post(ben, f"/rules/checksum/{action}").status_code == 403
