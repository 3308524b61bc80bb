"""What parsing gives, whatever the file: pages of text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from webapp.errors import JobError

MAX_PAGES = 5_000

DAMAGED = "The file is damaged and can't be read. Make a new copy of it and upload that."
NO_PAGES = "This PDF has no pages. Upload a file that has some."
TOO_MANY_PAGES = f"The document has more than {MAX_PAGES:,} pages. Split it and upload the parts."

# Told the pages done, and how many there are if that is known.
OnPage = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Page:
    """`number` counts from 1; `images` is how many pictures stand on it."""

    number: int
    text: str
    images: int = 0


@dataclass(frozen=True)
class Parsed:
    pages: list[Page]
    images: int

    @property
    def characters(self) -> int:
        return sum(len(page.text) for page in self.pages)


def check_count(pages: int) -> None:
    if pages > MAX_PAGES:
        raise JobError(TOO_MANY_PAGES)
