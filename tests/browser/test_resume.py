"""A job that was cancelled in the middle: gone on with where it was, or begun anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE

pytestmark = pytest.mark.browser

SENTENCE = "Grace Darling kept the Longstone lighthouse {}, and Trinity House paid her father in London. "


def test_a_cancelled_ingestion_is_resumed_or_started_from_the_beginning(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "keepers-and-their-lights.txt"
    path.write_text("".join(SENTENCE.format(number) for number in range(1500)))
    page.locator("#file").set_input_files(path)
    page.locator("#jobs-list").get_by_role("link", name=path.name).click()
    cancel(page)
    page.get_by_role("button", name="Resume from “Embedding”").click()
    expect(page.locator(".stages")).to_contain_text("kept from attempt 1", timeout=PATIENCE)
    expect(page.locator(".history")).to_contain_text("Goes on with what was kept")
    expect(page.locator(".outputs")).to_contain_text("text.txt")
    cancel(page)
    page.get_by_role("button", name="Start from the beginning").click()
    page.locator("#confirm-yes").click()
    expect(page.locator(".history")).to_contain_text("From the beginning")
    expect(page.locator("[id$=-status][data-state=processing]")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".stages")).not_to_contain_text("kept from attempt")
    cancel(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="text.txt").click()
    assert download.value.suggested_filename == "keepers-and-their-lights-text.txt"
    assert download.value.path().read_text().startswith("Grace Darling kept the Longstone lighthouse 0")


def cancel(page: Page) -> None:
    """Once it is being embedded."""
    expect(page.locator("[id$=-status][data-stage=embedding]")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator("[id$=-status][data-state=cancelled]")).to_be_visible(timeout=PATIENCE)
