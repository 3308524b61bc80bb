"""The wire format of server-sent events, and nothing else. https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import re

from msgspec import Struct

HEARTBEAT = b":\n\n"
# Only these and LF end a line here; str.splitlines() would also cut at U+2028 and others, and lose data.
RETURN = re.compile(r"\r\n?")
NOT_IN_A_LINE = frozenset("\r\n\0")


class Message(Struct, frozen=True):
    """One event. An unnamed one is swapped into pages by htmx; a named one becomes a DOM event."""

    data: str
    event: str = ""

    def encode(self, id: str = "") -> bytes:
        """The bytes to send. `Message("hi").encode("4.2")` → `id: 4.2\\ndata: hi\\n\\n`."""
        event = f"event: {_one_line(self.event)}\n" if self.event else ""
        id = f"id: {_one_line(id)}\n" if id else ""
        data = RETURN.sub("\n", self.data) if "\r" in self.data else self.data
        lines = data.replace("\n", "\ndata: ")
        return f"{event}{id}data: {lines}\n\n".encode("utf-8", "replace")


def _one_line(text: str) -> str:
    if not NOT_IN_A_LINE.isdisjoint(text):
        raise ValueError("an event's name and id are one line")
    return text
