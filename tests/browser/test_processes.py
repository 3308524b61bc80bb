"""The page side of contract D: a widget by stream or by polling, which falls back and comes back by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.serving import Server
from tests.streams import cancel, start

pytestmark = pytest.mark.browser
TEST_PAGE = "/admin/background-process-test"


@pytest.fixture(scope="module")
def ada(server: Server) -> Iterator[httpx.Client]:
    with server.program() as program:
        yield program


def widget(page: Page, method: str) -> Locator:
    return page.locator(f".process[data-method={method}]")


def light(widget: Locator) -> Locator:
    return widget.locator(".connection")


def test_both_methods_show_the_same_job_to_its_end(page: Page, ada: httpx.Client) -> None:
    start(ada, bytes(12_000), "compared.bin", bytes_per_second=4000)
    page.goto(f"{TEST_PAGE}?filename=compared.bin")
    expect(light(widget(page, "sse"))).to_have_attribute("data-state", "live")
    expect(light(widget(page, "polling"))).to_have_attribute("data-state", "polling")
    for method in ("sse", "polling"):
        expect(widget(page, method).locator("[data-show=status]")).to_have_text("completed")
        expect(widget(page, method).locator("[data-show=progress]")).to_have_text("100")
        expect(light(widget(page, method))).to_have_attribute("data-state", "ended")


def test_a_stream_that_can_not_be_had_is_replaced_by_polling_until_it_can(
    page: Page, ada: httpx.Client, server: Server
) -> None:
    job_id = start(ada, bytes(400_000), "fallback.bin", bytes_per_second=4000)
    page.route("**/api/sse*", lambda route: route.fulfill(status=503, body=""))
    page.goto(f"{TEST_PAGE}?filename=fallback.bin")
    expect(light(widget(page, "sse"))).to_have_attribute("data-state", "polling")
    expect(widget(page, "sse").locator("[data-show=status]")).to_have_text("processing")
    page.unroute("**/api/sse*")
    # It would try again after a while; that the network is there again has it try at once.
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(light(widget(page, "sse"))).to_have_attribute("data-state", "live")
    cancel(server.browser(), job_id)
    expect(widget(page, "sse").locator("[data-show=error]")).to_have_text("cancelled")


def test_a_file_that_nobody_knows_is_said_and_not_asked_for_again(page: Page) -> None:
    page.goto(f"{TEST_PAGE}?filename=nowhere.bin")
    for method in ("sse", "polling"):
        expect(widget(page, method).locator(".connection-words")).to_have_text("Not found")


def test_a_demo_job_is_started_and_its_raw_events_are_shown(page: Page, server: Server) -> None:
    page.goto("/admin/sse-demo")
    page.get_by_role("button", name="Start a demo job").click()
    events = page.locator("#raw-events > li")
    expect(events.filter(has_text=re.compile(r'"status": ?"processing"')).first).to_be_visible()
    expect(events.first).to_contain_text("id: ")
    expect(widget(page, "sse").locator("[data-show=step]")).to_have_text("reading")
    status = events.filter(has_text="event: status").first.inner_text()
    cancel(server.browser(), int(json.loads(status.partition("data: ")[2])["id"]))


def test_the_live_list_follows_all_jobs_and_steers_them(page: Page, ada: httpx.Client) -> None:
    page.goto("/admin/background-processing-sse")
    expect(page.locator(".connection")).to_have_attribute("data-state", "live")
    job_id = start(ada, bytes(400_000), '<b onclick="x">.bin', bytes_per_second=4000)
    row = page.locator(f"#process-{job_id}")
    expect(row.locator("[data-show=status]")).to_have_text("processing")
    expect(row.locator("a")).to_have_text('<b onclick="x">.bin')
    row.get_by_role("button", name="Cancel").click()
    expect(row.locator("[data-show=status]")).to_have_text("failed")
    expect(row.get_by_role("button", name="Try again")).to_be_visible()
