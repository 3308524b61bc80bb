"""The admins' pages that show the browser's side of the background-process API at work."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from webapp.acceptance import Upload, accept
from webapp.current import services
from webapp.records.listing import newest

# Together about twenty seconds of work to look at.
DEMO_BYTES, DEMO_RATE = 200_000, 10_000
SUGGESTED = 20

bp = Blueprint("processes", __name__)


@bp.before_request
def admins_only() -> None:
    if not current_user.is_admin:
        raise Forbidden("This page is for admins.")


@bp.get("/admin/background-process-test")
def compare() -> str:
    """One job, by stream and by polling side by side; of the newest file, if none is named."""
    names = _names()
    filename = request.args.get("filename") or next(iter(names), None)
    return render_template("processes/compare.html", filename=filename, names=names)


@bp.post("/admin/background-process-test")
def start_compared() -> Response:
    return _to("processes.compare", _start_demo())


@bp.get("/admin/sse-demo")
def demo() -> str:
    return render_template("processes/demo.html", filename=request.args.get("filename"))


@bp.post("/admin/sse-demo")
def start_demo() -> Response:
    return _to("processes.demo", _start_demo())


@bp.get("/admin/background-processing-sse")
def all() -> str:
    return render_template("processes/list.html")


def _names() -> list[str]:
    with services().database.reading() as session:
        jobs = newest(session, owner_id=None, limit=SUGGESTED)
    return list(dict.fromkeys(job.file_name for job in jobs if job.file_name))


def _start_demo() -> str:
    """A slow job on a file that is made for it; the file's name."""
    name = f"demo-{secrets.token_hex(3)}.bin"
    incoming = services().files.receive(services().settings.max_upload)
    try:
        incoming.write(bytes(DEMO_BYTES))
        params = {"bytes_per_second": DEMO_RATE}
        upload = Upload(incoming, name)
        accept(services(), owner=current_user.user, kind_name="checksum", params=params, upload=upload)
    finally:
        incoming.discard()
    return name


def _to(page: str, filename: str) -> Response:
    return redirect(url_for(page, filename=filename), 303)  # type: ignore[return-value]
