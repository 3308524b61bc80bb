"""JSON for programs: one file per contract. Each is a rendering of the same records that pages show."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request

from webapp.api import (
    background_process,
    batches,
    describing,
    document_status,
    job_embeds,
    job_files,
    job_following,
    job_history,
    job_selection,
    job_steering,
    jobs,
    media_jobs,
    pipeline_progress,
    rate,
    schedule_steering,
    schedules,
    tickets,
    trace_import,
)
from webapp.security import csrf, refuse_foreign_pages
from webapp.services import Services

PARTS = (
    jobs,
    batches,
    job_selection,
    job_steering,
    job_history,
    job_following,
    job_files,
    job_embeds,
    schedules,
    schedule_steering,
    tickets,
    document_status,
    pipeline_progress,
    media_jobs,
    background_process,
    trace_import,
    describing,
)

REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
ANSWER_HEADERS = "Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After"


def init_app(app: Flask, services: Services) -> None:
    api = Blueprint("api", __name__)
    for part in PARTS:
        api.register_blueprint(part.bp)
        csrf.exempt(part.bp)
    api.before_request(refuse_foreign_pages)
    api.before_request(rate.count_call)
    api.after_request(lambda response: _allow_origins(response, services.settings.cors_origins))
    app.register_blueprint(api)


def _allow_origins(response: Response, origins: tuple[str, ...]) -> Response:
    """Let pages of the set origins call with a token or ticket of their own; cookies stay home."""
    response.vary.add("Origin")
    if request.headers.get("Origin") in origins:
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
        response.headers["Access-Control-Expose-Headers"] = ANSWER_HEADERS
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, DELETE, OPTIONS"
        response.headers["Access-Control-Max-Age"] = "600"
    return response
