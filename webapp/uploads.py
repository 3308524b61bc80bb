"""Uploads on their way in: bounded while they stream, straight into the file store's own folder."""

from __future__ import annotations

from typing import IO, Any

from flask import Flask, Request, current_app, g, request
from werkzeug.datastructures import FileStorage

from webapp.current import services
from webapp.files import Incoming

# Of the form around the file: other fields, names, boundaries.
FORM_BYTES = 256 * 1024


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
    def allow_uploads() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        if getattr(view, "takes_uploads", False):
            request.max_content_length = services().settings.max_upload + FORM_BYTES

    @app.teardown_request
    def discard_what_was_not_kept(_error: BaseException | None) -> None:
        for incoming in g.pop("incoming", []):
            incoming.discard()


def takes_uploads(view: Any) -> Any:
    """Mark a view whose requests may be as large as an upload."""
    view.takes_uploads = True
    return view


def incoming_of(upload: FileStorage) -> Incoming:
    """The stream that a parsed file part was written to."""
    assert isinstance(upload.stream, Incoming)
    return upload.stream
