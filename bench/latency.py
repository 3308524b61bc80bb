"""How long people wait: for an upload's answer, for its card, for a worker, and for what a worker tells.

    python -m bench.latency

A change is timed from the moment the work made it to the moment that the page's own observer, or a
program's client, saw it; up to 250 ms of that the worker's flush waits on purpose. It is made by
checksum jobs that read a block every 43 ms, so that changes keep no step with flushes. Browser,
client, server and worker share the machine and its clock.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import httpx_sse
import pypdfium2
from playwright.sync_api import Page

from bench._bench import Figure, ask_sql, browser_page, server, show
from tests.serving import Server, eventually
from webapp.settings import PROJECT

SAMPLE = PROJECT / "webapp/samples/lighthouses.pdf"
UPLOADS = 20
TINY_JOBS = 30
RATED_JOBS, BLOCKS, BLOCK, SECONDS_A_BLOCK = 3, 200, 64 * 1024, 0.043

# Notes when the answer to an upload was there, and when its card was.
NOTE_CARDS = """
window.answers = [];
window.cards = [];
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
  this.addEventListener("readystatechange", () => this.readyState === 4 && window.answers.push(performance.now()));
  return send.call(this, body);
};
new MutationObserver((changes) => {
  for (const { addedNodes } of changes)
    for (const node of addedNodes) if (node.matches?.("article.card")) window.cards.push(performance.now());
}).observe(document.getElementById("jobs-list"), { childList: true });
"""
# Notes each value of the job's bar, and when the page had it.
NOTE_BAR = """
window.seen = [];
new MutationObserver(() => {
  const value = document.querySelector(".status progress")?.value ?? 0;
  if (value !== window.seen.at(-1)?.[1]) window.seen.push([Date.now() / 1000, value]);
}).observe(document.body, { subtree: true, childList: true, attributes: true });
"""


def main() -> None:
    with server(HEADWAY_WORKERS="1") as running:
        pdf, token = _scan(), running.token()
        _run(running, token, b"warm", {})
        alone = [_answer_time(running, token, pdf) for _ in range(UPLOADS)]
        show("An idle worker, ms", *_tiny_jobs(running, token))
        with browser_page(running) as page:
            watched = [_answer_time(running, token, pdf) for _ in range(UPLOADS)]
            cards = _card_times(running, page, pdf)
            show("A change in the work, ms", *_changes(running, token, page))
        _submit(running, token, "ingest_document", SAMPLE.read_bytes(), {}, name=SAMPLE.name)
        busy = [_answer_time(running, token, pdf, wait=False) for _ in range(UPLOADS)]
        show(
            f"An upload of {len(pdf) / 1e6:.2f} MB, ms",
            Figure("last byte sent → answer", alone, 100),
            Figure("the same while a start page is open", watched, 100),
            Figure("the same while a document is ingested", busy, 100),
            Figure("answer in the browser → card in the page", cards, 100),
        )


def _scan() -> bytes:
    """A PDF of 1 MB: one page of noise, which is soon found to have no text."""
    side = 600
    with pypdfium2.PdfDocument.new() as document:
        bitmap = pypdfium2.PdfBitmap.new_native(side, side, pypdfium2.raw.FPDFBitmap_BGR)
        ctypes.memmove(bitmap.buffer, os.urandom(len(bitmap.buffer)), len(bitmap.buffer))
        image = pypdfium2.PdfImage.new(document)
        image.set_bitmap(bitmap)
        page = document.new_page(side, side)
        page.insert_obj(image)
        page.gen_content()
        document.save(file := io.BytesIO())
    return file.getvalue()


def _answer_time(server: Server, token: str, file: bytes, *, wait: bool = True) -> float:
    """Milliseconds from the last byte that the kernel took to the first of the answer."""
    address = urlsplit(server.url)
    request = httpx.Request("POST", f"{server.url}/api/documents", files={"file": ("scan.pdf", file)})
    request.headers["Authorization"] = f"Bearer {token}"
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(f"POST {request.url.path} HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        sent = time.perf_counter()
        answer = connection.recv(4096)
        took = time.perf_counter() - sent
    assert answer.startswith(b"HTTP/1.1 201 "), answer
    if wait:
        _wait_for_ends(server)
    return 1000 * took


def _card_times(server: Server, page: Page, file: bytes) -> list[float]:
    page.goto("/")
    page.evaluate(NOTE_CARDS)
    for number in range(1, UPLOADS + 1):
        page.set_input_files("#file", {"name": "scan.pdf", "mimeType": "application/pdf", "buffer": file})
        eventually(lambda: page.evaluate("answers.length + cards.length") == 2 * number)  # noqa: B023
        _wait_for_ends(server)
    answers, cards = page.evaluate("answers"), page.evaluate("cards")
    # The stream may bring it before the answer is there.
    return [max(card - answer, 0.0) for answer, card in zip(answers, cards, strict=True)]


def _tiny_jobs(server: Server, token: str) -> list[Figure]:
    """One after another, each on a worker that has nothing else to do."""
    jobs = [_run(server, token, b"tiny", {}) for _ in range(TINY_JOBS)]
    rows = [_times_of(server, job) for job in jobs]
    return [
        Figure("queued → processing", [row["claimed"] - row["queued"] for row in rows], 50),
        Figure("processing → its first stage runs", [row["first stage"] - row["claimed"] for row in rows]),
        Figure("queued → completed", [row["completed"] - row["queued"] for row in rows]),
    ]


def _times_of(server: Server, job: int) -> dict[str, float]:
    """When what happened to it, in milliseconds."""
    events = ask_sql(server, "SELECT name, at FROM events WHERE job_id = ?", job)
    times = {name: datetime.fromisoformat(at + "+00:00").timestamp() for name, at in events}
    return {name: 1000 * at for name, at in (times | {"first stage": _stage_began(server, job)}).items()}


def _stage_began(server: Server, job: int) -> float:
    [(progress,)] = ask_sql(server, "SELECT last_progress FROM jobs WHERE id = ?", job)
    return json.loads(progress)["stages"][0]["started_at"]


def _changes(server: Server, token: str, page: Page) -> list[Figure]:
    """Watch the same jobs in a page and as a program."""
    in_page, in_program = [], []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(RATED_JOBS):
            params = {"bytes_per_second": int(BLOCK / SECONDS_A_BLOCK)}
            job = _submit(server, token, "checksum", bytes(BLOCKS * BLOCK), params)
            heard = pool.submit(_listen, server, token, job)
            page.goto(f"/jobs/{job}")
            page.evaluate(NOTE_BAR)
            page.wait_for_selector(".status[data-state=completed]", timeout=60_000)
            began = _stage_began(server, job)
            in_page += _delays(began, [(at, value / 100) for at, value in page.evaluate("seen")])
            in_program += _delays(began, heard.result())
    return [
        Figure("work → page, with the flush every 250 ms", in_page, 400),
        Figure("work → a program's client (contract A), the same", in_program, 400),
    ]


def _listen(server: Server, token: str, job: int) -> list[tuple[float, float]]:
    """When which fraction was heard."""
    headers = {"Authorization": f"Bearer {token}"}
    with (
        httpx.Client(base_url=server.url, headers=headers, timeout=30) as client,
        httpx_sse.connect_sse(client, "GET", f"/api/jobs/{job}/events") as source,
    ):
        return [(time.time(), event.json()["progress"]) for event in source.iter_sse()]


def _delays(began: float, seen: list[tuple[float, float]]) -> list[float]:
    """For each block that was read: how long until it was seen, alone or with later ones."""
    delays, before = [], 0
    for at, fraction in seen:
        blocks = round(fraction * BLOCKS)
        # Blocks that were read before the watcher came tell nothing.
        if before:
            delays += [1000 * (at - began - (block - 1) * SECONDS_A_BLOCK) for block in range(before + 1, blocks + 1)]
        before = blocks
    return delays


def _run(server: Server, token: str, file: bytes, params: dict[str, int]) -> int:
    job = _submit(server, token, "checksum", file, params)
    _wait_for_ends(server)
    return job


def _submit(server: Server, token: str, kind: str, file: bytes, params: dict[str, int], name: str = "file") -> int:
    answer = httpx.post(
        f"{server.url}/api/v1/jobs",
        headers={"Authorization": f"Bearer {token}"},
        data={"kind": kind, "params": json.dumps(params)},
        files={"file": (name, file)},
        timeout=60,
    )
    return int(answer.raise_for_status().json()["job_id"])


def _wait_for_ends(server: Server) -> None:
    query = "SELECT count(*) FROM jobs WHERE finished_at IS NULL"
    eventually(lambda: ask_sql(server, query) == [(0,)], within=60)


if __name__ == "__main__":
    main()
