"""The wire format of server-sent events, and nothing else. https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEARTBEAT = b":\n\n"
# Only these end a line here; str.splitlines() would also cut at U+2028 and others, and lose data.
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Message:
    """One event. An unnamed one is swapped into pages by htmx; a named one becomes a DOM event."""

    data: str
    event: str = ""

    def encode(self, id: str = "") -> bytes:
        """The bytes to send. `Message("hi").encode("4.2")` → `id: 4.2\\ndata: hi\\n\\n`."""
        lines = [f"event: {_one_line(self.event)}"] if self.event else []
        lines += [f"id: {_one_line(id)}"] if id else []
        lines += [f"data: {line}" for line in LINE_END.split(self.data)]
        return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def _one_line(text: str) -> str:
    if any(c in text for c in "\r\n\0"):
        raise ValueError("an event's name and id are one line")
    return text
