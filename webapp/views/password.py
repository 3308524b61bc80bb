"""Changing one's password, which ends every other login."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, request, url_for
from flask_login import current_user

from webapp.current import services
from webapp.limits import FAILED_LOGINS, limiter, was_refused
from webapp.records.login import Login
from webapp.records.user import User
from webapp.views import account

bp = Blueprint("password", __name__)


@bp.post("/account/password")
@limiter.limit(FAILED_LOGINS, deduct_when=was_refused)
def update() -> Response:
    try:
        with services().database.transaction() as session:
            user = session.get_one(User, current_user.id)
            if not user.has_password(request.form.get("current", "")):
                raise ValueError("The present password is wrong.")
            user.set_password(session, request.form.get("new", ""))
            Login.end_others(session, user.id, but=current_user.login_id)
    except ValueError as error:
        return make_response(account.page(problem=str(error)), 422)
    flash("The password is changed; all other logins have ended.")
    return redirect(url_for("account.show"), 303)  # type: ignore[return-value]
