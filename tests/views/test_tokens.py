"""API tokens of one's own: shown once, kept as a digest, revoked at will."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select

from tests.conftest import Cast
from tests.views.visiting import press, visitor
from webapp.records.token import Token
from webapp.services import Services
from webapp.settings import Settings

pytestmark = pytest.mark.usefixtures("cast")


def made(page: str) -> str:
    found = re.search(r'id="new-token">([^<]+)<', page)
    assert found
    return found[1]


def status_with(app: Flask, token: str) -> int:
    return app.test_client().get("/jobs", headers={"Authorization": f"Bearer {token}"}).status_code


def only_token_id(services: Services) -> int:
    with services.database.reading() as session:
        return session.scalars(select(Token.id)).one()


def test_a_token_is_shown_once_and_lets_a_program_in(app: Flask, settings: Settings) -> None:
    client = visitor(app, "ben")
    answer = press(client, "/account/tokens", name="backup")
    assert answer.status_code == 201
    token = made(answer.text)
    assert token not in client.get("/account").text
    assert "backup" in client.get("/account").text
    assert status_with(app, token) == 200
    for path in settings.data_dir.glob("headway.db*"):
        assert token.encode() not in path.read_bytes()


def test_a_revoked_token_lets_nobody_in(app: Flask, services: Services) -> None:
    client = visitor(app, "ben")
    token = made(press(client, "/account/tokens", name="backup").text)
    assert press(client, f"/account/tokens/{only_token_id(services)}/revocation").status_code == 303
    assert "“backup” is revoked." in client.get("/account").text
    assert status_with(app, token) == 401


def test_nobody_can_revoke_anothers_token_not_even_an_admin(app: Flask, services: Services) -> None:
    token = made(press(visitor(app, "ben"), "/account/tokens", name="backup").text)
    for name in ("ada", "cleo"):
        for token_id in (only_token_id(services), 999, 2**70):
            assert press(visitor(app, name), f"/account/tokens/{token_id}/revocation").status_code == 404
    assert status_with(app, token) == 200


def test_a_token_is_seen_by_its_owner_alone(app: Flask) -> None:
    press(visitor(app, "ben"), "/account/tokens", name="bens-backup")
    assert "bens-backup" not in visitor(app, "ada").get("/account").text


def test_a_token_needs_a_name(app: Flask) -> None:
    client = visitor(app, "ben")
    for name in ("", "   "):
        answer = press(client, "/account/tokens", name=name)
        assert answer.status_code == 422
        assert "A token needs a name" in answer.text


def test_a_name_of_any_kind_is_harmless(app: Flask) -> None:
    client = visitor(app, "ben")
    for name in ('"><script>alert(1)</script>', "x" * 5000, "\u202egnp", "\0"):
        assert press(client, "/account/tokens", name=name).status_code == 201
    page = client.get("/account").text
    assert "<script>alert" not in page
    assert "x" * 101 not in page


def test_a_token_changes_nothing_by_a_page_s_form(app: Flask, cast: Cast) -> None:
    token = made(press(visitor(app, "ben"), "/account/tokens", name="backup").text)
    client = app.test_client()
    for path in ("/account/tokens", "/account/password", "/logout", "/jobs"):
        assert client.post(path, headers={"Authorization": f"Bearer {token}"}).status_code == 400
