"""Everything but PDFs, by xberg: Office files, HTML, Markdown, plain text; and broken PDFs once more."""

from __future__ import annotations

import asyncio
import re
import zipfile
from pathlib import Path

import xberg

from webapp.engines.parsed import DAMAGED, OnPage, Page, Parsed, check_count
from webapp.engines.text import clean, join_lines
from webapp.errors import JobError

# What has no pages of its own is cut into pages of about this many characters.
PAGE_LENGTH = 3_500
LONGEST_PAGE = 8_000
SECONDS = 600
NEEDS_PASSWORD = "The file needs a password. Save a copy without one and upload that."


def read(path: Path, media_type: str, on_page: OnPage) -> Parsed:
    on_page(0, None)
    document = _extract(path, media_type)
    texts = [_tidy_sheet(page.content) for page in document.pages or []] or [document.content]
    parts = [part for text in texts for part in _cut(_readable(text, media_type))]
    check_count(len(parts))
    on_page(len(parts), len(parts))
    return Parsed([Page(number, text) for number, text in enumerate(parts, 1)], _count_images(path))


def _extract(path: Path, media_type: str) -> xberg.ExtractedDocument:
    config = xberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,
        pages=xberg.PageConfig(extract_pages=True),
        extraction_timeout_secs=SECONDS,
    )
    source = xberg.ExtractInput(kind=xberg.ExtractInputKind.URI, uri=str(path.absolute()), mime_type=media_type)
    try:
        extracted = asyncio.run(xberg.extract(source, config))
    except (RuntimeError, ValueError, OSError, xberg.XbergError) as error:
        raise JobError(NEEDS_PASSWORD if "password" in str(error) else DAMAGED) from error
    if extracted.errors or not extracted.results:
        raise JobError(DAMAGED)
    return extracted.results[0]


def _count_images(path: Path) -> int:
    """The pictures inside an Office file."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        return sum(bool(re.match(r"(word|ppt|xl)/media/[^/]+$", name)) for name in archive.namelist())


def _readable(text: str, media_type: str) -> str:
    """Plain text files are often broken at a fixed width."""
    return join_lines(clean(text)) if media_type == "text/plain" else clean(text)


def _tidy_sheet(text: str) -> str:
    """A sheet's name comes twice."""
    return re.sub(r"\A(## [^\n]+)\n+\1\n", r"\1\n", text)


def _cut(text: str) -> list[str]:
    """Pages of a readable length, ended at a paragraph where there is one, else at a line or a space.

    "one\\n\\ntwo" → ["one\\n\\ntwo"]
    """
    parts, start = [], 0
    while len(text) - start > LONGEST_PAGE:
        end = _good_end(text, start)
        parts.append(text[start:end].strip())
        start = end
    return [*parts, text[start:].strip()]


def _good_end(text: str, start: int) -> int:
    for mark in ("\n\n", "\n", " "):
        end = text.rfind(mark, start + PAGE_LENGTH // 2, start + PAGE_LENGTH)
        if end > 0:
            return end
    return start + PAGE_LENGTH
