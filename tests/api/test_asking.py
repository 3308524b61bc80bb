"""Who may ask, alike for every contract: 401, 403 and 404 in this order, and what else all streams promise."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest
from flask import Flask

from tests.serving import LOGIN, Server, eventually, form_token
from tests.streams import (
    IMPORT,
    MEDIA,
    PIPELINE,
    PIPELINES,
    PROCESS,
    PROCESSES,
    STATUS,
    RawConnection,
    cancel,
    events,
    ingest,
    start,
    watching,
)
from webapp.app import create_app
from webapp.settings import Settings

ADMIN_STREAMS = (STATUS.format(1), PIPELINE.format(1), PIPELINES, PROCESSES)
OWN_STREAMS = (MEDIA.format(1), IMPORT.format(1), PROCESS.format(1))
STREAMS = (*ADMIN_STREAMS, *OWN_STREAMS)
CALLS = ("/api/documents", "/api/v1/jobs/1/tickets")
UNKNOWN = (STATUS.format(999999), PIPELINE.format("job_123"))
# Log out, changed role, disabled user, revoked token: open streams end within so many seconds.
SHUT_OUT_WITHIN = 2.0


def check_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["detail"].endswith(".")


@pytest.mark.parametrize("path", [*STREAMS, *UNKNOWN])
def test_without_a_credential_nothing_is_told(anyone: httpx.Client, path: str) -> None:
    answer = anyone.get(path)
    check_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    # Browsers get no login page from the API either.
    check_problem(anyone.get(path, headers={"Accept": "text/html"}), 401)


@pytest.mark.parametrize("path", CALLS)
def test_without_a_credential_nothing_is_done(anyone: httpx.Client, path: str) -> None:
    check_problem(anyone.post(path, files={"file": ("a.txt", b"words")}), 401)


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Bearer hw_" + "A" * 43, "Basic YTpi", "x", "\xff"])
def test_a_bad_credential_is_refused(anyone: httpx.Client, header: str) -> None:
    check_problem(anyone.get(STREAMS[0], headers={"Authorization": header.encode("latin-1")}), 401)


def test_the_scheme_of_a_token_may_be_written_in_any_case(ada: httpx.Client, anyone: httpx.Client) -> None:
    path, header = STATUS.format(start(ada)), ada.headers["Authorization"]
    assert events(anyone, path, Authorization=header.replace("Bearer", "bearer"))


def test_a_bad_token_is_not_made_good_by_a_cookie(browser: httpx.Client) -> None:
    check_problem(browser.get(STREAMS[0], headers={"Authorization": "Bearer x"}), 401)


@pytest.mark.parametrize("path", [*ADMIN_STREAMS, *UNKNOWN])
def test_a_member_is_told_no_and_not_whether_the_job_exists(ben: httpx.Client, path: str) -> None:
    check_problem(ben.get(path), 403)


def test_an_unknown_job_is_not_found(ada: httpx.Client) -> None:
    for path in (STATUS, MEDIA, IMPORT, PROCESS):
        for job_id in ("999999", "x", "0", "-1", "%00", "9" * 100, "%D9%A1"):
            check_problem(ada.get(path.format(job_id)), 404)


def test_an_unknown_address_of_the_api_is_a_problem_too(ada: httpx.Client) -> None:
    check_problem(ada.get("/api/nothing"), 404)


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_stream_takes_no_other_method(ada: httpx.Client, path: str, method: str) -> None:
    answer = ada.request(method, path)
    check_problem(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_call_takes_no_other_method(ada: httpx.Client, path: str, method: str) -> None:
    answer = ada.request(method, path)
    check_problem(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("path", [PIPELINES, PIPELINE.format("job_123"), STATUS, MEDIA, IMPORT, PROCESS, PROCESSES])
def test_head_tells_what_get_would_and_starts_no_stream(ada: httpx.Client, path: str) -> None:
    answer = ada.head(path.format(start(ada)))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert "Content-Length" not in answer.headers


def test_head_asks_who_one_is(anyone: httpx.Client, ben: httpx.Client, ada: httpx.Client) -> None:
    assert [program.head(UNKNOWN[0]).status_code for program in (anyone, ben, ada)] == [401, 403, 404]


def test_the_first_event_comes_at_once(ada: httpx.Client, browser: httpx.Client) -> None:
    job_id = start(ada, bytes(100), bytes_per_second=1)
    document = ingest(ada, "\n\n".join(f"Sentence {n} about London." for n in range(400)).encode())
    own = (path.format(job_id) for path in (STATUS, MEDIA, IMPORT, PROCESS))
    for path in (*own, PIPELINE.format(document), PIPELINES, PROCESSES):
        began = time.monotonic()
        with watching(ada, path) as stream:
            first = next(stream)
        assert time.monotonic() - began < 1
        assert first.id
    cancel(browser, job_id, document)


@pytest.mark.parametrize(
    "word", ["", "x", "1.", "other.5", "99999.1000001", "1.99999999999999999999", "\u0661.1", "-1", "jobs.1", "'--"]
)
def test_a_last_event_id_of_any_kind_changes_nothing(ada: httpx.Client, word: str) -> None:
    job_id = start(ada)
    (last,) = [*events(ada, STATUS.format(job_id))][-1:]
    (again,) = events(ada, STATUS.format(job_id), **{"Last-Event-ID": word.encode()})  # type: ignore[arg-type]
    assert again.data == last.data


def test_a_hostile_last_event_id_is_refused_or_ignored_and_harms_nobody(ada: httpx.Client, server: Server) -> None:
    job_id = start(ada)
    events(ada, STATUS.format(job_id))
    for word in ("x" * 1_000_000, "1\0", "a\tb", "\x1b[31m", "a\r\n b"):
        with RawConnection(server.url) as connection:
            headers = {"Authorization": ada.headers["Authorization"], "Last-Event-ID": word, "Connection": "close"}
            try:
                connection.send_head(f"GET {STATUS.format(job_id)}", **headers)
                status = connection.answer().status
            except (ConnectionError, IndexError):
                # Cut off in the middle of its megabyte.
                continue
            assert status in (200, 400, 431)
    assert events(ada, STATUS.format(job_id))


def until_its_end(program: httpx.Client, path: str, shut_out: Callable[[], object]) -> float:
    """Watch, do something, and say how many seconds after it the stream ended."""
    with watching(program, path) as stream:
        next(stream)
        shut_out()
        began = time.monotonic()
        for _ in stream:
            pass
        return time.monotonic() - began


@pytest.fixture
def dora(server: Server) -> dict[str, str]:
    """An admin for one test, who may be shut out."""
    login = {"email": f"dora{time.monotonic_ns()}@example.org", "password": LOGIN["password"]}
    server.command("users", "create", login["email"], "--role", "admin", "--password-stdin", input=login["password"])
    return login


@pytest.fixture(params=[STATUS, MEDIA, IMPORT, PROCESS, PROCESSES])
def lasting(request: pytest.FixtureRequest, ada: httpx.Client, browser: httpx.Client) -> object:
    """A stream of a job that goes on for longer than any test, by each contract that has one for any job."""
    job_id = start(ada, bytes(1000), bytes_per_second=1)
    yield request.param.format(job_id)
    cancel(browser, job_id)


def test_logging_out_ends_open_streams(server: Server, dora: dict[str, str], lasting: str) -> None:
    browser, other = server.browser(dora), server.browser(dora)
    form = {"csrf_token": form_token(other.get("/").text)}
    assert until_its_end(browser, lasting, lambda: other.post("/logout", data=form)) < SHUT_OUT_WITHIN
    # The browser that did not log out may come back, the other may not.
    with watching(browser, lasting) as stream:
        assert next(stream)
    assert other.get(lasting).status_code == 401


def test_disabling_a_user_ends_their_streams(server: Server, dora: dict[str, str], lasting: str) -> None:
    program = server.program(dora["email"])
    shut_out = until_its_end(program, lasting, lambda: server.command("users", "disable", dora["email"]))
    assert shut_out < SHUT_OUT_WITHIN
    check_problem(program.get(lasting), 401)


def test_who_is_an_admin_no_more_loses_the_streams_of_admins(server: Server, dora: dict[str, str]) -> None:
    program = server.program(dora["email"])
    demote = ("users", "role", dora["email"], "member")
    assert until_its_end(program, PROCESSES, lambda: server.command(*demote)) < SHUT_OUT_WITHIN
    check_problem(program.get(PROCESSES), 403)


def test_revoking_a_token_ends_its_streams(server: Server, dora: dict[str, str], lasting: str) -> None:
    program = server.program(dora["email"])
    token_id = server.command("tokens", "list", dora["email"]).split()[0]
    assert until_its_end(program, lasting, lambda: server.command("tokens", "revoke", token_id)) < SHUT_OUT_WITHIN
    check_problem(program.get(lasting), 401)


def test_the_others_keep_their_streams(server: Server, dora: dict[str, str], ada: httpx.Client, lasting: str) -> None:
    with watching(ada, lasting) as stream:
        next(stream)
        server.command("users", "disable", dora["email"])
        assert next(stream)


def test_opening_and_closing_of_streams_is_logged(server: Server, ada: httpx.Client) -> None:
    job_id = start(ada)
    events(ada, STATUS.format(job_id))
    log = server.data_dir.parent / f"{server.data_dir.name}.log"
    eventually(lambda: f"stream closed job={job_id} user=1 seconds=" in log.read_text())
    assert f"stream opened job={job_id} user=1" in log.read_text()


ORIGIN = "https://console.example.org"


@pytest.fixture
def open_app(settings: Settings, app: Flask) -> Flask:
    """Pages of one other origin may call it."""
    return create_app(settings.model_copy(update={"cors_origins": (ORIGIN,)}))


@pytest.mark.parametrize("path", [*STREAMS, *CALLS])
@pytest.mark.usefixtures("cast")
def test_pages_of_a_set_origin_may_ask(open_app: Flask, path: str) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    answer = open_app.test_client().options(path, headers=headers)
    assert answer.status_code in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    # A refusal can be read there too.
    assert open_app.test_client().get(path, headers=headers).headers.get("Access-Control-Allow-Origin") in (
        ORIGIN if path in STREAMS else None,
    )


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", ORIGIN + ".evil.example", "http://console.example.org", "http://["]
)
def test_pages_of_any_other_origin_may_not(open_app: Flask, origin: str) -> None:
    for path in (*STREAMS, *CALLS):
        for method in ("OPTIONS", "GET"):
            answer = open_app.test_client().open(path, method=method, headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_nobody_elses_pages_may_ask_where_no_origin_is_set(ada: httpx.Client) -> None:
    answer = ada.options(STREAMS[0], headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "GET" in answer.headers["Allow"]
