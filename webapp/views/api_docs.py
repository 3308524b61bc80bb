"""The API's description as a page."""

from __future__ import annotations

from flask import Blueprint, render_template

from webapp.api.describing import described

bp = Blueprint("api_docs", __name__)


@bp.get("/api/docs")
def show() -> str:
    return render_template("api/docs.html", api=described())
