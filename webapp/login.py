"""Who is asking: a browser by its login cookie, a program by its token, a stream by its ticket."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from flask import Flask, Request, Response, current_app, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import Unauthorized

from webapp.current import services
from webapp.problems import wants_json
from webapp.records.credential import Credential, Holder, by_login, by_token
from webapp.records.login import Login
from webapp.records.token import Token
from webapp.records.user import ADMIN, User
from webapp.settings import Settings

TICKET_SECONDS = 60
TICKET_SALT = "stream-ticket"
BEARER = "bearer"

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Identity(UserMixin):  # type: ignore[misc]
    """A person, and by what they are known: a login, a token, or neither of them with a stream ticket.

    A `guest` sees what a link of that person's shows.
    """

    id: int
    email: str
    role: str
    login_id: int = 0
    token_id: int = 0
    secret: str = ""
    guest: bool = False

    @classmethod
    def of(cls, user: User, *, guest: bool = False) -> Identity:
        return cls(user.id, user.email, user.role, guest=guest)

    @property
    def is_admin(self) -> bool:
        return self.role == ADMIN

    @property
    def user(self) -> User:
        """Their record, read now: few requests need more than what stands here."""
        with services().database.reading() as session:
            return session.get_one(User, self.id)

    def get_id(self) -> str:
        """What the cookie holds."""
        return self.secret

    @property
    def credential(self) -> Credential:
        """What lasts long keeps this, to ask again."""
        return Credential(self.id, self.role, self.login_id, self.token_id, self.guest)


def init_app(app: Flask) -> None:
    """Closed unless opened: every view needs a login, but those marked @public."""
    settings: Settings = app.extensions["headway"].settings
    app.config.update(
        SESSION_COOKIE_NAME="headway",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.session_days),
    )
    manager = LoginManager(app)
    # The login row is the protection; a hash of address and browser would only sign people out.
    manager.session_protection = None
    manager.user_loader(_by_login)
    manager.request_loader(_by_token)
    app.before_request(_require_login)


def public(view: View) -> View:
    """Mark a view that needs no login."""
    view.public = True  # type: ignore[attr-defined]
    return view


def sign_in(user: User, browser: str, address: str) -> None:
    with services().database.transaction() as session:
        login, secret = Login.begin(
            session, user, days=services().settings.session_days, browser=browser, address=address
        )
    login_user(Identity(user.id, user.email, user.role, login.id, secret=secret))


def new_ticket(user_id: int, job_id: int) -> str:
    """A credential that may stand in a URL: it opens one job's streams, for a minute."""
    return _tickets().dumps([user_id, job_id])


def by_ticket(ticket: str, job_id: int | Callable[[Identity], int] | None) -> Identity:
    """Who holds a ticket for this job, or for the one that its holder means. Raises Unauthorized."""
    try:
        user_id, ticket_job_id = _tickets().loads(ticket, max_age=TICKET_SECONDS)
    except (BadData, ValueError, TypeError):
        raise Unauthorized("The stream ticket is not valid, or no longer.") from None
    with services().database.reading() as session:
        user = session.get(User, user_id)
    holder = Identity.of(user) if user and not user.disabled_at else None
    if holder is None or ticket_job_id != (job_id(holder) if callable(job_id) else job_id):
        raise Unauthorized("The stream ticket is not for this.")
    return holder


def _tickets() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt=TICKET_SALT)


def _by_login(secret: str) -> Identity | None:
    if _bearer(request) is not None:
        # Whoever shows a token means to be known by it, even if it turns out to be a bad one.
        return None
    holder = by_login(services().database, secret)
    if holder is None:
        return None
    _note_use(Login, holder)
    return Identity(*holder[:3], login_id=holder.credential_id, secret=secret)


def _by_token(request: Request) -> Identity | None:
    secret = _bearer(request)
    holder = by_token(services().database, secret) if secret is not None else None
    if holder is None:
        return None
    _note_use(Token, holder)
    return Identity(*holder[:3], token_id=holder.credential_id)


def _note_use(record: type[Login | Token], holder: Holder) -> None:
    if not holder.is_stale:
        return
    try:
        with services().database.transaction() as session:
            record.note_use(session, holder.credential_id)
    except OperationalError as error:
        # A page must not fail because this note could not be written.
        log.warning("a login or token could not be noted as seen: %s", error)


def _bearer(request: Request) -> str | None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == BEARER else None


def _require_login() -> Response | None:
    view = current_app.view_functions.get(request.endpoint or "")
    open_to_all = view is None or getattr(view, "public", False) or request.method == "OPTIONS"
    if open_to_all or request.endpoint == "static" or current_user.is_authenticated:
        return None
    wants_page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
    if wants_page and not wants_json() and "HX-Request" not in request.headers:
        target = request.full_path.rstrip("?")
        return redirect(url_for("sessions.new", next=target if target != "/" else None), 303)  # type: ignore[return-value]
    raise Unauthorized("Log in first.")
