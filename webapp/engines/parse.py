"""A document's text, page by page: PDFs by PDFium, all else by xberg."""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2 as pdfium

from webapp.engines import archives
from webapp.engines.text import clean, join_lines
from webapp.errors import JobError

if TYPE_CHECKING:
    from xberg import ExtractedDocument

MAX_PAGES = 5_000
# What has no pages of its own is cut into pages of about this many characters.
PAGE_LENGTH = 3_500
LONGEST_PAGE = 8_000

PDF = "application/pdf"
OFFICE = "application/vnd.openxmlformats-officedocument."

NEEDS_PASSWORD = "This PDF needs a password. Save a copy without one and upload that."
DAMAGED = "The file is damaged and can't be read. Make a new copy of it and upload that."
NO_PAGES = "This PDF has no pages. Upload a file that has some."
NO_TEXT = "No text was found in this file, so there is nothing to ingest. Upload one that contains text."
SCAN = (
    "This PDF is a scan: its pages are pictures without a text layer. "
    "Run text recognition (OCR) on it, then upload the result."
)
TOO_MANY_PAGES = f"The document has more than {MAX_PAGES:,} pages. Split it and upload the parts."

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


def parse(path: Path, media_type: str, on_page: OnPage) -> Parsed:
    """Read all text. `on_page(done, total)` is told of each page; JobError says what is wrong with the file."""
    if media_type.startswith(OFFICE):
        archives.check(path)
    parsed = _parse_pdf(path, on_page) if media_type == PDF else _parse_other(path, media_type, on_page)
    if not any(page.text for page in parsed.pages):
        raise JobError(SCAN if media_type == PDF and parsed.images else NO_TEXT)
    return parsed


def _parse_pdf(path: Path, on_page: OnPage) -> Parsed:
    try:
        with pdfium.PdfDocument(path) as document:
            return _read_pdf(document, on_page)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium.raw.FPDF_ERR_PASSWORD:
            raise JobError(NEEDS_PASSWORD) from error
        return _second_try(path, on_page)


def _read_pdf(document: pdfium.PdfDocument, on_page: OnPage) -> Parsed:
    total = len(document)
    if total == 0:
        raise JobError(NO_PAGES)
    _check_count(total)
    pages = []
    on_page(0, total)
    for index in range(total):
        pages.append(_read_pdf_page(document, index))
        on_page(index + 1, total)
    return Parsed(pages, sum(page.images for page in pages))


def _read_pdf_page(document: pdfium.PdfDocument, index: int) -> Page:
    """A page that PDFium can't read is kept, empty: the others are worth having."""
    try:
        page = document[index]
    except pdfium.PdfiumError:
        return Page(index + 1, "")
    try:
        images = sum(1 for _ in page.get_objects(filter=[pdfium.raw.FPDF_PAGEOBJ_IMAGE]))
        text_page = page.get_textpage()
        try:
            text = text_page.get_text_bounded(errors="replace")
        finally:
            text_page.close()
    finally:
        page.close()
    return Page(index + 1, join_lines(clean(text)), images)


def _second_try(path: Path, on_page: OnPage) -> Parsed:
    """xberg rebuilds what it can of a PDF whose structure PDFium refuses."""
    try:
        parsed = _parse_other(path, PDF, on_page)
    except JobError as error:
        if re.search(rb"/Count\s+0\b", path.read_bytes()):
            raise JobError(NO_PAGES) from error
        raise
    if not any(page.text for page in parsed.pages):
        raise JobError(DAMAGED)
    return parsed


def _parse_other(path: Path, media_type: str, on_page: OnPage) -> Parsed:
    on_page(0, None)
    document = _extract(path, media_type)
    if media_type.startswith(OFFICE):
        images = _count_media(path)
    else:
        images = len(document.images or [])
    texts = [_tidy_sheet(page.content) for page in document.pages or []] or [document.content]
    parts = [part for text in texts for part in _cut(clean(text))]
    _check_count(len(parts))
    on_page(len(parts), len(parts))
    return Parsed([Page(number, text) for number, text in enumerate(parts, 1)], images)


def _extract(path: Path, media_type: str) -> ExtractedDocument:
    # Only here: PDFs, the usual case, never need its 100 MB.
    import xberg

    config = xberg.ExtractionConfig(
        use_cache=False, disable_ocr=True, pages=xberg.PageConfig(extract_pages=True), extraction_timeout_secs=600
    )
    source = xberg.ExtractInput(kind=xberg.ExtractInputKind.URI, uri=str(path.absolute()), mime_type=media_type)
    try:
        extracted = asyncio.run(xberg.extract(source, config))
    except (RuntimeError, ValueError, OSError, xberg.XbergError) as error:
        raise JobError(NEEDS_PASSWORD if "password" in str(error) else DAMAGED) from error
    if extracted.errors or not extracted.results:
        raise JobError(DAMAGED)
    return extracted.results[0]


def _count_media(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(bool(re.match(r"(word|ppt|xl)/media/[^/]+$", name)) for name in archive.namelist())


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


def _check_count(pages: int) -> None:
    if pages > MAX_PAGES:
        raise JobError(TOO_MANY_PAGES)
