"""What every answer says to browsers about trust, and what every changing request must prove."""

from __future__ import annotations

from flask import Flask, Response, request
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest

NO_FRAMES = "frame-ancestors 'none'"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        NO_FRAMES,
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    # Pages stay open for days; the token dies with the login instead.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    csrf.init_app(app)

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if NO_FRAMES in response.headers["Content-Security-Policy"]:
            # For browsers that don't know the policy's own word for it.
            response.headers.setdefault("X-Frame-Options", "DENY")
        if "Cache-Control" not in response.headers and current_user and current_user.is_authenticated:
            response.headers["Cache-Control"] = "no-store"
        return response


def policy_for_frames(origins: tuple[str, ...]) -> str:
    """The same policy, for an answer that pages of these origins may frame."""
    return POLICY.replace(NO_FRAMES, f"frame-ancestors {' '.join(origins)}") if origins else POLICY


def refuse_foreign_pages() -> None:
    """For the API, whose clients send no form token: a page of another site may not use a cookie here.

    Browsers say where a changing request comes from; a program that says nothing holds no one's cookie.
    """
    if request.method in SAFE_METHODS or "Authorization" in request.headers:
        return
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none") or (origin and origin.partition("://")[2] != request.host):
        raise BadRequest("This request comes from another site.")
