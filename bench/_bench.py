"""What the scripts share: a table that sets figures beside their limits, a server, and a browser."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.serving import LOGIN, Server, serving

BROWSERS = (os.environ.get("HEADWAY_TEST_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@dataclass(frozen=True)
class Figure:
    """Something measured many times. The limit, where there is one, holds for the 95th percentile."""

    what: str
    values: Sequence[float]
    limit: float | None = None

    @property
    def p95(self) -> float:
        return sorted(self.values)[-(-len(self.values) * 95 // 100) - 1]

    def row(self) -> str:
        ok = "" if self.limit is None else "yes" if self.p95 <= self.limit else "NO"
        limit = "" if self.limit is None else f"{self.limit:g}"
        return (
            f"{self.what:<58} {len(self.values):>5} {_short(statistics.median(self.values)):>9}"
            f" {_short(self.p95):>9} {limit:>7} {ok:>4}"
        )


def show(title: str, *figures: Figure) -> None:
    """Print a table. The load says how far a figure can be trusted: above the number of cores, not far."""
    print(f"\n{title} (load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores)")
    print(f"{'':<58} {'n':>5} {'median':>9} {'p95':>9} {'limit':>7} {'ok?':>4}")
    for figure in figures:
        print(figure.row(), flush=True)


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.1f}" if abs(number) >= 1 else f"{number:.2f}"


@contextlib.contextmanager
def server(**settings: str) -> Iterator[Server]:
    """A whole Headway on an empty folder, which goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="headway-"))
    try:
        with serving(folder / "data", **settings) as running:
            yield running
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def browser_page(server: Server) -> Iterator[Page]:
    """A page of a real Chromium in which the admin is logged in."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "Chromium is needed. Install it, or set HEADWAY_TEST_CHROMIUM to its path."
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path, args=FLAGS) as browser:
        page = browser.new_context(base_url=server.url).new_page()
        page.goto("/login")
        page.get_by_label("Email").fill(LOGIN["email"])
        page.get_by_label("Password").fill(LOGIN["password"])
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/")
        yield page


def ask_sql(server: Server, query: str, *values: object) -> list[tuple]:
    """Read the server's records, beside it."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data_dir}/headway.db?mode=ro", uri=True)) as records:
        return records.execute(query, values).fetchall()
