"""The search box and what it finds."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask_login import current_user

from webapp.current import services
from webapp.search import search

bp = Blueprint("search", __name__)


@bp.get("/search")
def show() -> str:
    question = request.args.get("q", "").strip()
    owner_id = None if current_user.is_admin else current_user.id
    answer = search(services(), question, owner_id=owner_id) if question else None
    return render_template("search/index.html", question=question, answer=answer)
