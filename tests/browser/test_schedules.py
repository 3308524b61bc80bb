"""A schedule as a person makes it: the expression told in words while it is typed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE, logged_in
from tests.serving import Server

pytestmark = pytest.mark.browser


def test_an_expression_is_told_in_words_as_it_is_typed_in_the_browser_s_zone(chromium: Browser, server: Server) -> None:
    context = chromium.new_context(base_url=server.url, timezone_id="Asia/Tokyo")
    context.set_default_timeout(PATIENCE)
    page = logged_in(context)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto("/schedules/new")
    expect(page.get_by_label("By the clocks of")).to_have_value("Asia/Tokyo")
    when = page.get_by_label("When, as a cron expression")
    when.fill("15 8 * * 6")
    preview = page.locator("#schedule-preview")
    expect(preview).to_contain_text("At 08:15 on Saturday")
    expect(preview).to_contain_text(re.compile(r"Sat \d\d \w{3} \d{4}, 08:15 JST"))
    when.fill("15 8 * *")
    expect(preview).to_contain_text("five fields")
    when.fill("15 8 * * 6")
    expect(preview).to_contain_text("At 08:15 on Saturday")
    page.get_by_role("radio", name="Checksum a file").check()
    page.locator("#file").set_input_files({"name": "week.bin", "mimeType": "text/plain", "buffer": b"hello"})
    page.get_by_role("button", name="Make the schedule").click()
    card = page.locator(".schedule", has_text="week.bin")
    expect(card).to_contain_text(re.compile(r"at 08:15"))
    card.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("paused by ada@example.org")
    assert faults == []
    context.close()
