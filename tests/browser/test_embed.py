"""An embedded card, live in a page of another site."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import logged_in
from tests.serving import Server, serving
from tests.streams import start

pytestmark = pytest.mark.browser


class Site(ThreadingHTTPServer):
    """Another site, whose only page has one frame."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FramingPage)
        self.framed = ""
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class FramingPage(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(
            f'<!doctype html><iframe src="{self.server.framed}" width="560" height="300"></iframe>'.encode()
        )

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def wiki() -> Site:
    return Site()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory, wiki: Site) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("embed")
    settings = {"HEADWAY_EMBED_ORIGINS": wiki.url, "HEADWAY_WEB_PROCESSES": "1", "HEADWAY_WORKERS": "1"}
    with serving(folder / "data", **settings) as server:
        yield server


def framed(chromium: Browser, link: str, site: Site) -> Page:
    """That site's page, with the link in its frame."""
    guest = chromium.new_context().new_page()
    site.framed = link
    guest.goto(site.url)
    return guest


def test_a_card_lives_in_another_site_s_page_until_it_is_revoked(
    chromium: Browser, open_server: Server, wiki: Site
) -> None:
    page = logged_in(chromium.new_context(base_url=open_server.url))
    with open_server.program() as ada:
        job_id = start(ada, bytes(400_000), "embedded.bin", bytes_per_second=4000)
    page.goto(f"/jobs/{job_id}")
    page.get_by_role("link", name="Embed").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link").input_value()

    guest = framed(chromium, link, wiki)
    card = guest.frame_locator("iframe")
    expect(card.locator("#connection")).to_have_attribute("data-state", "live")
    first = card.locator(".status").get_attribute("data-percent") or ""
    expect(card.locator(".status")).not_to_have_attribute("data-percent", first)
    assert guest.context.cookies() == []
    stranger = framed(chromium, link, Site())
    expect(stranger.frame_locator("iframe").locator(".card")).to_have_count(0)

    page.get_by_role("button", name="Revoke all links").click()
    page.get_by_role("button", name="Revoke them").click()
    expect(card.locator("#connection")).to_have_attribute("data-state", "refused", timeout=20_000)
    expect(card.locator(".connection-words")).to_have_text("Gone")
    for one in (page, guest, stranger):
        one.context.close()
