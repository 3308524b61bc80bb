"""One's logins on other browsers, ended from here."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, url_for
from flask_login import current_user
from werkzeug.exceptions import NotFound

from webapp.current import services
from webapp.records.login import Login

bp = Blueprint("account_sessions", __name__)


@bp.post("/account/sessions/<int:session_id>/end")
def destroy(session_id: int) -> Response:
    with services().database.transaction() as session:
        login = session.get(Login, session_id)
        if login is None or login.user_id != current_user.id:
            raise NotFound("There is no such session.")
        login.end(session)
    flash("That browser is logged out.")
    return redirect(url_for("account.show"), 303)  # type: ignore[return-value]
