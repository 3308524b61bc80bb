"""How many calls may be made is bounded and told, and Redis may be away."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import Cast
from tests.views.visiting import visitor
from webapp.app import create_app
from webapp.settings import Settings

POLICY = '"calls";q=3;w=60'
LEFT = re.compile(r'"calls";r=(\d+);t=(\d+)')
CALL = "/api/v1/jobs"


@pytest.fixture
def bounded(settings: Settings, app: Flask, cast: Cast) -> Flask:
    """Three calls a minute."""
    return create_app(settings.model_copy(update={"api_rate": 3}))


def left(answer: TestResponse) -> tuple[int, int]:
    assert answer.headers["RateLimit-Policy"] == POLICY
    found = LEFT.fullmatch(answer.headers["RateLimit"])
    assert found, answer.headers["RateLimit"]
    return int(found[1]), int(found[2])


def exhausted(client: FlaskClient) -> TestResponse:
    answers = [client.get(CALL) for _ in range(4)]
    assert [answer.status_code for answer in answers[:-1]] == [200] * 3
    return answers[-1]


def test_every_answer_says_how_many_calls_are_left(bounded: Flask) -> None:
    client = visitor(bounded, "ben")
    told = [left(client.get(path)) for path in (CALL, f"{CALL}/999", f"{CALL}?limit=x")]
    assert [calls for calls, _ in told] == [2, 1, 0]
    assert all(1 <= seconds <= 60 for _, seconds in told)


def test_too_many_calls_are_refused_in_words_until_a_time_that_is_told(bounded: Flask) -> None:
    answer = exhausted(visitor(bounded, "ben"))
    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    calls, seconds = left(answer)
    assert calls == 0
    assert int(answer.headers["Retry-After"]) == seconds
    assert answer.json["detail"] == f"You may make 3 calls in a minute. Wait for {seconds} seconds."


def test_each_person_has_their_own_calls(bounded: Flask) -> None:
    assert exhausted(visitor(bounded, "ben")).status_code == 429
    assert left(visitor(bounded, "cleo").get(CALL))[0] == 2


def test_calls_of_all_kinds_count_together_and_pages_do_not(bounded: Flask) -> None:
    client = visitor(bounded, "ben")
    assert [client.get("/jobs").status_code for _ in range(9)] == [200] * 9
    told = [client.get(path).status_code for path in (CALL, f"{CALL}/1", "/api/background-process", f"{CALL}/1/log")]
    assert told == [200, 404, 200, 429]


def test_streams_are_not_counted(bounded: Flask) -> None:
    client = visitor(bounded, "ada")
    assert [client.head("/api/sse/admin").status_code for _ in range(9)] == [200] * 9
    assert "RateLimit" not in client.head("/api/sse/admin").headers


def test_without_a_bound_nothing_is_counted(settings: Settings, app: Flask, cast: Cast) -> None:
    client = visitor(create_app(settings.model_copy(update={"api_rate": 0})), "ben")
    assert "RateLimit" not in client.get(CALL).headers


def test_while_redis_is_away_everybody_may_go_on(settings: Settings, app: Flask, cast: Cast, tmp_path: Path) -> None:
    away = {"redis_url": f"unix://{tmp_path}/nobody.sock?db=0", "api_rate": 1}
    client = visitor(create_app(settings.model_copy(update=away)), "ben")
    began = time.monotonic()
    assert [client.get(CALL).status_code for _ in range(5)] == [200] * 5
    assert time.monotonic() - began < 5
