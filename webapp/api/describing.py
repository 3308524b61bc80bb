"""The API's description, for programs to read; people read `/api/docs`."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Flask, Response, current_app

from webapp.api import openapi
from webapp.conditional import conditional

bp = Blueprint("describing", __name__)


@bp.get("/api/openapi.json")
def show() -> Response:
    response = conditional(json.dumps(described()))
    response.mimetype = "application/json"
    return response


def described() -> dict[str, Any]:
    """Made once, at the first need: it is the same for everybody."""
    app: Flask = current_app
    if "openapi" not in app.extensions:
        app.extensions["openapi"] = openapi.description(app)
    return app.extensions["openapi"]
