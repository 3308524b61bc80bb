"""One's own page: where one is logged in, and the password."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from tests.conftest import Cast
from tests.views.visiting import log_in, press, visitor
from webapp.records.login import Login
from webapp.services import Services

HOSTILE = "<script>alert(1)</script> Firefox/1"

pytestmark = pytest.mark.usefixtures("cast")


def login_ids(services: Services, user_id: int) -> list[int]:
    with services.database.reading() as session:
        return list(session.scalars(select(Login.id).where(Login.user_id == user_id).order_by(Login.id)))


def test_every_login_is_shown_and_any_other_can_be_ended(app: Flask, services: Services, cast: Cast) -> None:
    here, elsewhere = visitor(app, "ada"), visitor(app, "ada")
    assert "this one" in here.get("/account").text
    _, other = login_ids(services, cast.ada.id)
    assert press(here, f"/account/sessions/{other}/end").headers["Location"] == "/account"
    assert "That browser is logged out." in here.get("/account").text
    assert elsewhere.get("/account").status_code == 401


def test_nobody_can_end_anothers_login(app: Flask, services: Services, cast: Cast) -> None:
    ada, ben = visitor(app, "ada"), visitor(app, "ben")
    (login_id,) = login_ids(services, cast.ben.id)
    for wrong in (login_id, 999, 2**70):
        assert press(ada, f"/account/sessions/{wrong}/end").status_code == 404
    assert ben.get("/account").status_code == 200


def test_what_a_browser_calls_itself_is_escaped(app: Flask) -> None:
    client = app.test_client()
    client.environ_base["HTTP_USER_AGENT"] = HOSTILE
    log_in(client, "ada@example.org")
    page = client.get("/account").text
    assert "<script>alert" not in page
    assert "Firefox" in page


def test_a_new_password_ends_every_other_login(app: Flask) -> None:
    here, elsewhere = visitor(app, "ben"), visitor(app, "ben")
    answer = press(here, "/account/password", current="correct horse", new="battery staple")
    assert answer.headers["Location"] == "/account"
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 401
    assert log_in(app.test_client(), "ben@example.org").status_code == 401
    assert log_in(app.test_client(), "ben@example.org", "battery staple").status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "words"),
    [
        ("wrong", "battery staple", "The present password is wrong."),
        ("correct horse", "short", "A password has at least 8 characters."),
        ("", "", "The present password is wrong."),
    ],
)
def test_a_password_is_not_changed_without_the_old_or_to_a_weak_one(
    app: Flask, current: str, new: str, words: str
) -> None:
    client = visitor(app, "ben")
    answer = press(client, "/account/password", current=current, new=new)
    assert answer.status_code == 422
    assert words in answer.text
    assert log_in(app.test_client(), "ben@example.org").status_code == 303


def test_the_old_password_can_not_be_guessed_here_either(app: Flask) -> None:
    client = visitor(app, "ben")
    answers = [press(client, "/account/password", current="guess", new="battery staple").status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]
