"""People in front of the application, without a server between: logging in, and the forms of pages."""

from __future__ import annotations

import io
import re

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.serving import LOGIN, form_token

PASSWORD = LOGIN["password"]


def log_in(client: FlaskClient, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
    form = {"email": email, "password": password, "csrf_token": form_token(client.get("/login").text), **more}
    return client.post("/login", data=form)


def visitor(app: Flask, name: str) -> FlaskClient:
    """A browser in which Ada, Ben or Cleo is logged in."""
    client = app.test_client()
    assert log_in(client, f"{name}@example.org").status_code == 303
    return client


def press(client: FlaskClient, path: str, **fields: object) -> TestResponse:
    """Send a form of this site."""
    return client.post(path, data={"csrf_token": form_token(client.get("/account").text), **fields})


def new_job(client: FlaskClient, name: str = "data.bin", data: bytes = b"hello", kind: str = "checksum") -> int:
    answer = press(client, "/jobs", kind=kind, file=(io.BytesIO(data), name))
    assert answer.status_code == 303, answer.text
    return int(re.fullmatch(r"/jobs/(\d+)", answer.headers["Location"])[1])  # type: ignore[index]
