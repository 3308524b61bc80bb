"""Pages that stay open while the web process is killed, or stopped, and started again."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE
from tests.faults import havoc
from tests.faults.crowd import ask
from tests.serving import Server, eventually
from tests.streams import FIRST_LINE, cancel, speaker_for, start

pytestmark = pytest.mark.browser
LINES = "lines => lines.map(line => Number(line.id.split('-').pop()))"


@pytest.fixture
def ada(server: Server) -> Iterator[httpx.Client]:
    with server.program() as program:
        yield program


def goes_down(page: Page) -> None:
    expect(page.locator("#connection")).not_to_have_attribute("data-state", "live", timeout=PATIENCE)


def is_live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=PATIENCE)


def test_a_job_s_page_has_each_line_once_and_the_end(page: Page, ada: httpx.Client, server: Server) -> None:
    job_id = start(ada, bytes(100_000), bytes_per_second=1)
    speaker = speaker_for(server, job_id)
    page.goto(f"/jobs/{job_id}")
    is_live(page)
    expect(page.locator(f"#job-{job_id}-line-{FIRST_LINE}")).to_be_attached()
    for number in (signal.SIGKILL, signal.SIGTERM):
        speaker.say(3)
        havoc.kill(havoc.processes(server, havoc.WEB)[0], number)
        goes_down(page)
        speaker.say(3)
        is_live(page)
        speaker.say(3)
        expect(page.locator(f"#job-{job_id}-line-{speaker.said}")).to_be_attached()
    assert page.locator(".log-line").evaluate_all(LINES) == speaker.numbers
    cancel(server.browser(), job_id)
    expect(page.locator(f"#job-{job_id}-status")).to_have_attribute("data-state", "cancelled")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ended")


def test_the_start_page_gets_what_came_and_what_ended_meanwhile(page: Page, ada: httpx.Client, server: Server) -> None:
    ended = start(ada, bytes(5000), "ended.bin", bytes_per_second=1000)
    expect(page.locator(f"#job-{ended}-status")).to_have_attribute("data-state", "processing")
    # Else it would be there again at once.
    with havoc.frozen(psutil.Process(server.process.pid)):
        havoc.kill(havoc.processes(server, havoc.WEB)[0])
        goes_down(page)
        eventually(lambda: ask(server, "SELECT state FROM jobs WHERE id = ?", ended) == [("completed",)])
    came = start(ada, name="came.bin")
    is_live(page)
    expect(page.locator(f"#job-{ended}-status")).to_have_attribute("data-state", "completed")
    expect(page.locator(f"#job-{came}-card")).to_be_attached()
