"""Several files at once, and many jobs at once, as a person sees them."""

from __future__ import annotations

from playwright.sync_api import FilePayload, Locator, Page, expect


def files(*names: str, size: int = 3000) -> list[FilePayload]:
    return [{"name": name, "mimeType": "application/octet-stream", "buffer": b"x" * size} for name in names]


def drop(page: Page, dropped: list[FilePayload], speed: str = "") -> Locator:
    """The card that appears on top for files given to be checksummed."""
    page.goto("/")
    page.get_by_label("Checksum a file").check()
    page.locator(".options[data-kind=checksum] summary").click()
    page.get_by_label("Bytes a second").fill(speed)
    before = page.locator("#jobs-list article").count()
    page.set_input_files("#file", dropped)
    expect(page.locator("#jobs-list article")).to_have_count(before + 1)
    return page.locator("#jobs-list article").first


def test_files_dropped_together_are_one_card_that_ends_when_the_last_does(page: Page) -> None:
    card = drop(page, files("one.bin", "two.bin", "three.bin") + files("empty.bin", size=0))
    expect(card.get_by_role("heading")).to_have_text("3 files, “one.bin” first")
    expect(page.locator("#uploads .problem")).to_have_text("This file is empty.")
    expect(card.locator(".status-state")).to_have_text("Completed")
    card.get_by_role("link", name="3 files").click()
    expect(page.locator(".batch-jobs li[data-face=completed]")).to_have_count(3)
    page.get_by_role("link", name="two.bin").click()
    page.get_by_role("link", name="Batch #").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("3 files, “one.bin” first")


def test_a_batch_shows_its_jobs_at_work_and_cancels_them_together(page: Page) -> None:
    card = drop(page, files("slow-1.bin", "slow-2.bin"), speed="100")
    bar = card.get_by_role("progressbar", name="Progress of slow-1.bin")
    expect(bar).not_to_have_attribute("value", "0.000")
    card.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the batch").click()
    expect(card.locator(".status-state")).to_have_text("Cancelled")
    expect(card.locator(".batch-jobs li[data-face=cancelled]")).to_have_count(2)


def test_many_jobs_are_deleted_from_the_list_after_a_question(page: Page) -> None:
    card = drop(page, files("doomed.bin"))
    expect(card.locator(".status-state")).to_have_text("Completed")
    page.goto("/jobs?q=doomed.bin")
    delete = page.get_by_role("button", name="Delete", exact=True)
    expect(delete).to_be_disabled()
    page.get_by_label("Choose all on this page").check()
    expect(page.locator("#selection-count")).to_have_text("1 job chosen")
    delete.click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator(".jobs-table tbody tr")).to_have_count(1)
    delete.click()
    page.get_by_role("button", name="Delete them").click()
    expect(page.get_by_text("No job matches.")).to_be_visible()
    expect(page.locator("#flashes")).to_contain_text("1 job deleted.")
