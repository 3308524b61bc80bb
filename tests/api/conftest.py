"""The cast as programs, each with a token of their own, on the server that all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.serving import Server


@pytest.fixture(scope="session")
def ada(server: Server) -> Iterator[httpx.Client]:
    with server.program() as program:
        yield program


@pytest.fixture(scope="session")
def ben(server: Server) -> Iterator[httpx.Client]:
    with server.program("ben@example.org") as program:
        yield program


@pytest.fixture(scope="session")
def cleo(server: Server) -> Iterator[httpx.Client]:
    with server.program("cleo@example.org") as program:
        yield program


@pytest.fixture(scope="session")
def anyone(server: Server) -> Iterator[httpx.Client]:
    """Without a credential."""
    with httpx.Client(base_url=server.url, timeout=30) as program:
        yield program


@pytest.fixture(scope="session")
def browser(server: Server) -> Iterator[httpx.Client]:
    """Ada's browser, logged in."""
    browser = server.browser()
    yield browser
    browser.close()
