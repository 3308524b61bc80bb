"""Names of files, and of many together, that are safe to show and store whoever gave them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

LONGEST_NAME = 255
LONGEST_EXTENSION = 16


def name_together(names: Sequence[str]) -> str:
    """`3 files, “a.pdf” first`"""
    return f"{len(names)} files, “{clean_name(names[0])}” first"


def clean_name(name: str) -> str:
    """Without a path, control characters and direction marks; at most 255 bytes, the extension kept."""
    last = tidy(name.replace("\\", "/").rstrip("/").rpartition("/")[2])
    if not last.strip(". "):
        return "unnamed"
    stem, dot, extension = last.rpartition(".")
    if not stem or len(extension) > LONGEST_EXTENSION:
        stem, dot, extension = last, "", ""
    return _fitted(stem, LONGEST_NAME - len((dot + extension).encode())) + dot + extension


def tidy(text: str) -> str:
    """On one line, without control characters and direction marks."""
    # Categories C…: control, format (direction marks and zero-width ones too), unassigned, surrogates.
    visible = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(unicodedata.normalize("NFC", visible).split())


def _fitted(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore").rstrip()
