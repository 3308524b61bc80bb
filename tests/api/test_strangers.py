"""Calls without a good credential are bounded by where they come from, and what was good from there goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import Cast
from tests.views.visiting import visitor
from webapp.api.strangers import MOST_KNOWN, Known, network
from webapp.app import create_app
from webapp.login import new_ticket
from webapp.records.token import Token
from webapp.services import Services
from webapp.settings import Settings

CALL = "/api/v1/jobs"
BAD = {"Authorization": "Bearer hw_wrong"}
HTML = {"Accept": "text/html"}


@pytest.fixture
def bounded(settings: Settings, app: Flask, cast: Cast) -> Flask:
    """Three failures a minute, behind one proxy."""
    return create_app(settings.model_copy(update={"api_failures": 3, "trusted_proxies": 1}))


@pytest.fixture
def stranger(bounded: Flask) -> FlaskClient:
    return bounded.test_client()


@pytest.fixture
def good(services: Services, cast: Cast) -> dict[str, str]:
    """Ben's token."""
    with services.database.transaction() as session:
        return {"Authorization": f"Bearer {Token.create(session, session.merge(cast.ben), 'test')[1]}"}


def fail(client: FlaskClient, times: int = 3, **headers: str) -> None:
    assert [client.get(CALL, headers=BAD | headers).status_code for _ in range(times)] == [401] * times


def left(answer: TestResponse) -> int:
    assert answer.headers["RateLimit-Policy"] == '"failures";q=3;w=60'
    found = re.fullmatch(r'"failures";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
    assert found
    assert 1 <= int(found[2]) <= 60
    return int(found[1])


def test_who_has_no_good_credential_is_told_how_often_they_may_fail(stranger: FlaskClient) -> None:
    answers = [stranger.get(CALL), stranger.get(CALL, headers=BAD), stranger.get(f"{CALL}/1/stream?token=wrong")]
    assert [(answer.status_code, left(answer)) for answer in answers] == [(401, 2), (401, 1), (401, 0)]
    for answer in (stranger.get(CALL), stranger.get(CALL, headers=BAD), stranger.post(f"{CALL}/1/cancellation")):
        assert (answer.status_code, left(answer)) == (429, 0)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) <= 60
        assert "check the token" in answer.json["detail"]


def test_a_guess_beyond_that_learns_nothing(stranger: FlaskClient, good: dict[str, str]) -> None:
    fail(stranger)
    for path in (CALL, "/jobs", "/", "/nothing", "/api/nothing", "/static/css/base.css", "/healthz"):
        right, wrong = (stranger.get(path, headers=headers | HTML) for headers in (good, BAD))
        assert (right.status_code, wrong.status_code) == (429, 429), path
        assert re.sub(r"\d+", "", right.text) == re.sub(r"\d+", "", wrong.text), path
        assert sorted(right.headers.keys()) == sorted(wrong.headers.keys()), path


def test_guessing_at_pages_counts_as_well(stranger: FlaskClient) -> None:
    answers = [stranger.get(path, headers=BAD | HTML).status_code for path in ("/jobs", "/login", "/nothing", "/jobs")]
    assert answers == [303, 200, 404, 429]


def test_what_was_good_from_there_goes_on(stranger: FlaskClient, bounded: Flask, good: dict[str, str]) -> None:
    browser = visitor(bounded, "ben")
    assert stranger.get(CALL, headers=good).status_code == 200
    fail(stranger)
    assert stranger.get(CALL, headers=BAD).status_code == 429
    assert [stranger.get(CALL, headers=good).status_code for _ in range(5)] == [200] * 5
    # A cookie is signed, and so is a ticket: there is nothing to guess at.
    assert [browser.get(path).status_code for path in ("/jobs", CALL)] == [200, 200]
    with bounded.app_context():
        ticket = new_ticket(1, 999)
    assert stranger.get(f"{CALL}/999/stream?token={ticket}").status_code == 404


def test_a_revoked_token_is_a_bad_one(stranger: FlaskClient, services: Services, good: dict[str, str]) -> None:
    assert stranger.get(CALL, headers=good).status_code == 200
    with services.database.transaction() as session:
        session.query(Token).one().revoke(session)
    assert [stranger.get(CALL, headers=good).status_code for _ in range(4)] == [401, 401, 401, 429]


def test_other_networks_and_visitors_of_pages_are_not_concerned(stranger: FlaskClient, good: dict[str, str]) -> None:
    fail(stranger, **{"X-Forwarded-For": "192.0.2.7"})
    assert stranger.get(CALL, headers=BAD | {"X-Forwarded-For": "192.0.2.7"}).status_code == 429
    # Only what the trusted proxy says counts.
    assert stranger.get(CALL, headers=BAD | {"X-Forwarded-For": "192.0.2.8, 192.0.2.7"}).status_code == 429
    assert stranger.get(CALL, headers=good | {"X-Forwarded-For": "192.0.2.8"}).status_code == 200
    assert stranger.get(CALL, headers={"X-Forwarded-For": "192.0.2.8"}).status_code == 401
    pages = [stranger.get("/login", headers={"X-Forwarded-For": "192.0.2.7"}).status_code for _ in range(9)]
    assert pages == [200] * 9


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Digest x", "hw_wrong", ""])
def test_a_proxy_s_own_credentials_are_no_failure(stranger: FlaskClient, header: str) -> None:
    answers = [stranger.get("/login", headers={"Authorization": header}).status_code for _ in range(5)]
    assert answers == [200] * 5


def test_good_calls_are_told_of_their_own_budget(stranger: FlaskClient, good: dict[str, str]) -> None:
    fail(stranger, 1)
    assert stranger.get(CALL, headers=good).headers["RateLimit"].startswith('"calls";r=')


def test_without_a_bound_or_without_redis_everybody_may_fail(
    settings: Settings, app: Flask, cast: Cast, tmp_path: Path
) -> None:
    for changes in ({"api_failures": 0}, {"api_failures": 1, "redis_url": f"unix://{tmp_path}/nobody.sock?db=0"}):
        fail(create_app(settings.model_copy(update=changes)).test_client(), 5)


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_addresses_of_one_network_count_together(address: str, counted_as: str) -> None:
    assert network(address) == counted_as


def test_what_is_known_is_bounded() -> None:
    known = Known()
    for number in range(MOST_KNOWN + 2):
        known.note(("192.0.2.7", str(number).encode()), good=True)
    assert ("192.0.2.7", b"1") not in known
    assert ("192.0.2.7", b"2") in known
    known.note(("192.0.2.7", b"2"), good=False)
    assert ("192.0.2.7", b"2") not in known
