"""A real Chromium, logged in where a test wants that. Never skipped: without a browser the tests fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.serving import LOGIN, Server

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
PATIENCE = 30_000


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("HEADWAY_TEST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "The browser tests need Chromium: bin/test installs it, or set HEADWAY_TEST_CHROMIUM."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, server: Server) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=server.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Ada's page; a script's fault or a refused inline script anywhere fails the test."""
    page = logged_in(context)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    assert faults == []


def logged_in(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Email").fill(LOGIN["email"])
    page.get_by_label("Password").fill(LOGIN["password"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")
    return page
