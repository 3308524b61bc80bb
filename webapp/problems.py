"""Errors as people and programs read them: a page, a few words beside a form, or problem+json (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Literal

from flask import Flask, Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import ParseException
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import (
    BadHost,
    BadRequest,
    Conflict,
    HTTPException,
    InternalServerError,
    RequestEntityTooLarge,
    ServiceUnavailable,
)

from webapp.acceptance import BatchClosed
from webapp.errors import JobError
from webapp.files import NoRoom, TooLarge

MEGABYTE = 1_000_000

log = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """What is wrong with one field: its name, with dots for what is inside."""

    field: str
    detail: str


class Problem(BaseModel):
    """An error as programs get it (RFC 9457). `detail` says in words what to do about it."""

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = Field(default=None, description="Of a 422: each field that is wrong.")


def init_app(app: Flask) -> None:
    app.register_error_handler(TooLarge, lambda _error: answer(_too_large(app)))
    app.register_error_handler(NoRoom, lambda error: answer(_cannot_store("no room for an upload", error)))
    app.register_error_handler(
        OperationalError, lambda error: answer(_cannot_store("the database takes nothing", error))
    )
    app.register_error_handler(RequestEntityTooLarge, lambda _error: answer(_too_large(app)))
    app.register_error_handler(ParseException, lambda _error: answer(BadRequest("The request’s body is malformed.")))
    app.register_error_handler(JobError, lambda error: answer(Refused(str(error), error.fields)))
    app.register_error_handler(BatchClosed, lambda error: answer(Conflict(str(error))))
    app.register_error_handler(CSRFError, lambda _error: answer(StaleForm()))
    # Without a host no page can be drawn: nobody knows its addresses.
    app.register_error_handler(BadHost, lambda error: Response("This is no host name.\n", 400, mimetype="text/plain"))
    app.register_error_handler(HTTPException, answer)
    app.register_error_handler(Exception, _unexpected)


class Refused(HTTPException):
    """What was sent is understood and can't be accepted; the description says why, `fields` says it of each."""

    code = 422
    name = "Not accepted"

    def __init__(self, description: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(description)
        self.fields = fields or {}


class CannotStore(ServiceUnavailable):
    name = "Not stored"
    description = (
        "The server can’t store anything just now, so this was not done. Try again in a moment. "
        "If it happens again, ask an admin: the disk may be full."
    )


class StaleForm(BadRequest):
    name = "This page is too old"
    description = "The form was not sent from a current page. Reload the page and try again."


def answer(error: HTTPException) -> Response:
    """An error in the form that whoever asks can read."""
    if isinstance(error.response, Response):
        return error.response
    response = make_response(_body(error), error.code or 500)
    # What the exception itself has to say in headers: Allow, Retry-After.
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    if wants_json():
        response.mimetype = "application/problem+json"
    if error.code == 401 and wants_json():
        response.headers["WWW-Authenticate"] = 'Bearer realm="Headway"'
    return response


def wants_json() -> bool:
    """All of the API but the one page about it."""
    return (request.path + "/").startswith("/api/") and request.endpoint != "api_docs.show"


def wants_fragment() -> bool:
    """Whether a script sent it, which shows the answer beside what was tried."""
    return request.headers.get("X-Requested-With") == "XMLHttpRequest" or "HX-Request" in request.headers


def _body(error: HTTPException) -> str:
    status, title, detail = error.code or 500, error.name, error.description or ""
    if wants_json():
        problem = Problem(title=title, status=status, detail=detail)
        if isinstance(error, Refused) and error.fields:
            problem.errors = [FieldProblem(field=name, detail=words) for name, words in error.fields.items()]
        return json.dumps(problem.model_dump(exclude_none=True))
    if wants_fragment():
        return render_template("_problem.html", problem=detail)
    return render_template("errors/error.html", status=status, title=title, detail=detail)


def _too_large(app: Flask) -> HTTPException:
    if not getattr(app.view_functions.get(request.endpoint or ""), "takes_uploads", False):
        return RequestEntityTooLarge("That is more than can be sent here.")
    limit = app.extensions["headway"].settings.max_upload / MEGABYTE
    return RequestEntityTooLarge(f"The file is too large: at most {limit:,.1f} MB may be uploaded.")


def _cannot_store(what: str, error: Exception) -> HTTPException:
    log.error("%s: %s", what, error.orig if isinstance(error, OperationalError) else error.__cause__)
    return CannotStore()


def _unexpected(error: Exception) -> Response:
    log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return answer(InternalServerError("Something went wrong here. It has been logged."))
