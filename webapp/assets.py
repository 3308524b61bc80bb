"""Static files under URLs that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, url_for

FOR_EVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    folder = Path(str(app.static_folder))

    def version_of(name: str) -> str:
        path = folder / name
        return _digest(path, path.stat().st_mtime_ns)

    def static(name: str) -> str:
        """`css/base.css` → `/static/css/base.css?v=3f2a9c…`. Raises FileNotFoundError for a wrong name."""
        return url_for("static", filename=name, v=version_of(name))

    app.jinja_env.globals["static"] = static

    @app.after_request
    def cache_for_ever(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in (200, 304):
            name = (request.view_args or {}).get("filename", "")
            current = request.args.get("v") == version_of(name)
            response.headers["Cache-Control"] = FOR_EVER if current else "no-cache"
        return response


@cache
def _digest(path: Path, _changed_at: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
