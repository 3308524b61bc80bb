"""A page that is updated many times a second leaves alone what somebody reads, types or holds open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.serving import Server, eventually
from tests.streams import cancel, start

pytestmark = pytest.mark.browser
# Slow enough to last, and quick enough to be told of at each flush.
RUNS = {"bytes_per_second": 4000}
PERCENT = "[id$=-status]"


@pytest.fixture(scope="module")
def ada(server: Server) -> Iterator[httpx.Client]:
    with server.program() as program:
        yield program


def updates(page: Page, selector: str = PERCENT, *, times: int = 3) -> None:
    """Come back when that part of the page has changed so many times."""
    seen = {page.locator(selector).first.inner_text()}
    eventually(lambda: len(seen) > times or seen.add(page.locator(selector).first.inner_text()))


def test_scroll_selection_open_details_and_focus_stay_while_a_card_is_updated(
    page: Page, ada: httpx.Client, server: Server
) -> None:
    job_id = start(ada, bytes(400_000), "kept.bin", **RUNS)
    card = page.locator(f"#job-{job_id}-card")
    expect(card.locator("[data-state=processing]").first).to_be_visible()
    details = card.locator("details")
    details.evaluate("details => details.open = false")
    details.locator("summary").click()
    card.locator(".job-name").evaluate("name => getSelection().selectAllChildren(name)")
    button = card.get_by_role("button", name="Cancel")
    button.focus()
    page.evaluate("window.scrollTo(0, 60)")
    page.evaluate("window.card = document.activeElement.closest('article')")
    top = page.evaluate("scrollY")
    updates(page, f"#job-{job_id}-status")
    assert details.evaluate("details => details.open")
    assert page.evaluate("getSelection().toString().trim()") == "kept.bin"
    assert page.evaluate("scrollY") == top
    expect(button).to_be_focused()
    assert page.evaluate("window.card.isConnected"), "the card was replaced, not updated"
    details.locator("summary").click()
    updates(page, f"#job-{job_id}-status")
    assert not details.evaluate("details => details.open"), "what was closed opened again"
    cancel(server.browser(), job_id)


def test_text_that_is_being_typed_and_its_caret_stay(page: Page, ada: httpx.Client, server: Server) -> None:
    job_id = start(ada, bytes(400_000), "typed.bin", **RUNS)
    page.get_by_label("Checksum a file").check()
    page.locator(".options[data-kind=checksum] summary").click()
    field = page.get_by_label("Bytes a second")
    field.fill("12345")
    expect(page.locator(f"#job-{job_id}-status[data-state=processing]")).to_be_visible()
    updates(page, f"#job-{job_id}-status")
    expect(field).to_have_value("12345")
    expect(field).to_be_focused()
    cancel(server.browser(), job_id)


def test_the_tab_s_title_and_icon_say_how_a_job_stands(page: Page, ada: httpx.Client, server: Server) -> None:
    job_id = start(ada, bytes(400_000), "titled.bin", **RUNS)
    page.goto(f"/jobs/{job_id}")
    icon = page.locator("#favicon")
    eventually(lambda: "%" in page.title())
    assert page.title().endswith("titled.bin – Headway")
    assert "working" in (icon.get_attribute("href") or "")
    cancel(server.browser(), job_id)
    eventually(lambda: page.title().startswith("■"))


def test_new_cards_wait_behind_a_button_while_the_list_is_read(page: Page, ada: httpx.Client) -> None:
    start(ada, name="first.bin")
    expect(page.locator("#jobs-list article", has_text="first.bin")).to_be_visible()
    card = page.locator("#jobs-list article").first
    card.hover()
    before = card.bounding_box()
    ids = [start(ada, name=f"later-{n}.bin") for n in range(2)]
    button = page.get_by_role("button", name="2 new, show")
    expect(button).to_be_visible()
    assert page.locator("#jobs-list article").first.inner_text() == card.inner_text()
    after = card.bounding_box()
    assert before and after and after["y"] == before["y"], "the list jumped"
    # What waits is live too.
    expect(page.locator(f"#jobs-waiting #job-{ids[1]}-status")).to_have_attribute("data-state", "completed")
    button.click()
    expect(page.locator("#jobs-list article").first).to_have_attribute("data-job", str(ids[1]))
    expect(page.locator("#jobs-list article").nth(1)).to_have_attribute("data-job", str(ids[0]))
    expect(page.locator("#newcomers")).to_be_hidden()
    expect(page.locator(f"#job-{ids[1]}-card a").first).to_be_focused()


def test_one_s_own_upload_is_shown_at_once_while_others_wait(page: Page, ada: httpx.Client, tmp_path: Path) -> None:
    start(ada, name="theirs-0.bin")
    expect(page.locator("#jobs-list article", has_text="theirs-0.bin")).to_be_visible()
    page.locator("#jobs-list article").first.hover()
    start(ada, name="theirs-1.bin")
    expect(page.locator("#newcomers")).to_be_visible()
    own = tmp_path / "own.bin"
    own.write_bytes(b"mine")
    page.get_by_label("Checksum a file").check()
    page.set_input_files("#file", own)
    expect(page.locator("#jobs-list article").first).to_contain_text("own.bin")
    expect(page.get_by_role("button", name="1 new, show")).to_be_visible()


def test_rows_of_the_table_are_live_and_new_ones_wait(page: Page, ada: httpx.Client, server: Server) -> None:
    job_id = start(ada, bytes(400_000), "row.bin", **RUNS)
    page.goto("/jobs")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    row = page.locator(f"#job-{job_id}-row")
    row.get_by_role("checkbox").check()
    updates(page, f"#job-{job_id}-row")
    new = start(ada, name="new-row.bin")
    button = page.get_by_role("button", name="1 new, show")
    expect(button).to_be_visible()
    page.get_by_label("Choose all on this page").check()
    shown = page.locator("#jobs-list tr").count()
    expect(page.locator("#selection-count")).to_have_text("1 job chosen" if shown == 1 else f"{shown} jobs chosen")
    page.get_by_label("Choose all on this page").uncheck()
    row.get_by_role("checkbox").check()
    button.click()
    expect(page.locator("#jobs-list tr").first).to_have_attribute("id", f"job-{new}-row")
    cancel(server.browser(), job_id)
    expect(row.locator(".badge")).to_have_text("Cancelled")
    expect(row.get_by_role("checkbox")).to_be_checked()


def test_a_filtered_table_says_how_many_newer_ones_match(page: Page, ada: httpx.Client, server: Server) -> None:
    page.goto("/jobs?q=filtered&state=processing")
    expect(page.locator(".empty")).to_contain_text("No job matches")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    first = start(ada, bytes(400_000), "filtered-1.bin", **RUNS)
    start(ada, name="unlike.bin")
    page.get_by_role("link", name="1 new, show").click()
    row = page.locator(f"#job-{first}-row")
    expect(row.locator(".badge")).to_have_text("Processing")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    second = start(ada, bytes(400_000), "filtered-2.bin", **RUNS)
    expect(page.get_by_role("link", name="1 new, show")).to_be_visible()
    cancel(server.browser(), first)
    # It matches no more, stays where it is, and shows how it stands.
    expect(row.locator(".badge")).to_have_text("Cancelled")
    page.get_by_role("link", name="1 new, show").click()
    expect(page.locator("#jobs-list tr")).to_have_attribute("id", f"job-{second}-row")
    cancel(server.browser(), second)
