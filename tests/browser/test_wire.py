"""What is encoded for the wire is what a browser reads, whatever the text: Chromium's own EventSource is asked."""

from __future__ import annotations

import random
import re

from playwright.sync_api import Browser, Route

from webapp.stream.wire import HEARTBEAT, Message
from webapp.stream.writer import FIRST_HEARTBEAT, opening

HOST = "http://wire.test"
# By the standard; a browser gives back each of them as LF.
LINE_END = re.compile(r"\r\n|\r|\n")
# What the web platform tests (eventsource/format-*) try a reader with, here as texts to be carried.
AWKWARD = [
    "",
    " ",
    "\t",
    " leading and trailing ",
    "data:test",
    "data: test\n\ndata: again",
    "event: other\nid: 9\nretry: 1",
    ": a comment",
    ":",
    "\n",
    "\n\n\n",
    "one\rtwo\r\nthree\n\rfour",
    "\r",
    "\0",
    "data\0:2\rda-ta:3\rdata_5",
    "\ufeffdata:1",
    "\ufeff",
    "ok…",
    "\u2028\u2029\u0085\x0b\x0c\x1c\x1d\x1e",
    "\U0001f680\U0010ffff\ufffe\uffff",
    '<hx-partial hx-target="#a">&amp;</hx-partial>',
    "x" * 100_000,
]
# Answers with what each stream was read as: of every event its kind, data and id.
READ = """
(count) => Promise.all([...Array(count).keys()].map((n) => new Promise((resolve) => {
  const source = new EventSource(`/stream/${n}`), read = [];
  const note = ({ type, data, lastEventId }) => read.push([type, data, lastEventId]);
  source.onmessage = note;
  source.addEventListener("named", note);
  source.addEventListener("end", () => { source.close(); resolve(read); });
})))
"""


def some_texts(count: int) -> list[str]:
    """Of all of Unicode, with many line ends of all sorts and many signs that mean something on the wire."""
    chance = random.Random(7)
    signs = [*"\n\r\0:\ufeff\u2028\u2029\u0085 \t", "\r\n", "data: ", "id:", "event:"]

    def sign() -> str:
        if chance.random() < 0.5:
            return chance.choice(signs)
        code = chance.choice([chance.randrange(0x80), chance.randrange(0xD800), chance.randrange(0xE000, 0x110000)])
        return chr(code)

    return ["".join(sign() for _ in range(chance.randrange(40))) for _ in range(count)]


def test_chromium_reads_what_was_encoded(chromium: Browser) -> None:
    texts = AWKWARD + some_texts(300)
    streams = [texts[start : start + 25] for start in range(0, len(texts), 25)]
    page = chromium.new_page()
    page.route(f"{HOST}/**", lambda route: answer(route, streams))
    page.goto(HOST)
    read = page.evaluate(READ, len(streams))
    page.close()
    for stream, events in zip(streams, read, strict=True):
        assert events == [
            [kind, LINE_END.sub("\n", text), f"{n}.{n}"]
            for n, text in enumerate(stream)
            for kind in ("message", "named")
        ]


def answer(route: Route, streams: list[list[str]]) -> None:
    place = route.request.url.rpartition("/")[2]
    if not place:
        route.fulfill(content_type="text/html", body="<!doctype html><title>Wire</title>")
        return
    # As a stream begins, with a sign of life before its first event and others between.
    pieces = [opening(), FIRST_HEARTBEAT]
    for n, text in enumerate(streams[int(place)]):
        pieces += [Message(text).encode(f"{n}.{n}"), HEARTBEAT, Message(text, event="named").encode(f"{n}.{n}")]
    route.fulfill(content_type="text/event-stream; charset=utf-8", body=b"".join([*pieces, b"event: end\ndata:\n\n"]))
