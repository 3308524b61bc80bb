"""Whether the process serves, and whether it can work. Without login and without data."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from webapp.current import services
from webapp.live.client import LiveUnavailable, translated
from webapp.login import public

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def live() -> Response:
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
@public
def ready() -> Response:
    """503 and the names of what does not answer."""
    missing = [name for name, answers in (("database", _database), ("redis", _redis)) if not answers()]
    text = f"not ready: {', '.join(missing)}\n" if missing else "ok\n"
    return Response(text, 503 if missing else 200, mimetype="text/plain")


def _database() -> bool:
    try:
        with services().database.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _redis() -> bool:
    try:
        with translated():
            return bool(services().redis.ping())
    except LiveUnavailable:
        return False
