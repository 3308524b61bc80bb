"""What a page weighs: the HTML, CSS and JavaScript that a browser with an empty cache loads for it.

    python -m bench.weight

`gzipped` is what the limit is about; `sent` is what this browser was sent without a proxy in front.
"""

from __future__ import annotations

import gzip
from typing import Any

from playwright.sync_api import Page, Response

from bench._bench import browser_page, server
from tests.serving import eventually
from webapp.settings import PROJECT

SAMPLE = PROJECT / "webapp/samples/lighthouses.pdf"
WEIGHED = ("document", "stylesheet", "script")
LIMIT = 40_000


def main() -> None:
    with server(HEADWAY_WORKERS="1") as running, browser_page(running) as page:
        page.set_input_files("#file", SAMPLE)
        eventually(lambda: page.locator(".card .stage-bar").count())
        job = page.locator(".card h3 a").get_attribute("href")
        login = page.context.storage_state()
        print(f"{'bytes':<32} {'requests':>8} {'plain':>8} {'sent':>8} {'gzipped':>8} {'limit':>8} {'ok?':>4}")
        weigh(page, "the login page", "/login", None)
        weigh(page, "a job's page while it runs", str(job), login)
        weigh(page, "the start page with a running job", "/", login)
        for number in range(1, 20):
            note = {"name": f"note-{number}.txt", "mimeType": "text/plain", "buffer": f"Note {number}.".encode()}
            page.set_input_files("#file", note)
        eventually(lambda: page.locator(".card").count() == 20)
        weigh(page, "the start page with twenty jobs", "/", login)


def weigh(page: Page, what: str, path: str, login: Any) -> None:
    """Load a page as somebody who has never been there."""
    browser = page.context.browser
    assert browser
    with browser.new_context(base_url=page.url, storage_state=login) as context:
        responses: list[Response] = []
        fresh = context.new_page()
        fresh.on("response", lambda response: responses.append(response))
        fresh.goto(path, wait_until="load")
        weighed = [response for response in responses if response.request.resource_type in WEIGHED]
        bodies = [response.body() for response in weighed]
        sent = sum(response.request.sizes()["responseBodySize"] for response in weighed)
    zipped = sum(len(gzip.compress(body, 9)) for body in bodies)
    ok = "yes" if zipped <= LIMIT else "NO"
    print(f"{what:<32} {len(responses):>8} {sum(map(len, bodies)):>8,} {sent:>8,} {zipped:>8,} {LIMIT:>8,} {ok:>4}")


if __name__ == "__main__":
    main()
