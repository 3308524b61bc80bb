"""The application's services, inside a request."""

from __future__ import annotations

from flask import current_app

from webapp.services import Services


def services() -> Services:
    return current_app.extensions["headway"]
