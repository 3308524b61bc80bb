"""A person's own page: password, tokens, and where they are logged in."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask_login import current_user

from webapp.current import services
from webapp.records.login import Login
from webapp.records.token import Token

bp = Blueprint("account", __name__)


@bp.get("/account")
def show() -> str:
    return page()


def page(*, problem: str | None = None, new_token: str | None = None) -> str:
    with services().database.reading() as session:
        tokens = Token.of(session, current_user.user)
        logins = Login.of(session, current_user.id)
    return render_template(
        "account/show.html",
        tokens=tokens,
        sessions=logins,
        this_session_id=current_user.login_id,
        new_token=new_token,
        problem=problem,
    )
