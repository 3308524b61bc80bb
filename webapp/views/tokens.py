"""API tokens of one's own."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, request, url_for
from flask_login import current_user
from werkzeug.exceptions import NotFound

from webapp.current import services
from webapp.records.token import Token
from webapp.views import account

bp = Blueprint("tokens", __name__)


@bp.post("/account/tokens")
def create() -> Response:
    """The only page that ever shows the new token."""
    try:
        with services().database.transaction() as session:
            _, secret = Token.create(session, current_user.user, request.form.get("name", ""))
    except ValueError as error:
        return make_response(account.page(problem=str(error)), 422)
    return make_response(account.page(new_token=secret), 201)


@bp.post("/account/tokens/<int:token_id>/revocation")
def destroy(token_id: int) -> Response:
    with services().database.transaction() as session:
        token = session.get(Token, token_id)
        if token is None or token.user_id != current_user.id:
            raise NotFound("There is no such token.")
        token.revoke(session)
    flash(f"“{token.name}” is revoked.")
    return redirect(url_for("account.show"), 303)  # type: ignore[return-value]
