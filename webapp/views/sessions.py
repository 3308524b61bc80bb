"""Logging in and out."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, session, url_for
from flask_login import current_user, logout_user

from webapp.current import services
from webapp.limits import FAILED_LOGINS, FAILED_LOGINS_AN_ACCOUNT, by_account, limiter, was_refused
from webapp.login import public, sign_in
from webapp.records.login import Login
from webapp.records.user import User

bp = Blueprint("sessions", __name__)


@bp.get("/login")
@public
def new() -> Response | str:
    if current_user.is_authenticated:
        return redirect(url_for("jobs.index"), 303)  # type: ignore[return-value]
    return render_template("sessions/new.html", problem=None, email=None, next=request.args.get("next"))


@bp.post("/login")
@public
@limiter.limit(FAILED_LOGINS, deduct_when=was_refused)
@limiter.limit(FAILED_LOGINS_AN_ACCOUNT, key_func=by_account, deduct_when=was_refused)
def create() -> Response:
    email, password = request.form.get("email", ""), request.form.get("password", "")
    with services().database.reading() as database_session:
        user = User.authenticate(database_session, email, password)
    if user is None:
        problem = "The e-mail address or the password is wrong."
        page = render_template("sessions/new.html", problem=problem, email=email, next=request.form.get("next"))
        return make_response(page, 401)
    session.clear()
    session.permanent = True
    sign_in(user, browser=request.user_agent.string, address=request.remote_addr or "")
    return redirect(_local(request.form.get("next")), 303)  # type: ignore[return-value]


@bp.post("/logout")
def destroy() -> Response:
    with services().database.transaction() as database_session:
        login = database_session.get(Login, current_user.login_id)
        if login is not None:
            login.end(database_session)
    logout_user()
    session.clear()
    return redirect(url_for("sessions.new"), 303)  # type: ignore[return-value]


def _local(target: str | None) -> str:
    """Where to go next, if that is a page of this site."""
    # Browsers take backslashes for slashes, drop tabs and line ends, and see a host after two slashes.
    if target and target[0] == "/" and target[1:2] != "/" and "\\" not in target and target.isprintable():
        return target
    return url_for("jobs.index")
