"""PDFs page by page, by PDFium."""

from __future__ import annotations

from pathlib import Path

import pypdfium2 as pdfium

from webapp.engines.parsed import NO_PAGES, OnPage, Page, Parsed, check_count
from webapp.engines.text import clean, join_lines
from webapp.errors import JobError

NEEDS_PASSWORD = "This PDF needs a password. Save a copy without one and upload that."


class Refused(Exception):
    """PDFium can't make sense of the file; something else may."""


def read(path: Path, on_page: OnPage) -> Parsed:
    try:
        with pdfium.PdfDocument(path) as document:
            return _read(document, on_page)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium.raw.FPDF_ERR_PASSWORD:
            raise JobError(NEEDS_PASSWORD) from error
        raise Refused from error


def _read(document: pdfium.PdfDocument, on_page: OnPage) -> Parsed:
    total = len(document)
    if total == 0:
        raise JobError(NO_PAGES)
    check_count(total)
    pages = []
    on_page(0, total)
    for index in range(total):
        pages.append(_read_page(document, index))
        on_page(index + 1, total)
    return Parsed(pages, sum(page.images for page in pages))


def _read_page(document: pdfium.PdfDocument, index: int) -> Page:
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
