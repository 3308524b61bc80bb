"""HTML views: one file per resource. A view finds a record, calls one verb and picks a rendering."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter

from webapp.stream.names import dom_id
from webapp.views import (
    account,
    account_sessions,
    api_docs,
    batches,
    document_deletion,
    documents,
    embeds,
    health,
    job_attempts,
    job_cancellation,
    job_copies,
    job_deletion,
    job_embeds,
    job_file,
    job_matches,
    job_outputs,
    job_rows,
    job_selection,
    job_stream,
    jobs,
    password,
    processes,
    rules,
    samples,
    schedule_deletion,
    schedule_pause,
    schedule_preview,
    schedule_runs,
    schedules,
    search,
    sessions,
    system,
    tokens,
)
from webapp.views.found import LARGEST_ID

VIEWS = (
    account,
    account_sessions,
    api_docs,
    batches,
    document_deletion,
    documents,
    embeds,
    health,
    job_attempts,
    job_cancellation,
    job_copies,
    job_deletion,
    job_embeds,
    job_file,
    job_matches,
    job_outputs,
    job_rows,
    job_selection,
    job_stream,
    jobs,
    password,
    processes,
    rules,
    samples,
    schedule_deletion,
    schedule_pause,
    schedule_preview,
    schedule_runs,
    schedules,
    search,
    sessions,
    system,
    tokens,
)


class IdConverter(IntegerConverter):
    """Numbers in addresses, up to the largest that a database takes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"max": LARGEST_ID} | options)


def init_app(app: Flask) -> None:
    app.url_map.converters["int"] = IdConverter
    for view in VIEWS:
        app.register_blueprint(view.bp)
    app.jinja_env.globals["dom_id"] = dom_id
