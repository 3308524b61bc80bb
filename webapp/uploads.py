"""Uploads on their way in: bounded while they stream, straight into the file store's own folder."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import IO, Any

from flask import Flask, Request, Response, current_app, g, request
from gunicorn.http.errors import ParseException
from werkzeug.datastructures import FileStorage

from webapp.current import services
from webapp.files import Incoming, give_way

# Of the form around the file: other fields, names, boundaries.
FORM_BYTES = 256 * 1024
# A sender that is silent for so many seconds is gone, though nobody said so.
PAUSE = 60.0
# How long and how much a refused request may go on being sent, and how long it may pause.
REST_SECONDS, REST_BYTES, REST_PAUSE = 15.0, 256 * 1024 * 1024, 3.0
BLOCK = 64 * 1024


class UploadRequest(Request):
    """A request whose file parts are written where they will stay."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        incoming = services().files.receive(services().settings.max_upload)
        g.setdefault("incoming", []).append(incoming)
        return incoming  # type: ignore[return-value]


def init_app(app: Flask) -> None:
    app.request_class = UploadRequest
    app.config["MAX_CONTENT_LENGTH"] = FORM_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_BYTES
    app.config["MAX_FORM_PARTS"] = 100

    @app.before_request
    def bound_what_is_sent() -> None:
        _wait_at_most(PAUSE, request.environ)
        view = current_app.view_functions.get(request.endpoint or "")
        if getattr(view, "takes_uploads", False):
            request.max_content_length = services().settings.max_upload + FORM_BYTES

    @app.after_request
    def hear_out(response: Response) -> Response:
        sends_something = request.content_length or "Transfer-Encoding" in request.headers
        if response.status_code >= 400 and sends_something:
            response.call_on_close(partial(_take_in_the_rest, request.environ))
        return response

    @app.teardown_request
    def discard_what_was_not_kept(_error: BaseException | None) -> None:
        for incoming in g.pop("incoming", []):
            incoming.discard()
        _wait_at_most(None, request.environ)


def _take_in_the_rest(environ: dict[str, Any]) -> None:
    """Read what a refused client still sends: closing on it would reset the connection, and lose the answer."""
    if "gunicorn.socket" not in environ:
        return
    ends_at, most = time.monotonic() + REST_SECONDS, REST_BYTES
    _wait_at_most(REST_PAUSE, environ)
    # What ends it is the client's business: it hangs up, or sends what is no body.
    with suppress(OSError, ParseException):
        while most > 0 and time.monotonic() < ends_at and (data := environ["wsgi.input"].read(BLOCK)):
            most -= len(data)
            give_way()
    _wait_at_most(None, environ)


def _wait_at_most(seconds: float | None, environ: dict[str, Any]) -> None:
    if connection := environ.get("gunicorn.socket"):
        connection.settimeout(seconds)


def takes_uploads(view: Any) -> Any:
    """Mark a view whose requests may be as large as an upload."""
    view.takes_uploads = True
    return view


def incoming_of(upload: FileStorage) -> Incoming:
    """The stream that a parsed file part was written to."""
    assert isinstance(upload.stream, Incoming)
    return upload.stream
