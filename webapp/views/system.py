"""The admins' page: whether work moves, who does it, what is in the way and what is stored."""

from __future__ import annotations

import platform
import sqlite3
import tomllib
from functools import cache
from importlib.metadata import version

from flask import Blueprint, Response, render_template, url_for
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from webapp.conditional import conditional
from webapp.current import services
from webapp.kinds import OFFERED
from webapp.live.client import LiveUnavailable, translated
from webapp.records.rule import EVERYTHING, Rule
from webapp.settings import PROJECT
from webapp.stream.html import everything
from webapp.stream.names import SYSTEM
from webapp.streaming import renderings, respond, system_state

bp = Blueprint("system", __name__)


@bp.before_request
def admins_only() -> None:
    if not current_user.is_admin:
        raise Forbidden("This page is for admins.")


@bp.get("/system")
def show() -> str:
    return render_template(
        "system/show.html",
        state=system_state(),
        rules=_rules(),
        versions=_versions() | {"Redis or Valkey": _redis_version()},
        stream_url=url_for("system.live"),
        parts_url=url_for("system.parts"),
    )


@bp.get("/system/live")
def live() -> Response:
    return respond(SYSTEM, renderings().system, name=SYSTEM.noun)


@bp.get("/system/parts")
def parts() -> Response:
    return conditional(everything(system_state(), renderings().system))


def _rules() -> list[tuple[str, str, Rule | None]]:
    """For the whole queue and then each kind: its slug, its words, and what is set for it."""
    with services().database.reading() as session:
        rules = Rule.all(session)
    kinds = [(EVERYTHING, "The whole queue"), *((kind.name, kind.label) for kind in OFFERED.values())]
    return [(slug, words, rules.get(slug)) for slug, words in kinds]


@cache
def _versions() -> dict[str, str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    packages = {name: version(name) for name in ("Flask", "Huey", "gunicorn")}
    return {
        "Headway": project["version"],
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    } | packages


def _redis_version() -> str:
    try:
        with translated():
            info = services().redis.info("server")
    except LiveUnavailable:
        return "can’t be reached"
    return str(info.get("valkey_version") or info.get("redis_version"))
