"""Logging in and out, and what may not come of it."""

from __future__ import annotations

import re
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import Cast
from tests.serving import form_token
from tests.views.visiting import PASSWORD, log_in, press, visitor
from webapp.app import create_app
from webapp.records.database import now
from webapp.records.login import Login
from webapp.records.user import User
from webapp.services import Services
from webapp.settings import Settings

HTML = {"Accept": "text/html"}
WRONG = "The e-mail address or the password is wrong."

pytestmark = pytest.mark.usefixtures("cast")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def comes_in(client: FlaskClient) -> bool:
    return client.get("/", headers=HTML).status_code == 200


def test_a_person_logs_in_and_out(client: FlaskClient) -> None:
    assert not comes_in(client)
    assert log_in(client, " Ada@Example.org ").headers["Location"] == "/"
    assert comes_in(client)
    assert client.get("/login").status_code == 303
    assert press(client, "/logout").headers["Location"] == "/login"
    assert not comes_in(client)


def test_who_is_not_logged_in_is_led_to_the_login_and_back(client: FlaskClient) -> None:
    answer = client.get("/jobs?q=report", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/jobs?q%3Dreport"
    page = client.get(answer.headers["Location"]).text
    assert 'name="next" value="/jobs?q=report"' in page
    assert log_in(client, "ada@example.org", next="/jobs?q=report").headers["Location"] == "/jobs?q=report"


ELSEWHERE = (
    *("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example"),
    *("http:evil.example", "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "/\r\nX-Evil: 1"),
    *("evil.example", "", " //evil.example", "/\0", "\u2028//evil.example", "//[", "/jobs\\..\\..//evil"),
)


def test_after_the_login_one_goes_nowhere_but_to_this_site(app: Flask) -> None:
    for target in ELSEWHERE:
        answer = log_in(app.test_client(), "ada@example.org", next=target)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/"), target
        assert "X-Evil" not in answer.headers


def test_a_hostile_target_is_escaped_in_the_form(client: FlaskClient) -> None:
    page = client.get("/login", query_string={"next": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page


def test_a_refusal_tells_nothing_of_who_exists(app: Flask, services: Services, cast: Cast) -> None:
    with services.database.transaction() as session:
        session.get_one(User, cast.cleo.id).disable(session)
    pages = []
    tries = [("ada@example.org", "wrong"), ("nobody@example.org", PASSWORD), ("cleo@example.org", PASSWORD), ("", "")]
    for email, password in tries:
        answer = log_in(app.test_client(), email, password)
        assert answer.status_code == 401
        assert WRONG in answer.text
        pages.append(re.sub(r'value="[^"]*"|autofocus', "", answer.text))
    assert len(set(pages[:3])) == 1


def test_any_email_and_password_are_just_wrong(client: FlaskClient) -> None:
    for email in ("<script>alert(1)</script>", "\0", "x" * 10_000, "ada@example.org'--", "é\u202e"):
        answer = log_in(client, email, password=email)
        assert answer.status_code == 401
        assert "<script>alert" not in answer.text


def test_guessing_is_slowed_down_and_says_for_how_long(client: FlaskClient) -> None:
    refused = [log_in(client, f"user{n}@example.org", "guess").status_code for n in range(10)]
    assert refused == [401] * 10
    answer = log_in(client, "ada@example.org")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60


def test_guessing_one_account_from_many_addresses_is_slowed_down(settings: Settings, services: Services) -> None:
    client = create_app(settings.model_copy(update={"trusted_proxies": 1})).test_client()
    answers = []
    for n in range(11):
        client.environ_base["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{n}"
        answers.append(log_in(client, "ADA@example.org ", "guess").status_code)
    assert answers == [401] * 10 + [429]
    assert log_in(client, "ben@example.org").status_code == 303


def test_an_address_is_believed_from_a_proxy_only_where_one_is_set(client: FlaskClient) -> None:
    answers = []
    for n in range(11):
        client.environ_base["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{n}"
        answers.append(log_in(client, f"user{n}@example.org", "guess").status_code)
    assert answers[-1] == 429


def test_logging_in_often_is_no_offence(app: Flask) -> None:
    assert [log_in(app.test_client(), "ada@example.org").status_code for _ in range(15)] == [303] * 15


def cookie_of(answer: object) -> SimpleCookie:
    return SimpleCookie(answer.headers["Set-Cookie"])  # type: ignore[attr-defined]


def test_the_cookie_is_for_this_server_s_pages_alone(client: FlaskClient) -> None:
    cookie = cookie_of(log_in(client, "ada@example.org"))["headway"]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["expires"]
    assert (cookie["domain"], cookie["secure"]) == ("", "")


def test_behind_https_the_cookie_stays_there(settings: Settings, services: Services) -> None:
    client = create_app(settings.model_copy(update={"secure_cookies": True})).test_client()
    assert cookie_of(client.get("/login", base_url="https://localhost"))["headway"]["secure"] is True


def test_a_session_from_before_the_login_is_worth_nothing(app: Flask) -> None:
    victim, thief = app.test_client(), app.test_client()
    planted = cookie_of(thief.get("/login"))["headway"].value
    victim.set_cookie("headway", planted)
    log_in(victim, "ada@example.org")
    assert victim.get_cookie("headway").value != planted  # type: ignore[union-attr]
    assert comes_in(victim)
    assert not comes_in(thief)


def test_a_copied_cookie_is_worth_nothing_after_the_logout(app: Flask) -> None:
    client, thief = visitor(app, "ada"), app.test_client()
    thief.set_cookie("headway", client.get_cookie("headway").value)  # type: ignore[union-attr]
    assert comes_in(thief)
    press(client, "/logout")
    assert not comes_in(thief)


def test_a_cookie_of_another_make_is_worth_nothing(app: Flask) -> None:
    for value in ("", "x", "e30.Zzz.x", ".eJw.x.y", "\xff"):
        client = app.test_client()
        client.set_cookie("headway", value)
        assert not comes_in(client)
        assert log_in(client, "ada@example.org").status_code == 303


def test_a_login_ends_by_itself(app: Flask, services: Services) -> None:
    client = visitor(app, "ada")
    with services.database.transaction() as session:
        session.scalars(select(Login)).one().expires_at = now() - timedelta(seconds=1)
    assert not comes_in(client)


def test_a_disabled_person_is_out_at_once(app: Flask, services: Services, cast: Cast) -> None:
    client = visitor(app, "ben")
    with services.database.transaction() as session:
        session.get_one(User, cast.ben.id).disable(session)
    assert not comes_in(client)
    assert log_in(client, "ben@example.org").status_code == 401


def test_a_script_is_told_and_not_led_to_a_page(client: FlaskClient) -> None:
    for headers in ({"HX-Request": "true", **HTML}, {"X-Requested-With": "XMLHttpRequest"}):
        answer = client.get("/jobs/parts", headers=headers)
        assert answer.status_code == 401
        assert "<html" not in answer.text


def test_a_login_needs_the_page_s_own_token(client: FlaskClient) -> None:
    answer = client.post("/login", data={"email": "ada@example.org", "password": PASSWORD})
    assert answer.status_code == 400
    assert not comes_in(client)
    other = form_token(client.application.test_client().get("/login").text)
    assert client.post("/login", data={"csrf_token": other}).status_code == 400
