"""What a browser learns of an upload that the server refuses while it is still being sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import logged_in
from tests.serving import serving

# The page itself would not send so large a file: this is what a script of ours, or an older page, gets.
SEND = """async ([size, by]) => {
  const data = new FormData();
  data.set("csrf_token", document.querySelector("[name=csrf_token]").value);
  data.set("kind", "checksum");
  data.set("file", new File([new Uint8Array(size)], "big.bin"));
  const headers = { "X-Requested-With": "XMLHttpRequest" };
  if (by === "fetch") {
    const answer = await fetch("/jobs", { method: "POST", body: data, headers });
    return [answer.status, await answer.text()];
  }
  return new Promise((done, broke) => {
    const request = new XMLHttpRequest();
    request.onload = () => done([request.status, request.responseText]);
    request.onerror = () => broke(new Error("the connection broke"));
    request.open("POST", "/jobs");
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.send(data);
  });
}"""


@pytest.fixture(scope="module")
def page(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder: Path = tmp_path_factory.mktemp("refused")
    with serving(folder / "data", HEADWAY_MAX_UPLOAD="1MB", HEADWAY_WORKERS="1") as server:
        context = chromium.new_context(base_url=server.url)
        yield logged_in(context)
        context.close()


@pytest.mark.parametrize("by", ["fetch", "XMLHttpRequest"])
@pytest.mark.parametrize("megabytes", [2, 40])
def test_a_browser_gets_to_read_why_a_file_was_refused(page: Page, megabytes: int, by: str) -> None:
    status, text = page.evaluate(SEND, [megabytes * 1_000_000, by])
    assert status == 413
    assert "The file is too large: at most 1.0 MB may be uploaded." in text
