"""Names that join a record's part, its element and its partial, so that none is joined by memory."""

from __future__ import annotations

import re
from typing import NamedTuple

EVENT_ID = re.compile(r"([a-z0-9]{1,20})\.([0-9]{1,18})")


class Topic(NamedTuple):
    """Something that can be watched: `Topic("job", 42)`, or all jobs of an owner, `Topic("jobs", 7)`; with a `filter`,
    those of them that match it."""

    noun: str
    id: int
    filter: str = ""


# The owner's place in a topic of everybody's jobs.
EVERYBODY = 0
# There is one of it.
SYSTEM = Topic("system", 0)


def dom_id(noun: str, id: int, part: str) -> str:
    """`dom_id("job", 42, "progress")` → `job-42-progress`."""
    return f"{noun}-{id}-{part}"


def partial(noun: str, part: str) -> str:
    """`partial("job", "progress")` → `jobs/_progress.html`; in `system/` for the one thing that has no plural."""
    folder = noun if noun == SYSTEM.noun else f"{noun}s"
    return f"{folder}/_{part}.html"


def event_id(stream: str, position: int) -> str:
    """`event_id("42", 1000017)` → `42.1000017`: how far a client has come in a stream."""
    return f"{stream}.{position}"


def position_in(stream: str, last_event_id: str | None) -> int | None:
    """How far a client says it has come; None for no word, or one that is not of this stream."""
    match = EVENT_ID.fullmatch(last_event_id or "")
    return int(match[2]) if match and match[1] == stream else None
