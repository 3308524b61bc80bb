"""Text as libraries hand it over, made fit to store, show and split."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

# Direction overrides could make a page show something else than what it says; soft hyphens, byte
# order marks and non-characters say nothing. PDFium marks a word broken at a line's end by \x02.
BROKEN_WORD = re.compile("[\x02\u00ad]\n?")
UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
LIGATURE = re.compile("[\ufb00-\ufb06]")
SPACE_AT_LINE_END = re.compile(r"[^\S\n]+\n")
BLANK_LINES = re.compile(r"\n{3,}")

# A line at least this share of the page's full width goes on in the next one.
FULL_LINE = 0.75


def clean(text: str) -> str:
    """Valid Unicode in composed form, with plain line ends and without control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = UNWANTED.sub("", BROKEN_WORD.sub("", text))
    text = LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = BLANK_LINES.sub("\n\n", SPACE_AT_LINE_END.sub("\n", text))
    return unicodedata.normalize("NFC", text).strip()


def join_lines(text: str) -> str:
    """Undo the line breaks of a typeset page: a full line goes on, a short one ends a paragraph."""
    lines = text.split("\n")
    full = FULL_LINE * _usual_width(lines)
    joined = lines[0]
    for before, line in pairwise(lines):
        goes_on = len(before) >= full and line and not _begins_item(line)
        joined += (" " if goes_on else "\n") + line
    return joined


def _usual_width(lines: list[str]) -> float:
    """The length that nine in ten of the longer lines don't pass, at least that of a short sentence."""
    lengths = sorted(len(line) for line in lines if len(line) > 1)
    return max(lengths[len(lengths) * 9 // 10], 40) if lengths else 40


def _begins_item(line: str) -> bool:
    return bool(re.match(r"([•▪◦*–-]|\(?\w{1,3}[.)])\s", line))
