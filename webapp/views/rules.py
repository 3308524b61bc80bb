"""Pausing, resuming and limiting the queue or one kind of job. For admins."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.exceptions import Forbidden, NotFound

from webapp.current import services
from webapp.kinds import OFFERED
from webapp.problems import Refused
from webapp.records.rule import EVERYTHING, Rule

MOST = 1000

bp = Blueprint("rules", __name__)


@bp.before_request
def for_admins() -> None:
    if current_user.is_authenticated and not current_user.is_admin:
        raise Forbidden("This is for admins.")


@bp.post("/rules/<kind>/pause")
def pause(kind: str) -> Response:
    with services().database.transaction() as session:
        Rule.of(session, _known(kind)).pause(session, by=current_user.email)
    flash(f"{_words(kind)} is paused: nothing more of it begins, and what runs goes on.")
    return redirect(url_for("system.show"), 303)  # type: ignore[return-value]


@bp.post("/rules/<kind>/resume")
def resume(kind: str) -> Response:
    with services().database.transaction() as session:
        Rule.of(session, _known(kind)).resume(session)
    flash(f"{_words(kind)} goes on.")
    return redirect(url_for("system.show"), 303)  # type: ignore[return-value]


@bp.post("/rules/<kind>/limit")
def limit(kind: str) -> Response:
    """An empty number takes the limit away."""
    text = request.form.get("at_most", "").strip()
    if text and not (text.isascii() and text.isdecimal() and 1 <= int(text[:5]) <= MOST):
        raise Refused(f"The limit is a number from 1 to {MOST}, or empty for none.")
    with services().database.transaction() as session:
        Rule.of(session, _known(kind)).limit(session, int(text) if text else None)
    flash(f"{_words(kind)}: {'at most ' + text + ' at once' if text else 'no limit'}.")
    return redirect(url_for("system.show"), 303)  # type: ignore[return-value]


def _known(kind: str) -> str:
    if kind != EVERYTHING and kind not in OFFERED:
        raise NotFound("There is no such kind of job.")
    return kind


def _words(kind: str) -> str:
    return "The queue" if kind == EVERYTHING else f"“{OFFERED[kind].label}”"
