"""A person's question as FTS5 queries, and FTS5's marked snippets as pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_TERMS = 24
OPENING = 320
# Marks around a match. Stored text has no control characters, so they can't be confused with it.
ON, OFF = "\x02", "\x03"

# Words that stand in nearly every passage: alone they would find everything.
STOP_WORDS = """
    a an and are as at be but by did do does for from had has have how i if in into is it its me my no not of on or our
    she he so than that the their them then there these they this to was we were what when where which who why will
    with you your
"""
STOP = frozenset(STOP_WORDS.split())


def queries(question: str) -> Iterator[str]:
    """Stricter first; none when nothing can be looked up. Every term is quoted, so nothing is syntax.

    'who built "Rock Light"?' → '"built" "Rock Light"', then '"built" OR "Rock Light"'
    """
    terms = list(dict.fromkeys(_terms(question)))[:MOST_TERMS]
    telling = [term for term in terms if term.casefold() not in STOP] or terms
    quoted = [f'"{term}"' for term in telling]
    if quoted:
        yield " ".join(quoted)
    if len(quoted) > 1:
        yield " OR ".join(quoted)


def _terms(question: str) -> Iterator[str]:
    for phrase, word in re.findall(r'"([^"]*)"|(\w+)', question):
        term = " ".join(re.findall(r"\w+", phrase or word))
        # The s of "it's" is no word.
        if len(term) > 1 or (term and not term.isascii()) or term.isdigit():
            yield term


def pieces(marked: str) -> list[tuple[str, bool]]:
    """'a \\x02b\\x03 c' → [('a ', False), ('b', True), (' c', False)]"""
    split = re.split(f"{ON}([^{OFF}]*){OFF}", marked)
    return [(text, bool(index % 2)) for index, text in enumerate(split) if text]


def opening(text: str) -> list[tuple[str, bool]]:
    """The beginning, ended at a word, for a passage without a matching word."""
    if len(text) <= OPENING:
        return [(text, False)]
    return [(text[:OPENING].rpartition(" ")[0] + " …", False)]
