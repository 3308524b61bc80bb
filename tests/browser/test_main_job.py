"""What a person does: drop a document, watch it being ingested, read the result, find a passage."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.conftest import PATIENCE, logged_in
from tests.serving import Server, eventually, form_token
from webapp.views.samples import SAMPLE

pytestmark = pytest.mark.browser

STAGES = ["Parsing document", "Chunking", "Embedding", "Extracting", "Storing graph", "Storing vectors"]
# Notes every value of an attribute as it changes: a test that looks now and then would miss some.
RECORD = """name => {
    window.seen = [];
    const note = () => {
        const status = document.querySelector("[id^=job-][id$=-status]");
        if (status?.dataset.name !== name) return;
        const value = [status.dataset.state, status.dataset.stage || "", status.dataset.percent || ""].join(" ");
        if (window.seen.at(-1) !== value) window.seen.push(value);
    };
    new MutationObserver(note).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""
RECORD_CONNECTION = """() => {
    window.states = [];
    const connection = document.querySelector("#connection");
    new MutationObserver(() => states.push(connection.dataset.state)).observe(connection, {attributes: true});
}"""
DROP = """([data, name]) => {
    const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    const target = document.querySelector("#drop");
    for (const type of ["dragenter", "dragover", "drop"])
        target.dispatchEvent(new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


def drop(page: Page, path: Path, name: str = "") -> None:
    page.evaluate(DROP, [base64.b64encode(path.read_bytes()).decode(), name or path.name])


def slow_file(tmp_path: Path, kilobytes: int = 100) -> Path:
    """With a name of this test's own: the tests share a server, and so a list of jobs."""
    path = tmp_path / f"{tmp_path.name}.bin"
    path.write_bytes(b"x" * kilobytes * 1000)
    return path


def start_checksum(page: Page, path: Path, *, bytes_per_second: int) -> Locator:
    page.get_by_role("radio", name="Checksum a file").check()
    page.locator("details.options[data-kind=checksum] > summary").click()
    page.get_by_label("Bytes a second").fill(str(bytes_per_second))
    page.locator("#file").set_input_files(path)
    card = page.locator("#jobs-list > article", has_text=path.name)
    expect(card).to_be_visible()
    return card


def percent(place: Page | Locator) -> int:
    return int(place.locator("[id$=-status]").get_attribute("data-percent") or 0)


def test_a_dropped_document_is_watched_to_its_end_read_and_searched(page: Page) -> None:
    page.evaluate(RECORD, "the-lighthouses.pdf")
    page.evaluate("window.sameDocument = true")
    drop(page, SAMPLE, "the-lighthouses.pdf")
    card = page.locator("#jobs-list > article", has_text="the-lighthouses.pdf")
    expect(card.locator("[id$=-status][data-state=completed]")).to_be_visible(timeout=90_000)

    seen = [value.split(" ") for value in page.evaluate("window.seen")]
    stages = [stage for _, stage, _ in seen if stage]
    slugs = [stage.lower().replace(" ", "-") for stage in STAGES]
    assert list(dict.fromkeys(stages)) == [slug for slug in slugs if slug in stages]
    assert {"embedding", "extracting"} <= set(stages)
    percents = [int(value) for _, _, value in seen if value]
    assert percents == sorted(percents)
    assert len(set(percents)) >= 3
    assert page.evaluate("window.sameDocument"), "the page was loaded again"
    expect(card.locator("details")).to_contain_text("Storing vectors")

    card.get_by_role("link", name="the-lighthouses.pdf").click()
    expect(page.locator("#content")).to_contain_text("Result")
    page.get_by_role("link", name="Read the document").click()
    expect(page.locator("#content")).to_contain_text("lighthouse")
    page.goto("/search?q=Who+built+the+tower+on+the+Eddystone+rocks")
    hits = page.locator("mark")
    expect(hits.first).to_be_visible()
    expect(page.locator("#content")).not_to_contain_text("by word only")


def test_several_files_at_once_become_several_jobs(page: Page, tmp_path: Path) -> None:
    files = [tmp_path / f"note-{n}.txt" for n in range(3)]
    for n, file in enumerate(files):
        file.write_text(f"Note {n}. The harbour master of Cork met Grace Darling in {1830 + n}.")
    page.locator("#file").set_input_files(files)
    for file in files:
        card = page.locator("#jobs-list > article", has_text=file.name)
        expect(card.locator("[id$=-status][data-state=completed]")).to_be_visible(timeout=60_000)
        assert card.count() == 1


def test_a_refused_file_says_why_where_the_person_looks(page: Page, tmp_path: Path) -> None:
    fake = tmp_path / "report.pdf"
    fake.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)
    page.locator("#file").set_input_files(fake)
    expect(page.locator("#uploads")).to_contain_text("is not a PDF")


