"""HTML views: one file per resource. A view finds a record, calls one verb and picks a rendering."""

from __future__ import annotations

from flask import Flask

from webapp.stream.names import dom_id
from webapp.views import (
    account,
    account_sessions,
    documents,
    health,
    job_cancellation,
    job_file,
    job_stream,
    jobs,
    password,
    samples,
    search,
    sessions,
    tokens,
)

VIEWS = (
    account,
    account_sessions,
    documents,
    health,
    job_cancellation,
    job_file,
    job_stream,
    jobs,
    password,
    samples,
    search,
    sessions,
    tokens,
)


def init_app(app: Flask) -> None:
    for view in VIEWS:
        app.register_blueprint(view.bp)
    app.jinja_env.globals["dom_id"] = dom_id
