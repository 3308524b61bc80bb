"""A document's text, page by page.

Neither parser is loaded before it is needed: web processes know of documents, but read none, and
PDFs, the usual case, never need xberg's 100 MB.
"""

from __future__ import annotations

import re
from pathlib import Path

from webapp.engines import archives
from webapp.engines.parsed import DAMAGED, NO_PAGES, OnPage, Parsed
from webapp.errors import JobError

PDF = "application/pdf"
OFFICE = "application/vnd.openxmlformats-officedocument."

NO_TEXT = "No text was found in this file, so there is nothing to ingest. Upload one that contains text."
SCAN = (
    "This PDF is a scan: its pages are pictures without a text layer. "
    "Run text recognition (OCR) on it, then upload the result."
)


def parse(path: Path, media_type: str, on_page: OnPage) -> Parsed:
    """Read all text. `on_page(done, total)` is told of each page; JobError says what is wrong with the file."""
    parsed = _parse_pdf(path, on_page) if media_type == PDF else _parse_other(path, media_type, on_page)
    if not any(page.text for page in parsed.pages):
        raise JobError(SCAN if media_type == PDF and parsed.images else NO_TEXT)
    return parsed


def _parse_pdf(path: Path, on_page: OnPage) -> Parsed:
    from webapp.engines import pdf

    try:
        return pdf.read(path, on_page)
    except pdf.Refused as error:
        return _second_try(path, on_page, error)


def _second_try(path: Path, on_page: OnPage, reason: Exception) -> Parsed:
    """xberg rebuilds what it can of a PDF whose structure PDFium refuses."""
    if re.search(rb"/Count\s+0\b", path.read_bytes()):
        raise JobError(NO_PAGES) from reason
    parsed = _parse_other(path, PDF, on_page)
    if not any(page.text for page in parsed.pages):
        raise JobError(DAMAGED) from reason
    return parsed


def _parse_other(path: Path, media_type: str, on_page: OnPage) -> Parsed:
    from webapp.engines import office

    if media_type.startswith(OFFICE):
        archives.check(path)
    return office.read(path, media_type, on_page)