def test_a_name_that_is_html_is_shown_as_text(page: Page, tmp_path: Path) -> None:
    name = '"><img src=x onerror=document.title=1>.txt'
    file = tmp_path / "plain.txt"
    file.write_text("Nothing but text.")
    drop(page, file, name)
    card = page.locator("#jobs-list > article", has_text="onerror")
    expect(card.locator("[id$=-status][data-state=completed]")).to_be_visible(timeout=60_000)
    assert page.locator("#jobs-list img").count() == 0


def test_a_running_job_is_cancelled_from_its_card(page: Page, tmp_path: Path) -> None:
    card = start_checksum(page, slow_file(tmp_path), bytes_per_second=2_000)
    expect(card.locator("[id$=-status][data-state=processing]")).to_be_visible()
    card.get_by_role("button", name="Cancel").click()
    page.locator("#confirm-yes").click()
    expect(card.locator("[id$=-status][data-state=cancelled]")).to_be_visible()
    expect(card.get_by_role("button", name="Cancel")).to_be_hidden()


def test_without_javascript_upload_and_job_page_work_by_reload(
    chromium: Browser, server: Server, tmp_path: Path
) -> None:
    context = chromium.new_context(base_url=server.url, java_script_enabled=False)
    page = logged_in(context)
    page.locator("#file").set_input_files(SAMPLE)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/jobs/*")
    # The page reloads itself every few seconds until the job has ended.
    expect(page.locator("[id$=-status][data-state=completed]")).to_be_visible(timeout=90_000)
    page.get_by_role("link", name="Read the document").click()
    expect(page.locator("#content")).to_contain_text("lighthouse")
    context.close()


def test_a_page_that_can_not_stream_polls_says_so_and_goes_back(page: Page, tmp_path: Path) -> None:
    page.route("**/live*", lambda route: route.abort())
    page.reload()
    expect(page.locator("#connection")).to_have_attribute("data-state", "polling")
    card = start_checksum(page, slow_file(tmp_path, 120), bytes_per_second=4_000)
    expect(card.locator("[id$=-status][data-state=processing]")).to_be_visible()
    before = percent(card)
    eventually(lambda: percent(card) > before)
    page.unroute("**/live*")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=PATIENCE)
    expect(card.locator("[id$=-status][data-state=completed]")).to_be_visible(timeout=60_000)


def test_a_stream_that_is_cut_resumes_by_itself(page: Page, server: Server, tmp_path: Path) -> None:
    card = start_checksum(page, slow_file(tmp_path, 600), bytes_per_second=6_000)
    card.get_by_role("link").first.click()
    page.wait_for_url("**/jobs/*")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    page.evaluate("window.sameDocument = true")
    page.evaluate(RECORD_CONNECTION)
    _end_streams_of_ada(server)
    eventually(lambda: "reconnecting" in page.evaluate("window.states"))
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=PATIENCE)
    before = percent(page)
    eventually(lambda: percent(page) > before)
    lines = page.locator("[id$=-lines] > li").all_inner_texts()
    assert len(lines) == len(set(lines))
    page.get_by_role("button", name="Cancel").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("[id$=-status][data-state=cancelled]")).to_be_visible()
    assert page.evaluate("window.sameDocument")


def _end_streams_of_ada(server: Server) -> None:
    """Logging out somewhere has all of a person's streams ended, and those who still may come back."""
    other = server.browser()
    other.post("/logout", data={"csrf_token": form_token(other.get("/").text)})


def test_forty_open_streams_all_see_the_end(server: Server, context: BrowserContext, page: Page) -> None:
    page.get_by_role("button", name="Try the sample").click()
    page.wait_for_url("**/jobs/*")
    cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    with httpx.Client(cookies=cookies, timeout=120, limits=httpx.Limits(max_connections=None)) as client:
        requests = [client.build_request("GET", page.url + "/live") for _ in range(40)]
        answers = [client.send(request, stream=True) for request in requests]
        assert all(answer.read().rstrip().endswith(b"event: bye\ndata:") for answer in answers)
    expect(page.locator("[id$=-status][data-state=completed]")).to_be_visible()
