"""Static files under URLs that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request

FOR_EVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    folder = Path(str(app.static_folder))

    # For as long as the process lives: pages name a dozen of them.
    @cache
    def version_of(name: str) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:12]

    def static(name: str) -> str:
        """`css/base.css` → `/static/css/base.css?v=3f2a9c…`. Raises FileNotFoundError for a wrong name."""
        return f"{request.script_root}{app.static_url_path}/{name}?v={version_of(name)}"

    app.jinja_env.globals["static"] = static

    @app.after_request
    def cache_for_ever(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in (200, 304):
            name = (request.view_args or {}).get("filename", "")
            current = request.args.get("v") == version_of(name)
            response.headers["Cache-Control"] = FOR_EVER if current else "no-cache"
        return response
