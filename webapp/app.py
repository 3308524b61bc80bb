"""The application factory: each part sets itself up, in the order in which requests meet them."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import api, assets, compression, limits, login, problems, security, streaming, uploads, views
from webapp.api import rate, strangers
from webapp.secret_key import ensure_secret_key
from webapp.services import Services
from webapp.settings import PROJECT, Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The web application, for a WSGI server."""
    settings = settings or Settings.from_environment()
    app = Flask("webapp", template_folder=PROJECT / "templates", static_folder=PROJECT / "static")
    app.secret_key = ensure_secret_key(settings)
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops, hops)  # type: ignore[method-assign]
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    services = Services.open(settings)
    app.extensions["headway"] = services
    rate.init_app(app, settings)
    strangers.init_app(app)
    login.init_app(app)
    uploads.init_app(app)
    security.init_app(app)
    limits.init_app(app, settings)
    assets.init_app(app)
    compression.init_app(app)
    streaming.init_app(app, services)
    problems.init_app(app)
    views.init_app(app)
    api.init_app(app, services)
    return app
